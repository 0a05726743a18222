"""One answer and how far it is; nothing of Discord."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum

from bot.media.events import Finished, Grounding, Made, MadeFile, MediaEvent, Progress, TextDelta, TextWhole
from bot.media.request import MediaRequest
from bot.text.pages import PAGE_SIZE, paged
from cogs.answer_sources import listed


class Stage(Enum):
    """How far an answer is."""

    WAITING = "no words yet"
    WRITING = "words are coming"
    DONE = "all is there"
    STOPPED = "somebody stopped it"
    FAILED = "it could not go on"


ENDS = frozenset({Stage.DONE, Stage.STOPPED, Stage.FAILED})
TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    Stage.WAITING: frozenset({Stage.WRITING}) | ENDS,
    Stage.WRITING: ENDS,
    Stage.DONE: frozenset(),
    Stage.STOPPED: frozenset(),
    Stage.FAILED: frozenset(),
}

# Of the Markdown so far, what certainly holds the first page: little of it is not shown.
_FIRST = PAGE_SIZE * 3 // 2


@dataclass(eq=False)
class Answer:
    """An answer as it grows. `changed` is set whenever there is something new to show."""

    id: str
    request: MediaRequest
    label: str = ""
    """What was done to an earlier answer, in a word."""
    stage: Stage = Stage.WAITING
    progress: Progress | None = None
    text: str = ""
    """The model's Markdown."""
    pages: list[str] = field(default_factory=list)
    """In Discord's Markdown; while the answer grows, the first page only."""
    grounding: Grounding | None = None
    made: tuple[MadeFile, ...] = ()
    """Files that come with it, until they were sent."""
    finished: Finished | None = None
    note: str = ""
    """A sentence about how it ended, where there is something to say."""
    final: bool = False
    """Whether the same, asked again, would fail again."""
    speakable: bool = False
    """Whether it could be spoken when it ended: a call ran in its server."""
    changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _paged: str = ""
    """The beginning of which the first page was made while the answer grew."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.stage in ENDS

    @property
    def document(self) -> str:
        """The whole answer as Markdown, with its sources."""
        sources = "" if self.grounding is None else listed(self.grounding)
        return f"{self.text.rstrip()}\n\n{sources}\n" if sources else self.text

    @property
    def cut_short(self) -> bool:
        """Whether there is more of it that can be asked for: of prose, not of values or of tables."""
        task = self.request.task
        in_rows = task.each and len(self.request.sources) > 1
        return bool(self.pages and self.note) and task.schema is None and not in_rows

    def apply(self, event: MediaEvent) -> None:
        """Take what the model's side says."""
        if self.ended:
            return
        match event:
            case Progress():
                self.progress = event
            case TextDelta():
                self._write(self.text + event.text)
            case TextWhole():
                self._write(event.text)
            case Grounding():
                self.grounding = event
            case Made():
                self.made += event.files
            case Finished():
                self.finished = event
                self.end(Stage.DONE, event.truncated or "")
        self.changed.set()

    def end(self, stage: Stage, note: str, *, final: bool = False) -> None:
        """End it, unless it has ended already; `final`: the same, asked again, would fail again."""
        if self.ended:
            return
        self._advance(stage)
        self.note, self.final = note, final
        self.changed.set()

    def _write(self, text: str) -> None:
        self.text = text
        if self.stage is Stage.WAITING and any(map(str.isalnum, text)):
            self._advance(Stage.WRITING)

    def _advance(self, stage: Stage) -> None:
        if stage not in TRANSITIONS[self.stage]:
            raise ValueError(f"{self.stage.name} does not become {stage.name}")
        self.stage = stage

    async def make_pages(self) -> None:
        """Bring the pages up to date, off the event loop."""
        if self.ended:
            self.pages = await asyncio.to_thread(paged, self.document)
            return
        beginning = self.text[:_FIRST]
        if beginning != self._paged:
            self._paged = beginning
            self.pages = (await asyncio.to_thread(paged, beginning))[:1]

    def look(self) -> tuple[Stage, Progress | None, tuple[str, ...]]:
        """Return what decides how it looks: the same twice need not be shown twice."""
        return self.stage, self.progress if self.stage is Stage.WAITING else None, tuple(self.pages[:1])
