"""What the model is told of what people show it, and what people read of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.conversation.sights import Clip, Reel, Sight, titled

NAMED = 3  # of several pictures, where people read of them

BROKEN_OFF = "[The video stops here, and goes on when nobody speaks. Say nothing about it yet.]"
TAKEN_BACK = "[The video stops here for good. Say nothing about it.]"
REFUSED = "[What you were shown last could not be seen. If somebody asks about it, say so.]"

_SHOWN = "[{name} shows you {what}. Say nothing about it until somebody asks.]"
_AGAIN = "[What {name} showed you before: {what}. This needs no answer.]"
_VIDEO = "[{name} plays you a video of {seconds} s, “{title}”{posted}: {how}. At its end, {task}]{words}"
_GOES_ON = "[The video “{title}” of {name} goes on from second {second}. At its end, {task}]{words}"
_OVER = "[The video “{title}” is over. Now {task}]{words}"
_WITH_SOUND = "its sound, and a picture of each second, follow. The voices in it are not in the room"
_SILENT = "a picture of each second follows. It has no sound"
_TELL = "say in a sentence or two what you saw and heard."
_ANSWER = "answer aloud what {name} writes:"


@dataclass(frozen=True, slots=True)
class Credit:
    """From whom something comes."""

    name: str
    """What the model calls who shows it."""
    poster: str | None = None
    """What it calls who posted it, where that is another person."""

    @property
    def told(self) -> str:
        """It in words, for people to read."""
        return f"from {self.name}" if self.poster is None else f"from {self.poster}, shown by {self.name}"

    @property
    def posted(self) -> str:
        """What follows the name of a file in a note."""
        return "" if self.poster is None else f", which {self.poster} posted"


def shown(credit: Credit, sights: Sequence[Sight]) -> str:
    """Return the note before pictures of one message."""
    return _SHOWN.format(name=credit.name, what=_what(sights) + credit.posted)


def again(credit: Credit, sight: Sight) -> str:
    """Return the note before a picture that is shown to a new connection."""
    return _AGAIN.format(name=credit.name, what=_what([sight]) + credit.posted)


def video(credit: Credit, reel: Reel) -> str:
    """Return the note before a video, or before the rest of one."""
    clip = reel.clip
    task, words = _task(credit.name, clip)
    if reel.at:
        return _GOES_ON.format(title=clip.titled, name=credit.name, second=reel.at, task=task, words=words)
    return _VIDEO.format(
        name=credit.name,
        seconds=clip.seconds,
        title=clip.titled,
        posted=credit.posted,
        how=_WITH_SOUND if clip.pcm else _SILENT,
        task=task,
        words=words,
    )


def over(credit: Credit, clip: Clip) -> str:
    """Return what asks for the answer to a video after its end."""
    task, words = _task(credit.name, clip)
    return _OVER.format(title=clip.titled, task=task, words=words)


def listed(sights: Sequence[Sight]) -> str:
    """Return what pictures are called, for people to read."""
    titles = [titled(sight.title) for sight in sights]
    if len(titles) > NAMED:
        titles = [*titles[: NAMED - 1], f"{len(titles) - NAMED + 1} more"]
    return " and ".join(part for part in (", ".join(titles[:-1]), titles[-1]) if part)


def _what(sights: Sequence[Sight]) -> str:
    names = ", ".join(f"“{titled(sight.title)}”" for sight in sights)
    return f"a picture, {names}" if len(sights) == 1 else f"{len(sights)} pictures, {names}"


def _task(name: str, clip: Clip) -> tuple[str, str]:
    """Return what the model is to do at a video's end, and the words of a person for that."""
    if not clip.question:
        return _TELL, ""
    return _ANSWER.format(name=name), f"\n{clip.question}"
