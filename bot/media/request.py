"""What is asked of the model in one request."""

from dataclasses import dataclass, field, replace

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.errors import UnfitError
from bot.media.sources import Source
from bot.media.task import Task

MAX_SOURCES = 10  # files of a request: as many as Discord takes with a message
TURNS = 20  # that are remembered: the first, which often has the files, and the newest
# Characters of them, all together: the newest is remembered whatever its length, the first as far as it
# fits, and of the others those that do. More would cost dearly with each question, and block the event loop.
LONGEST_TURNS = 200_000


@dataclass(frozen=True)
class Turn:
    """A question of before, and its answer."""

    prompt: str
    answer: str
    sources: tuple[Source, ...]
    clip: Clip | None = None
    """Which part of its videos it was about."""
    detail: Detail | None = None
    """How closely the model looked."""
    people: tuple[int, ...] = field(default=(), compare=False)
    """Whose words or files these are."""


@dataclass(frozen=True)
class MediaRequest:
    """One question about some files."""

    guild_id: int | None
    """None in a direct message; requests are served fairly among guilds, and among people there."""
    user_id: int
    sources: tuple[Source, ...]
    task: Task
    turns: tuple[Turn, ...] = ()
    """What was asked and answered before, oldest first."""
    heading: str = ""
    """One safe line that says what was asked, in at most 230 characters."""
    locale: str = "en"
    """The language of who asks, as a BCP 47 tag."""
    id: str = ""
    """Names what is kept of the request, for questions that follow; nothing is kept without."""
    after: str = ""
    """The id of the answer that this follows, whose files are still there for a day."""

    others: tuple[int, ...] = ()
    """Who asked the same before, where somebody asks it again."""

    @property
    def people(self) -> tuple[int, ...]:
        """Whose words or files are in it."""
        everyone = (self.user_id, *self.others, *(each for turn in self.turns for each in turn.people))
        return tuple(dict.fromkeys(everyone))

    def then(self, answer: str) -> tuple[Turn, ...]:
        """Return the turns before a question that follows on this one and its answer."""
        task = self.task
        asked = (self.user_id, *self.others)
        turn = Turn(task.prompt(()), answer, self.sources, task.clip, task.detail, asked)
        return _remembered((*self.turns, turn))


def check_count(request: MediaRequest) -> None:
    """Raise MediaError for more files than a request may have."""
    count = len(request.sources)
    if count > MAX_SOURCES:
        raise UnfitError(f"These are {count} files, and {MAX_SOURCES} is the limit: post fewer.")


def _remembered(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return the newest turn, the first, which often has the files, and what fits between them."""
    *before, newest = turns
    room = LONGEST_TURNS - _length(newest)
    kept = [newest]
    first = []
    if before:
        answer = before[0].answer[: max(0, room - len(before[0].prompt))]
        first = [replace(before[0], answer=answer)]
        room -= _length(first[0])
    for turn in reversed(before[1:][2 - TURNS :]):
        room -= _length(turn)
        if room < 0:
            break
        kept.insert(0, turn)
    return (*first, *kept)


def _length(turn: Turn) -> int:
    return len(turn.prompt) + len(turn.answer)
