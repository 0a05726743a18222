"""One row of the fault matrix: what goes wrong, where and when, and what people noticed of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from fault_scene import Scene

    from bot.emulators.tls import CertificateAuthority


class When(Enum):
    """When the fault is injected: the scenario that the row is played in."""

    JOIN = "at /join"
    IDLE = "before a sentence"
    SPEAKING = "in mid-sentence"
    ANSWERING = "in mid-answer"


SILENCE_S = 4.0
"""What people may notice of a fault where its row says nothing else, in seconds.

Alone on a machine most rows take less than 1 s; the rest is room for one that is shared and has two cores.
"""

Inject: TypeAlias = Callable[["Scene"], Awaitable[None]]
"""Makes the fault happen, now or by a script that the emulator follows."""


async def _hold_nothing(_scene: "Scene") -> None:
    """Hold nothing beside what every row is held to."""


@dataclass(frozen=True)
class Row:
    """A fault; `id` is its pytest id and is unique over all rows."""

    id: str
    name: str
    where: str
    when: When
    recovers: str
    """How it is recovered from, for people to read."""
    inject: Inject
    server_s: float = 0.0
    """How long the other side itself makes everybody wait; taken off the silence."""
    silence_s: float = SILENCE_S
    """How long the silence may be beyond the usual and beyond `server_s`; a row with more says why."""
    limit_s: float = 20.0
    """How long an answer may take at most."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the bot, where it needs others than the usual; rows with the same stand side by side."""
    fresh: bool = False
    """Whether it needs a call of its own, in which nothing was wrong before."""
    logs: str = ""
    """A pattern of the errors in the log that are the fault itself: a failure of the bot's own, injected."""
    kills_bot: bool = False
    """Whether the bot itself dies of it: only then may what was being said be lost."""
    check: Inject = _hold_nothing
    """Holds what else is true after the last sentence; raises AssertionError."""
    scenario: Callable[["Scene", "Row"], Awaitable[None]] | None = None
    """Another way to play it than that of `when`."""
    own: Callable[["Outcome", "CertificateAuthority", "Path"], Awaitable[None]] | None = None
    """Plays it with a bot of its own, in a folder of its own; the shared one is ended before."""


@dataclass
class Outcome:
    """What came of a row."""

    id: str
    silence_ms: float | None = None
    """Beyond that of the first sentence of the same call, and beyond what the server announced."""
    silence_bound_ms: float = 1000 * SILENCE_S
    """What the row allows of it."""
    words_lost: float = 0.0
    lost: int = 0
    """Sentences that did not reach the model whole, or were not answered."""
    doubled: int = 0
    """Sentences that were answered twice."""
    after_ms: float | None = None
    """The silence after the last sentence, beyond that after the first."""
    left: list[str] = field(default_factory=list)
    """Tasks, threads and sockets that were not there before."""
    errors: list[str] = field(default_factory=list)
    """What was logged as an error, and exceptions that nobody handled."""
    failed: str = ""
    """Why the row could not be played to its end."""
    note: str = ""
    """What people were told."""
    took_s: float = 0.0
    first_trouble: str = ""
    """What was wrong the first time, where the row was played twice; all else is of the second time."""

    @property
    def too_silent(self) -> bool:
        """Whether people noticed more silence than the row allows."""
        return self.silence_ms is not None and self.silence_ms > self.silence_bound_ms

    @property
    def survived(self) -> bool:
        """Whether nothing was lost, nothing is left, and people were answered in time."""
        return not (self.failed or self.lost or self.doubled or self.left or self.errors or self.too_silent)

    @property
    def only_late(self) -> bool:
        """Whether all that is wrong may be the machine's: that something came late, or not in time."""
        return not (self.survived or self.left or self.errors)

    @property
    def trouble(self) -> str:
        """What is wrong, and what was the first time; empty where nothing is."""
        found = [self.failed] if self.failed else []
        found += [f"{self.lost} lost ({self.note.strip()})"] if self.lost else []
        found += [f"{self.doubled} doubled"] if self.doubled else []
        if self.too_silent:
            found += [f"{self.silence_ms:.0f} ms of silence, where {self.silence_bound_ms:.0f} are allowed"]
        found += [f"left: {', '.join(self.left)}"] if self.left else []
        found += [f"logged: {' | '.join(self.errors)}"] if self.errors else []
        found += [f"the first time: {self.first_trouble}"] if self.first_trouble else []
        return "; ".join(found)
