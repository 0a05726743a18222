"""The captions of one call: to a display as they change, to the transcript once they are final."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from bot.conversation.captions import Captions
from bot.conversation.captions_passage import CaptionLine
from bot.conversation.transcript import WRITE_S, TranscriptWriter
from bot.live.events import LiveEvent
from bot.tasks import going_on

SHOW_S = 0.25  # for the last edit: leaving must not wait for Discord
STORE_S = 1.0  # for the last batch, which would be lost: a call has 1.6 s to close
CANCEL_S = 0.05


class Display(Protocol):
    """Where captions are shown."""

    task: asyncio.Task[None]
    """Shows them; ends soon after `finish`."""

    def update(self, lines: list[CaptionLine]) -> None:
        """Show lines as they are now; does not wait."""

    def finish(self) -> None:
        """Show what there is, and end."""


class CallCaptions:
    """A CaptionSink; `close` ends it and its display."""

    def __init__(
        self,
        own_name: str,
        display: Display,
        writer: TranscriptWriter,
        *,
        name: str,
        on_forget: Callable[[int, float], None] = lambda _user_id, _at: None,
    ) -> None:
        """Begin; `own_name` is what the bot is called, `name` the task's and the log's.

        `on_forget(user_id, at)` is told who withdrew consent, and when.
        """
        self._captions = Captions(own_name)
        self._display = display
        self._writer = writer
        self._on_forget = on_forget
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._keep(), name=f"transcript-{name}")

    def turn_began(self, user_id: int | None, name: str, at: float) -> None:
        """Take in that a person (None: several, heard as one) has the floor; the bot falls silent."""
        self._captions.turn_began(user_id, name, at)
        self._tell()

    def turn_ended(self, at: float, speech_s: float) -> None:
        """Take in that the turn is over, in which so much was sent to the model."""
        self._captions.turn_ended(at, speech_s)

    def told(self, event: LiveEvent, at: float, *, held: bool) -> None:
        """Take in what the model tells; `held` says that its answer is not played, at least not yet."""
        self._captions.told(event, at, held=held)
        self._tell()

    def hushed(self, at: float) -> None:
        """Take in that the bot was told to be quiet: the rest of what it was saying is not heard."""
        self._captions.hushed(at)
        self._tell()

    def note(self, text: str, at: float) -> None:
        """Take in what the bot did, as words that follow its name."""
        self._captions.note(text, at)
        self._tell()

    def forget(self, user_id: int, at: float) -> None:
        """Show nothing more of a person who withdrew consent."""
        self._captions.poll(at)
        self._captions.forget(user_id)
        self._tell()
        self._on_forget(user_id, at)

    async def close(self) -> None:
        """Show and keep the last of it; return within 1.1 s, and within 0.3 s where storage is quick."""
        self._captions.close()
        self._tell()
        self._closing.set()
        self._display.finish()
        await asyncio.gather(_ended(self._display.task, SHOW_S), _ended(self._task, STORE_S))

    def _tell(self) -> None:
        lines = self._captions.changes()
        if lines:
            self._writer.add(lines)
            self._display.update(lines)

    async def _keep(self) -> None:
        """Make lines final in time, and store them; the last of them when the call is over."""
        while not self._closing.is_set():
            await self._store()
            try:
                async with asyncio.timeout(WRITE_S):
                    await self._closing.wait()
            except TimeoutError:
                with going_on("Captions could not be made final, which is tried again"):
                    self._captions.poll(time.monotonic())
                    self._tell()
        await self._store()

    async def _store(self) -> None:
        with going_on("A transcript could not be stored, which is tried again"):
            await self._writer.flush()


async def _ended(task: asyncio.Task[None], within_s: float) -> None:
    """Wait for a task to end, and cancel it where it takes longer."""
    _, late = await asyncio.wait({task}, timeout=within_s)
    if late:
        task.cancel()
        await asyncio.wait(late, timeout=CANCEL_S)
