"""A Live session as an actor: the tasks and the socket around the decisions of `core`.

One supervisor makes a connection after the other; each has one sender and one receiver. All calls come from
the event loop's thread, none of those that say something waits, and every event is told on that thread.
"""

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google import genai
from google.genai import errors
from google.genai.live import AsyncSession
from websockets.exceptions import ConnectionClosed, WebSocketException

from bot.latency import Latency
from bot.live.breaker import Breaker
from bot.live.core import LiveCore
from bot.live.delivery import deliver
from bot.live.errors import LiveError
from bot.live.events import Failed, LiveEvent, Ready, ToolCalled
from bot.live.failures import UNREADABLE, StrangeAnswerError, classify
from bot.live.outbox import (
    ActivityEnd,
    ActivityStart,
    Audio,
    Item,
    Picture,
    Text,
    ToolResult,
)
from bot.live.setup import LiveSetup
from bot.live.states import OVER, TALKING, LiveState

logger = logging.getLogger(__name__)

START_S = 7.0  # two attempts, or more that fail fast; with 3 s for closing, /join is answered within 10 s
SEND_S = 10.0  # a send that waits this long has filled every buffer on the way: the other end is gone
CLOSE_S = 1.8  # the connection itself closes within 1 s

_FAILURES = (errors.APIError, WebSocketException, OSError, EOFError, StrangeAnswerError)


class LiveSession:
    """A conversation with a Live model that outlives its connections; `on_event` hears what comes of it."""

    def __init__(
        self,
        client: genai.Client,
        setup: LiveSetup,
        on_event: Callable[[LiveEvent], None],
        *,
        name: str,
        rng: random.Random | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        """`rng` jitters the waits between attempts; `name` is the tasks' and the log's.

        `breaker` is shared by the sessions of a process.
        """
        self.mouth_to_live = Latency()
        """From when a datagram arrived to when the socket had taken its speech, whatever held it up between:
        keys at a join, the jitter buffer, a lost connection. What waits for its turn is not in it."""
        self._client = client
        self._on_event = on_event
        self._name = f"live-{name}"
        self._core = LiveCore(setup, rng or random.Random(), name=self._name, breaker=breaker)  # noqa: S311 - jitter
        self._supervisor: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._work = asyncio.Event()
        self._woken: asyncio.Future[None] | None = None

    @property
    def state(self) -> LiveState:
        """Where the session stands."""
        return self._core.state

    @property
    def marks(self) -> bool:
        """Whether the turns are to be marked now; else the model finds them, and refuses marks."""
        return self._core.setup.turns == "marks"

    def change(self, setup: LiveSetup) -> None:
        """Go on with another setup from the next idle moment, over another connection."""
        self._core.change(setup, time.monotonic())
        self._wake()

    def counters(self) -> dict[str, int]:
        """Return what happened so far, by name."""
        return self._core.counted()

    # -- its life

    async def start(self) -> None:
        """Connect, and return when the session can be talked with.

        Raises LiveError with a sentence where it can't be had within 7 s; nothing is left open then. That
        failure is raised only, not told as an event.
        """
        if self._core.state is LiveState.CLOSED:
            raise LiveError("The call is over.")
        self._core.start()
        self._supervisor = asyncio.create_task(self._supervise(), name=self._name)
        try:
            async with asyncio.timeout(START_S):
                await self._started.wait()
        except TimeoutError:
            await self.close()
            raise LiveError(self._why("Gemini did not answer in time.")) from None
        except asyncio.CancelledError:
            await self.close()
            raise
        if self._core.state in OVER:
            raise LiveError(self._why("The call was ended."))

    async def close(self) -> None:
        """End the session and its connection within 2 s, from any state; nothing is told any more."""
        self._core.close()
        self._started.set()
        if self._supervisor is None:
            return
        self._supervisor.cancel()
        _, late = await asyncio.wait({self._supervisor}, timeout=CLOSE_S)
        if late:
            logger.error("%s did not end within %s s", self._name, CLOSE_S)

    def _why(self, otherwise: str) -> str:
        failure = self._core.failure
        return failure.sentence if failure is not None else otherwise

    # -- what is said to the model

    def send_audio(
        self, pcm: bytes, at: float, *, speaker: int | frozenset[int], replayed: bool = False
    ) -> None:
        """Say a person's speech: PCM16 little-endian, 16 kHz mono, received at `at`; kept a while in a gap.

        Of several speakers it is the sum. What is `replayed` had to wait for its turn, which is not measured
        as latency.
        """
        if pcm:
            self._say(Audio(pcm, at, speaker, direct=not replayed))

    def send_silence(self, samples: int, now: float) -> None:
        """Say nothing for so many samples at 16 kHz."""
        if samples:
            self._say(Audio(bytes(2 * samples), now, direct=False))

    def forget(self, speaker: int) -> None:
        """Send nothing more of what this person said, not even again, nor tell a new session of it.

        What Gemini was sent before this is in its context, and stays there.
        """
        self._core.forget(speaker)

    def activity_start(self) -> None:
        """Begin a person's turn; does nothing within one."""
        self._mark(ActivityStart())

    def activity_end(self) -> None:
        """End the turn, which is then answered; does nothing outside of one."""
        self._mark(ActivityEnd())

    def inform(self, text: str) -> None:
        """Tell the model something to know, in order with the speech, and ask for no answer."""
        self._say(Text(text, answer=False))

    def ask(self, text: str) -> None:
        """Say something in words that is to be answered; it interrupts an answer."""
        self._say(Text(text, answer=True))

    def unwanted(self) -> None:
        """Take in that nobody wants to hear the rest of the answer: it is not gone on with."""
        self._core.exchange.unwanted()

    def show(self, jpeg: bytes, by: int | None = None) -> None:
        """Let the model see a picture, in order with the speech; what it is to know of it goes before.

        `by` is who shows it: it is forgotten with what they said.
        """
        self._say(Picture(jpeg, by))

    def remind(self, text: str, jpeg: bytes, by: int) -> None:
        """Let a connection that has just been made know of a picture before all that waits to be sent."""
        self._core.outbox.put_first(Text(text, answer=False), Picture(jpeg, by))
        self._work.set()

    def holds(self, jpeg: bytes) -> bool:
        """Whether a picture waits to be sent, or to be sent again."""
        return self._core.outbox.holds(jpeg)

    def refused(self) -> tuple[bytes, ...]:
        """Return pictures of which the model refused one since this was last asked; none is sent again."""
        refused, self._core.outbox.refused = self._core.outbox.refused, ()
        return refused

    @property
    def backlog(self) -> int:
        """How many items wait to be sent."""
        return self._core.outbox.waiting

    def answer_tool(self, call: ToolCalled, response: Mapping[str, Any], *, silent: bool = False) -> bool:
        """Give the model what came of a function call, as JSON values; it tells it unless that is `silent`.

        Returns False where the call was given up meanwhile, or its connection is gone.
        """
        wanted = self._core.result(call.connection, ToolResult(call.id, call.name, response, silent))
        self._work.set()
        return wanted

    def _mark(self, mark: ActivityStart | ActivityEnd) -> None:
        if not self.marks:
            raise ValueError("this session's model finds the turns itself, and refuses marks")
        self._say(mark)

    def _say(self, item: Item) -> None:
        if self._core.say(item):
            self._work.set()

    # -- tasks

    async def _supervise(self) -> None:
        """Make connections until it is over."""
        while self._core.state not in OVER:
            if self._core.state is LiveState.BACKING_OFF:
                await asyncio.sleep(self._remaining_s() or 0.0)
                self._tell(self._core.poll(time.monotonic()))
            else:
                await self._connection()

    async def _connection(self) -> None:
        """Make one connection and talk over it; the socket is closed when this returns."""
        attempt = self._core.attempt()
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(self._core.patience_s):  # for setupComplete too
                    session = await self._open(stack, attempt.handle)
                self._tell(self._core.connected(time.monotonic()))
                await self._talk(session, attempt.number)
        except _FAILURES as error:
            self._tell(self._core.failed(attempt.number, classify(error), time.monotonic()))
        except Exception as error:  # the edge of the task: a call must not go mute over a bug
            logger.exception("%s: unexpected", self._name)
            self._tell(self._core.failed(attempt.number, classify(error), time.monotonic()))

    async def _open(self, stack: contextlib.AsyncExitStack, handle: str | None) -> AsyncSession:
        """Connect up to setupComplete, and tell a session that could not be resumed what it is to know."""
        connecting = self._client.aio.live.connect(
            model=self._core.setup.capabilities.name, config=self._core.setup.config(handle)
        )
        try:
            session = await stack.enter_async_context(connecting)
        except ssl.SSLCertVerificationError:  # a ValueError too, and it has a sentence of its own
            raise
        except UNREADABLE as error:
            raise StrangeAnswerError from error
        if session.setup_complete is None:
            raise StrangeAnswerError
        if seed := self._core.seed():
            await deliver(session, Text(seed, answer=False))
        return session

    async def _talk(self, session: AsyncSession, number: int) -> None:
        """Send and receive until the connection fails (what ended it is raised) or is to be left."""
        sender = asyncio.create_task(self._send(session), name=f"{self._name}-sender")
        receiver = asyncio.create_task(self._receive(session, number), name=f"{self._name}-receiver")
        running: set[asyncio.Future[None]] = {sender, receiver}
        try:
            while self._core.state in TALKING:
                self._woken = asyncio.get_running_loop().create_future()
                done, _ = await asyncio.wait(
                    {*running, self._woken},
                    timeout=self._remaining_s(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in done & running:
                    running.discard(task)
                    task.result()
                self._tell(self._core.poll(time.monotonic()))
                self._work.set()  # a nudge may be to be sent
        finally:
            sender.cancel()
            receiver.cancel()
            await asyncio.gather(sender, receiver, return_exceptions=True)

    async def _send(self, session: AsyncSession) -> None:
        """Send what there is to say, in order; end when the socket is closed, which the receiver reports."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                outgoing = self._core.next(time.monotonic())
                if outgoing is None:
                    self._work.clear()
                    await self._work.wait()
                    continue
                async with asyncio.timeout(SEND_S):
                    await deliver(session, outgoing.item)
                self._wake()  # an answer may be due now
                item = outgoing.item
                if isinstance(item, Audio) and item.direct and not outgoing.again:
                    self.mouth_to_live.record(time.monotonic() - item.at)
                if outgoing.pause_s:
                    await asyncio.sleep(outgoing.pause_s)

    async def _receive(self, session: AsyncSession, number: int) -> None:
        """Tell what the model says until the socket is closed; that is raised after all that came before."""
        messages = session.receive()
        while True:
            try:
                message = await anext(messages)
            except StopAsyncIteration:  # the SDK's iterator ends with each turn
                messages = session.receive()
            except UNREADABLE:  # the socket is still good, and the next message may be one
                self._core.counters.unreadable_messages += 1
                messages = session.receive()
            else:
                self._tell(self._core.message(number, message, time.monotonic()))
                self._work.set()
                self._wake()

    def _wake(self) -> None:
        """Have the supervisor look again where a message gave it something to do."""
        if self._core.deadline() is not None and self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _remaining_s(self) -> float | None:
        deadline = self._core.deadline()
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _tell(self, told: Iterable[LiveEvent]) -> None:
        for event in told:
            if isinstance(event, Failed) and not self._started.is_set():
                self._started.set()  # start raises it
                continue
            if self._core.state is LiveState.CLOSED:
                return
            if isinstance(event, Ready):
                self._started.set()
            try:
                self._on_event(event)
            except Exception:  # the listener's bug must not cost the connection
                logger.exception("%s: %s was not taken in", self._name, type(event).__name__)
