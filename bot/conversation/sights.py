"""What people showed in a call: the last pictures, and videos on their way to the model.

Sans-I/O: a video is fed second by second, each a picture and its sound, faster than it plays. One that is
broken off goes on where it was.
"""

import unicodedata
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from bot.audio.pcm import LIVE_IN_HZ
from bot.errors import EarshotError

KEPT = 4  # pictures that can be looked at closely
LONGEST_S = 60  # of a video: some 16,000 tokens of pictures, which are billed again with every turn
MOST_CLIPS = 2  # that wait for a moment of quiet: a minute of video is 5 MB
SECOND_BYTES = 2 * LIVE_IN_HZ
TITLE = 40  # characters of a file's name
_SIGNS = frozenset(".-_'+&")


class ShowError(EarshotError):
    """Something can't be shown in the call; the message is for who wanted to."""


@dataclass(frozen=True, slots=True)
class Poster:
    """Who posted something that another person shows."""

    user_id: int
    name: str
    """What they call themselves; anybody may choose any."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture that a person showed."""

    title: str
    """The file's name."""
    jpeg: bytes
    """As the model sees it."""
    by: int
    """Who showed it, by user id."""
    url: str
    """Where the whole of it is."""
    size: int
    """Bytes of the whole."""
    content_type: str | None
    poster: Poster | None = None
    """Who posted it, where that is another person."""

    @property
    def people(self) -> frozenset[int]:
        """Who can have it forgotten."""
        return _people(self.by, self.poster)


@dataclass(frozen=True, slots=True)
class Clip:
    """A video that a person showed."""

    title: str
    """The file's name."""
    frames: tuple[bytes, ...]
    """One JPEG a second."""
    pcm: bytes
    """Its sound, PCM16 little-endian, 16 kHz mono; empty where it has none."""
    by: int
    """Who showed it, by user id."""
    question: str = ""
    """What they want to know of it; if empty, what there is to see and hear."""
    poster: Poster | None = None
    """Who posted it, where that is another person."""

    @property
    def people(self) -> frozenset[int]:
        """Who can have it forgotten."""
        return _people(self.by, self.poster)

    @property
    def seconds(self) -> int:
        """How long it is, a second begun being one."""
        return max(len(self.frames), -(-len(self.pcm) // SECOND_BYTES))

    @property
    def titled(self) -> str:
        """Its name, for a note."""
        return titled(self.title)


@dataclass(frozen=True, slots=True)
class Second:
    """A second of a video: what is seen, and the sound of it."""

    jpeg: bytes | None
    pcm: bytes


@dataclass(slots=True)
class Reel:
    """A video, and how much of it was fed."""

    clip: Clip
    at: int = 0
    """The second that comes next."""

    def next(self) -> Second | None:
        """Take the next second, None after the last."""
        clip, at = self.clip, self.at
        if at >= clip.seconds:
            return None
        self.at += 1
        jpeg = clip.frames[at] if at < len(clip.frames) else None
        return Second(jpeg, clip.pcm[at * SECOND_BYTES : (at + 1) * SECOND_BYTES])


class Sights:
    """The last pictures of one call, newest last, and the videos that wait."""

    def __init__(self) -> None:
        self._pictures: deque[Sight] = deque(maxlen=KEPT)
        self._waiting: deque[Reel] = deque()

    @property
    def pictures(self) -> tuple[Sight, ...]:
        """The last pictures, newest last."""
        return tuple(self._pictures)

    def add(self, sight: Sight) -> None:
        """Keep a picture; the oldest goes."""
        self._pictures.append(sight)

    def queue(self, clip: Clip) -> None:
        """Have a video wait for its turn; raise ShowError where it is too long, or too many wait."""
        if clip.seconds > LONGEST_S:
            raise ShowError(f"I watch videos of up to {LONGEST_S} s in a call; /summarize takes longer ones.")
        if len(self._waiting) >= MOST_CLIPS:
            raise ShowError(f"I have {MOST_CLIPS} videos left to watch; show me this one when I have.")
        self._waiting.append(Reel(clip))

    def next(self) -> Reel | None:
        """Take the video whose turn it is, None while there is none."""
        return self._waiting.popleft() if self._waiting else None

    def put_back(self, reel: Reel) -> None:
        """Have a video that was broken off go on before the others."""
        self._waiting.appendleft(reel)

    def forget(self, user_id: int) -> None:
        """Forget what a person showed or posted."""
        self._pictures = deque((each for each in self._pictures if user_id not in each.people), maxlen=KEPT)
        self._waiting = deque(each for each in self._waiting if user_id not in each.clip.people)

    def refuse(self, jpegs: Collection[bytes]) -> list[Sight]:
        """Forget pictures that the model does not take, and return them."""
        refused = [each for each in self._pictures if each.jpeg in jpegs]
        self._pictures = deque((each for each in self._pictures if each not in refused), maxlen=KEPT)
        return refused

    def drop_videos(self) -> None:
        """Forget the videos that wait."""
        self._waiting.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._pictures.clear()
        self._waiting.clear()


def _people(by: int, poster: Poster | None) -> frozenset[int]:
    return frozenset({by} if poster is None else {by, poster.user_id})


def titled(name: str) -> str:
    """Return a file's name for notes to the model: one word, which can't pose as a sentence of a note.

    It is text that anybody may choose, as people's names are: see bot.conversation.names.
    """
    plain = unicodedata.normalize("NFKC", name)
    kept = "".join(char if _in_titles(char) else " " for char in plain)
    word = "_".join(kept.split())  # as Discord itself names files that are uploaded
    return (word if len(word) <= TITLE else f"{word[: TITLE - 1]}…") or "file"


def _in_titles(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" or char in _SIGNS
