"""What all questions about films and recordings share: which part, how closely, and what about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.errors import UnfitError
from bot.media.fit import Fitted
from bot.media.lengths import LOW_FPS, clock
from bot.media.sniff import Kind
from bot.media.task import Task
from bot.media.times import Range, parse_range

_SECONDS = (
    "All times are numbers of seconds from the beginning of the whole {what}, with decimals where they "
    "matter: one minute and five seconds is 65, not 1.05."
)
_LENGTH = " It is {seconds:g} s long."
_PART = (
    "\nOnly the part from {start} to {end} is asked about: leave out what comes before and after it. Times "
    "still count from the beginning of the whole {what}, so they lie within that part."
)
_QUESTION = (
    "\nWhat the person asks for in particular, and what else may be left out for it:\n---\n{question}\n---"
)


@dataclass(frozen=True)
class Watching(Task):
    """A question about one part of a film or recording, or about all of it."""

    focus: str | None = None
    """What the person wants to know, or the time or range of times that they ask about, in their words."""
    closeness: Detail | None = None
    address: str = ""
    """Where the film can be watched, if that is YouTube: times in answers lead there."""

    @property
    def part(self) -> Range | None:
        """What of the file is asked about; None for all of it."""
        return parse_range(self.focus) if self.focus else None

    @property
    def question(self) -> str | None:
        """What the person wants to know."""
        return None if self.part is not None else self.focus

    @property
    def detail(self) -> Detail | None:
        """As the person asked."""
        return self.closeness

    @property
    def clip(self) -> Clip | None:
        """The part, and with low detail fewer frames of it, so that long films fit."""
        part, fps = self.part, LOW_FPS if self.closeness == "low" else None
        if part is None:
            return None if fps is None else Clip(fps=fps)
        return Clip(part.start_s, part.end_s, fps)

    def check(self, files: Sequence[Fitted]) -> None:
        """Raise MediaError for a part that is not there."""
        part = self.part
        if part is None:
            return
        if len(files) != 1 or files[0].kind is not Kind.RECORDING:
            raise UnfitError(
                "A time as `focus` is for one video or recording: leave it out, or write what it is about."
            )
        (file,) = files
        if part.end_s is not None and part.end_s <= part.start_s:
            raise UnfitError(f"The part {part} ends before it begins: swap the times.")
        first_s = part.start_s if part.at_s is None else part.at_s
        if file.duration_s is not None and first_s >= file.duration_s:
            raise UnfitError(
                f"{file.name} is {clock(file.duration_s)} long, and {clock(first_s)} is after its end: "
                "ask about an earlier time."
            )

    def bounds(self, files: Sequence[Fitted]) -> tuple[float, float | None]:
        """Return from when to when times may be, in seconds; None where the end is not known."""
        length = files[0].duration_s if files else None
        part = self.part or Range(0.0, None)
        ends = [end for end in (part.end_s, length) if end is not None]
        return part.start_s, min(ends, default=None)

    def linked(self, at_s: float) -> str:
        """Return a time as Markdown: what leads to that moment of the film, where something does."""
        if not self.address:
            return f"`{clock(at_s)}`"
        return f"[{clock(at_s)}]({self.address}&t={int(at_s)}s)"

    def asked(self, files: Sequence[Fitted]) -> str:
        """Return what a prompt says about the part and the question; may be empty."""
        part = self.part
        if part is None:
            return _QUESTION.format(question=self.question) if self.question else ""
        end = "its end" if part.end_s is None else clock(part.end_s)
        return _PART.format(start=clock(part.start_s), end=end, what=called(files))


def called(files: Sequence[Fitted]) -> str:
    """Return what files are called in a prompt."""
    if len(files) > 1:
        return "files"
    if not files:
        return "file"
    (file,) = files
    if file.is_video:
        return "video"
    return {Kind.PICTURE: "picture", Kind.DOCUMENT: "document", Kind.TEXT: "text"}.get(file.kind, "recording")


def in_seconds(files: Sequence[Fitted]) -> str:
    """Return how a prompt asks for times, and how long the file is where that is known."""
    length = files[0].duration_s if files else None
    return _SECONDS.format(what=called(files)) + (_LENGTH.format(seconds=round(length, 1)) if length else "")


def one_recording(files: Sequence[Fitted], what: str) -> Fitted:
    """Return the one video or recording that `what` is made of. Raises MediaError."""
    for file in files:
        if file.kind is not Kind.RECORDING:
            raise UnfitError(
                f"{file.name} is neither a video nor a recording: {what} are made of those only."
            )
    if len(files) != 1:
        count = "no file" if not files else f"{len(files)} files"
        raise UnfitError(
            f"{what.capitalize()} are made of one video or recording, and this is {count}: give one."
        )
    return files[0]
