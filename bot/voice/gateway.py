"""discord.py's voice websocket with its defects worked around; nothing of discord.py is patched.

What differs: it can be resumed; IP discovery asks again; what davey or the server's messages raise ends
neither the websocket nor the task that reads it; proposals for strangers are refused, and commits of ours
that were replaced since; everything that the receive side needs to know is passed on.
"""

import asyncio
import logging
import struct
from typing import TYPE_CHECKING, Any

import davey
from discord.gateway import DiscordVoiceWebSocket
from discord.utils import MISSING

from bot.voice.payloads import checked
from bot.voice.transport import MODES

if TYPE_CHECKING:
    from bot.voice.encryption import EncryptedState

logger = logging.getLogger(__name__)

DISCOVERY_TRIES = 5
DISCOVERY_WAIT_S = 0.5  # 10 times a usual round trip; with 5 tries within what a handshake may take
CLOSE_S = 1.0  # a crashed server never confirms the close, and aiohttp would wait 30 s for it

_DISCOVERY = struct.Struct(">HHI64sH")  # type, length of the rest, SSRC, address, port
_DISCOVERY_REQUEST, _DISCOVERY_REPLY, _DISCOVERY_LENGTH = 1, 2, 70

# What a message that isn't as documented can raise while it is taken apart, and davey when it refuses one.
_BAD_MESSAGE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, struct.error)


class NoCommonModeError(Exception):
    """The voice server offers no transport encryption that we speak."""


class VoiceGateway(DiscordVoiceWebSocket):
    """One websocket to a voice server; made with `from_connection_state`."""

    _connection: "EncryptedState"
    resumed = False

    async def identify(self) -> None:
        """Begin a session; leave no websocket behind if that fails."""
        await self._or_close(super().identify())

    async def resume(self) -> None:
        """Take up the last session; leave no websocket behind if that fails."""
        await self._or_close(super().resume())

    async def _or_close(self, greeting: Any) -> None:
        try:
            await greeting
        except BaseException:  # a cancellation too: nobody else knows of this socket yet
            await self.shut()
            raise

    async def shut(self) -> None:
        """Close, whatever the other end does."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.close()
        except TimeoutError:
            logger.debug("The voice server did not confirm the close")
        finally:
            # It refers back here, and would keep the socket until Python's garbage collector comes by.
            self._keep_alive = None

    async def poll_event(self) -> None:
        """Handle the next message; raise ConnectionClosed, or TimeoutError after 30 s without any."""
        try:
            await super().poll_event()
        except (ValueError, RecursionError) as error:
            logger.warning("The voice server sent a message that is no JSON: %s", error)

    async def received_message(self, msg: dict[str, Any]) -> None:
        """Handle a JSON message; one that is not as documented is skipped."""
        try:
            op, data = checked(msg)
            self._check_order(op)
            self._connection.receiving(op, data)
            await super().received_message(msg)
            self._connection.received(op, data)
        except _BAD_MESSAGE as error:
            logger.warning("Skipping a message (op %s) from the voice server: %r", _op(msg), error)
            return
        self.resumed = self.resumed or op == self.RESUMED

    def _check_order(self, op: int) -> None:
        if op == self.HELLO and self._keep_alive is not None:
            raise ValueError("there was one")  # each would start another thread of heartbeats
        if op == self.SESSION_DESCRIPTION and self._connection.ssrc is MISSING:
            raise ValueError("it comes before READY")

    async def initial_connection(self, data: dict[str, Any]) -> None:
        """Connect the socket and choose the encryption by our order of preference, not by the server's."""
        modes = [mode for mode in MODES if mode in data["modes"]]
        if not modes:
            raise NoCommonModeError(", ".join(data["modes"]))
        await super().initial_connection({**data, "modes": modes})

    async def received_binary_message(self, msg: bytes) -> None:
        """Handle a DAVE message; one that davey refuses changes nothing.

        The protocol says that proposals without a group are ignored; davey raises.
        """
        if len(msg) < 3:
            return
        op = msg[2]
        try:
            if op == self.MLS_PROPOSALS:
                await self._received_proposals(msg)
            elif op == self.MLS_ANNOUNCE_COMMIT_TRANSITION and self._connection.own_commits.replaced(msg[5:]):
                await self._received_replaced(msg)
            else:
                await super().received_binary_message(msg)
        except _BAD_MESSAGE as error:
            self._connection.refused_messages += 1
            logger.info("A DAVE message (op %d) was refused: %s", op, error)
            return
        if op in (self.MLS_ANNOUNCE_COMMIT_TRANSITION, self.MLS_WELCOME):
            self._connection.observer.epoch_changed()

    async def _received_proposals(self, msg: bytes) -> None:
        """Commit to proposals, but add nobody whom the gateway has not announced."""
        self.seq_ack = struct.unpack_from(">H", msg)[0]
        session = self._connection.dave_session
        if session is None:
            return
        kind = davey.ProposalsOperationType.revoke if msg[3] else davey.ProposalsOperationType.append
        answer = session.process_proposals(kind, msg[4:], sorted(self._connection.expected_users()))
        self._connection.own_commits.made(answer.commit if answer is not None else None)
        if answer is not None:
            await self.send_binary(self.MLS_COMMIT_WELCOME, answer.commit + (answer.welcome or b""))

    async def _received_replaced(self, msg: bytes) -> None:
        """Treat as invalid a commit of ours that davey can't merge any more, having made another since."""
        self.seq_ack, _op, transition_id = struct.unpack_from(">HBH", msg)
        await self._connection.recover_dave(transition_id)

    async def discover_ip(self) -> tuple[str, int]:
        """Ask the server for our address and port as it sees them, again if a datagram is lost.

        Raise TimeoutError where there is no answer at all.
        """
        connection = self._connection
        answer: asyncio.Future[tuple[str, int]] = self.loop.create_future()

        def settle(found: tuple[str, int]) -> None:
            if not answer.done():
                answer.set_result(found)

        def listen(data: bytes) -> None:
            if (found := parse_discovery(data, connection.ssrc)) is not None:
                self.loop.call_soon_threadsafe(settle, found)

        connection.add_socket_listener(listen)
        try:
            for _ in range(DISCOVERY_TRIES):
                await self.loop.sock_sendall(connection.socket, build_discovery(connection.ssrc))
                done, _pending = await asyncio.wait({answer}, timeout=DISCOVERY_WAIT_S)
                if done:
                    return answer.result()
        finally:
            answer.cancel()
            connection.remove_socket_listener(listen)
        raise TimeoutError("the voice server did not answer over UDP")


async def handle_next(ws: DiscordVoiceWebSocket) -> None:
    """Handle one message; be cancelled even where a message comes with the cancellation.

    discord.py waits with `asyncio.wait_for`, which in Python 3.11 returns the message then and forgets the
    rest; leaving would wait for the next message.
    """
    await ws.poll_event()
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def build_discovery(ssrc: int) -> bytes:
    """Return the 74 bytes that ask for our outside address (Discord's voice docs, "IP Discovery")."""
    return _DISCOVERY.pack(_DISCOVERY_REQUEST, _DISCOVERY_LENGTH, ssrc, b"", 0)


def parse_discovery(data: bytes, ssrc: int) -> tuple[str, int] | None:
    """Return address and port of a reply to our SSRC, None for any other datagram."""
    if len(data) != _DISCOVERY.size:
        return None
    kind, length, for_ssrc, address, port = _DISCOVERY.unpack(data)
    if (kind, length, for_ssrc) != (_DISCOVERY_REPLY, _DISCOVERY_LENGTH, ssrc):
        return None
    try:
        return address.partition(b"\0")[0].decode("ascii"), port
    except UnicodeDecodeError:
        return None


def _op(msg: object) -> int | None:
    """Return the opcode for the log: what else may stand in its place does not belong there."""
    op = msg.get("op") if isinstance(msg, dict) else None
    return op if isinstance(op, int) and 0 <= op < 256 else None
