"""What the floor decides, for the call to carry out. Plain data; times are `time.monotonic()` seconds."""

from dataclasses import dataclass
from typing import TypeAlias

from bot.audio.pcm import Pcm16


@dataclass(frozen=True, slots=True)
class Take:
    """A turn begins: a person's, or the room's, where all are heard as one (None)."""

    user_id: int | None
    changed: bool
    """Whether the turn before was another person's."""
    at: float
    unanswered: tuple[int, ...] = ()
    """Whose turns were cut off by this one before their answer had begun."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Audio of the turn; `at` is when it arrived, or when its turn came if it had to wait."""

    speakers: frozenset[int]
    """Whose it is: several people's where they are heard as one."""
    pcm: Pcm16
    at: float
    replayed: bool = False
    """Whether it had to wait."""


@dataclass(frozen=True, slots=True)
class Release:
    """The turn is over."""

    user_id: int | None
    at: float


Action: TypeAlias = Take | Speech | Release
