"""One person's UDP socket to a voice server: sealed Opus packets both ways, discovery and keepalive."""

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from bot.emulators.client.dave import DaveClient, UndecryptableError
from bot.emulators.client.hearing import Hearing
from bot.emulators.client.rtp import Packet, Transport, TransportError, discovered, discovery_request

KEEPALIVE_S = 5.0  # as Discord's clients; a voice server forgets who is silent for about a minute
KEEPALIVE_BYTES = 8
DISCOVERY_TRIES, DISCOVERY_WAIT_S = 5, 0.5
HELD_PACKETS, HELD_S = 100, 2.0  # of one SSRC, until it is known who speaks or the group is formed
REMEMBERED = 256  # sequence numbers of one SSRC by which a duplicate is known: 5 s


@dataclass(frozen=True, slots=True)
class _Held:
    packet: Packet
    at: float


class Media(asyncio.DatagramProtocol):
    """Sends what the person says and gives what is heard to `hearing`."""

    def __init__(self, dave: DaveClient, hearing: Hearing) -> None:
        self.ssrc = 0
        self.users: dict[int, int] = {}
        """Who speaks with which SSRC, by op 5."""
        self._dave, self._hearing = dave, hearing
        self._held: dict[int, deque[_Held]] = {}
        self._seen: dict[int, deque[int]] = {}
        self._transport: Transport | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._discovery: asyncio.Future[tuple[str, int]] | None = None

    async def discover(self, ip: str, port: int, ssrc: int) -> tuple[str, int]:
        """Open the socket and return the address that the server sees; raise TimeoutError if it is silent."""
        loop = asyncio.get_running_loop()
        self.ssrc = ssrc
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(ip, port))
        self._discovery = loop.create_future()
        for _ in range(DISCOVERY_TRIES):
            self._udp.sendto(discovery_request(ssrc))
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(self._discovery), DISCOVERY_WAIT_S)
        raise TimeoutError("the voice server does not answer IP discovery")

    def key(self, mode: str, key: bytes) -> None:
        """Send and receive with this key from now on."""
        self._transport = Transport(mode, key)

    def send(self, opus: bytes, sequence: int, timestamp: int) -> bool:
        """Encrypt and send a packet; False where it can't be encrypted yet, or the socket is closed."""
        sealed = self._dave.seal(opus)
        if sealed is None or self._transport is None or self._udp is None or self._udp.is_closing():
            return False
        packet = Packet(self.ssrc, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, sealed)
        self._udp.sendto(self._transport.seal(packet))
        return True

    async def keep_alive(self) -> None:
        """Send the counter that keeps the way open, until cancelled."""
        count = 0
        while self._udp and not self._udp.is_closing():
            self._udp.sendto(count.to_bytes(KEEPALIVE_BYTES, "little"))
            count += 1
            await asyncio.sleep(KEEPALIVE_S)

    def forget(self, user_id: int) -> None:
        """Unmap someone who left."""
        self.users = {ssrc: user for ssrc, user in self.users.items() if user != user_id}

    def close(self) -> None:
        """Close the socket."""
        if self._udp:
            self._udp.close()

    def datagram_received(self, data: bytes, _: Any) -> None:
        """Take a datagram of the server."""
        if (address := discovered(data)) and self._discovery:
            if not self._discovery.done():
                self._discovery.set_result(address)
        elif self._transport and len(data) != KEEPALIVE_BYTES:  # that is the echo of a keepalive
            self._open(self._transport, data, time.monotonic())

    def _open(self, transport: Transport, data: bytes, at: float) -> None:
        try:
            packet = transport.open(data)
        except TransportError as error:
            self._hearing.counts[f"transport: {error}"] += 1
            return
        seen = self._seen.setdefault(packet.ssrc, deque(maxlen=REMEMBERED))
        if packet.sequence in seen:
            self._hearing.counts["duplicate"] += 1
            return
        seen.append(packet.sequence)
        self._listen(_Held(packet, at))

    def _listen(self, held: _Held) -> None:
        packet = held.packet
        user = self.users.get(packet.ssrc)
        if user is None:
            self._hold(held)
            return
        try:
            opus = self._dave.open(user, packet.payload)
        except UndecryptableError as error:
            if error.early:
                self._hold(held)
            else:
                self._hearing.counts[f"undecryptable: {error}"] += 1
            return
        self._hearing.add(user, packet.ssrc, packet.sequence, packet.timestamp, opus, held.at)

    def _hold(self, held: _Held) -> None:
        waiting = self._held.setdefault(held.packet.ssrc, deque())
        waiting.append(held)
        while len(waiting) > HELD_PACKETS or waiting[-1].at - waiting[0].at > HELD_S:
            waiting.popleft()
            known = held.packet.ssrc in self.users
            self._hearing.counts["undecryptable: for too long" if known else "unmapped"] += 1

    def replay(self) -> None:
        """Try again what could not be heard yet: the gateway told something new."""
        held, self._held = self._held, {}
        for waiting in held.values():
            for each in waiting:
                self._listen(each)

    @property
    def waiting(self) -> int:
        """How many packets are held, neither heard nor given up."""
        return sum(map(len, self._held.values()))
