"""What is asked of the model in one request."""

from dataclasses import dataclass

from bot.media.errors import MediaError
from bot.media.sources import Source
from bot.media.task import Task

MAX_SOURCES = 10  # files of a request: as many as Discord takes with a message
TURNS = 20  # that are remembered: the first, which often has the files, and the newest


@dataclass(frozen=True)
class Turn:
    """A question of before, and its answer."""

    prompt: str
    answer: str
    sources: tuple[Source, ...]


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

    def then(self, answer: str) -> tuple[Turn, ...]:
        """Return the turns before a question that follows on this one and its answer."""
        turns = (*self.turns, Turn(self.task.prompt(()), answer, self.sources))
        return turns if len(turns) <= TURNS else (turns[0], *turns[1 - TURNS :])


def check_count(request: MediaRequest) -> None:
    """Raise MediaError for more files than a request may have."""
    count = len(request.sources)
    if count > MAX_SOURCES:
        raise MediaError(f"These are {count} files, and {MAX_SOURCES} is the limit: post fewer.")
