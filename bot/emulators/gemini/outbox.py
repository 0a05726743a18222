"""What the protocol core wants done: messages to send, turns to think about, an end to make; and when."""

import heapq
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bot.emulators.gemini.live_pictures import Picture
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.reply import Thought


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Send this frame."""

    data: str


@dataclass(frozen=True, slots=True)
class Think:
    """Compose the answer, off the event loop, and give it to `LiveCore.composed`."""

    thought: Thought


@dataclass(frozen=True, slots=True)
class Look:
    """Look at a picture, off the event loop and before what is to be thought after it."""

    picture: Picture
    data: bytes


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close the websocket."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class AbortSocket:
    """Reset the TCP connection."""


Action: TypeAlias = SendFrame | Think | Look | CloseSocket | AbortSocket


class Outbox:
    """Actions in order, until the shell takes them; once shut, it takes no more."""

    def __init__(self) -> None:
        self._actions: list[Action] = []
        self._shut = False

    def __bool__(self) -> bool:
        return bool(self._actions)

    def send(self, message: Message | str) -> None:
        """Send a message, or a raw text frame."""
        data = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        self.put(SendFrame(data))

    def put(self, action: Action) -> None:
        """Do something else."""
        if not self._shut:
            self._actions.append(action)

    def shut(self) -> None:
        """Take nothing more."""
        self._shut = True

    def finish(self, action: Action) -> None:
        """Take this as the last action, even if shut."""
        self._actions.append(action)
        self._shut = True

    def take(self) -> list[Action]:
        """Return what is to be done, and forget it."""
        actions, self._actions = self._actions, []
        return actions


class Agenda:
    """Calls to make at a time."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()

    def at(self, due: float, call: Callable[[float], None]) -> None:
        """Make a call, with the time, when it is due."""
        heapq.heappush(self._entries, (due, next(self._numbers), call))

    def deadline(self) -> float | None:
        """Return when the next call is due."""
        return self._entries[0][0] if self._entries else None

    def run(self, now: float) -> None:
        """Make the calls that are due."""
        while self._entries and self._entries[0][0] <= now:
            heapq.heappop(self._entries)[2](now)

    def clear(self) -> None:
        """Make no call any more."""
        self._entries.clear()
