"""A Live session as an actor: what it is asked, and what it tells. `connection` has its sockets and tasks.

All calls come from the event loop's thread, none of those that say something waits, and every event is told
on that thread.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google import genai

from bot.latency import Latency
from bot.live.breaker import Breaker
from bot.live.connection import Connections
from bot.live.core import LiveCore
from bot.live.errors import LiveError
from bot.live.events import Failed, LiveEvent, Ready, ToolCalled
from bot.live.items import (
    ActivityEnd,
    ActivityStart,
    Audio,
    Item,
    Picture,
    Text,
    ToolResult,
)
from bot.live.setup import LiveSetup
from bot.live.stall import Owed
from bot.live.states import OVER, LiveState
from bot.tasks import release

logger = logging.getLogger(__name__)

START_S = 7.0  # two attempts, or more that fail fast; with 3 s for closing, /join is answered within 10 s
CLOSE_S = 1.8  # the connection itself closes within 1 s


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
        self._on_event = on_event
        self._name = f"live-{name}"
        self._core = LiveCore(setup, rng or random.Random(), name=self._name, breaker=breaker)  # noqa: S311 - jitter
        self._connections = Connections(client, self._core, self._tell, name=self._name)
        self._supervisor: asyncio.Task[None] | None = None
        self._started = asyncio.Event()

    @property
    def mouth_to_live(self) -> Latency:
        """From when a datagram arrived to when the socket had taken its speech, whatever held it up between.

        Such as keys at a join, the jitter buffer, a lost connection. What waits for its turn is not in it.
        """
        return self._connections.mouth_to_live

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
        self._connections.wake()

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
        self._supervisor = asyncio.create_task(self._connections.run(), name=self._name)
        self._supervisor.add_done_callback(self._ended)
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
        else:
            release(self._supervisor)

    def _ended(self, supervisor: asyncio.Task[None]) -> None:
        if not supervisor.cancelled() and (error := supervisor.exception()) is not None:
            logger.error("%s makes no connections any more", self._name, exc_info=error)
        self._tell(self._core.broke())

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

    def inform(self, text: str, by: frozenset[int] = frozenset()) -> None:
        """Tell the model something to know, in order with the speech, and ask for no answer.

        `by` is who can have it forgotten: whose words or things it holds.
        """
        self._say(Text(text, answer=False, by=by))

    def ask(self, text: str, by: frozenset[int] = frozenset()) -> None:
        """Say something in words that is to be answered; it interrupts an answer. `by` as for `inform`."""
        self._say(Text(text, answer=True, by=by))

    def unwanted(self) -> None:
        """Take in that nobody wants to hear the rest of the answer: it is not gone on with."""
        self._core.exchange.unwanted()

    def expect(self, owed: Owed) -> None:
        """Take in what is due now of a model that may keep quiet, as far as it is clear."""
        self._core.exchange.expect(owed, time.monotonic())

    def show(self, jpeg: bytes, by: int | frozenset[int] | None = None) -> None:
        """Let the model see a picture, in order with the speech; what it is to know of it goes before.

        `by` is who shows it, and whose it is: it is forgotten with what any of them said.
        """
        self._say(Picture(jpeg, by))

    def remind(self, text: str, jpeg: bytes, by: frozenset[int]) -> None:
        """Let a connection that has just been made know of a picture before all that waits to be sent."""
        self._core.outbox.put_first(Text(text, answer=False, by=by), Picture(jpeg, by))
        self._connections.work()

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
        self._connections.work()
        return wanted

    def _mark(self, mark: ActivityStart | ActivityEnd) -> None:
        if not self.marks:
            raise ValueError("this session's model finds the turns itself, and refuses marks")
        self._say(mark)

    def _say(self, item: Item) -> None:
        if self._core.say(item):
            self._connections.work()

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
