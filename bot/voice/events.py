"""What the voice side tells the conversation. Plain data; times are `time.monotonic()` seconds."""

from dataclasses import dataclass
from typing import TypeAlias

from bot.audio.pcm import Pcm16


@dataclass(frozen=True, slots=True)
class Heard:
    """Speech of one person, as decoded from one Opus packet or concealed in its place."""

    user_id: int
    pcm: Pcm16
    """16 kHz mono, 10 to 60 ms."""
    at: float
    """When the datagram arrived that gave it."""
    concealed: bool = False


@dataclass(frozen=True, slots=True)
class Hushed:
    """A person's client said explicitly that it is silent (the frame F8 FF FE)."""

    user_id: int
    at: float


@dataclass(frozen=True, slots=True)
class Unheard:
    """A person speaks who may not be heard: packets of theirs arrive, and were dropped unopened."""

    user_id: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A person is in the voice channel."""

    user_id: int


@dataclass(frozen=True, slots=True)
class Left:
    """A person left the voice channel."""

    user_id: int


@dataclass(frozen=True, slots=True)
class Connected:
    """The voice connection can carry media (again)."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The voice connection was lost and is being mended; nothing is heard or sent meanwhile."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deaf:
    """Packets of these people arrive and nothing is heard of them; without any, of somebody unknown.

    Without any it is also this: the end-to-end encryption shuts us out, and nobody hears us either.
    """

    users: tuple[int, ...]
    reason: str
    """What is done about it, or what they can do: a sentence to show."""
    hopeless: bool = False
    """Whether all has been tried, and people are to do something."""


@dataclass(frozen=True, slots=True)
class Undeafened:
    """What was hopeless is so no more: those people are heard, and hear us, or are gone."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over for good: kicked, channel deleted, or given up; `reason` is a sentence to show."""

    reason: str


VoiceEvent: TypeAlias = (
    Heard | Hushed | Unheard | Joined | Left | Connected | Disconnected | Deaf | Undeafened | Ended
)
