"""From the task that works on a request to whoever reads its events: bounded, in order."""

import asyncio
from collections import deque

from bot.media.events import MediaEvent, Progress

BOUND = 64  # events that wait for a slow reader


class Feed:
    """A queue with an end. When it is half full, progress is left out; when it is full, words wait."""

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._events: deque[MediaEvent] = deque()
        self._ended = False
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    def say(self, stage: str, fraction: float | None = None) -> None:
        """Add progress, where there is room."""
        if len(self._events) < self._bound // 2:
            self._add(Progress(stage, fraction))

    async def put(self, event: MediaEvent) -> None:
        """Add an event, once there is room."""
        while len(self._events) >= self._bound:
            self._emptied.clear()
            await self._emptied.wait()
        self._add(event)

    def end(self) -> None:
        """Let the reader go when it has read the rest."""
        self._ended = True
        self._filled.set()

    async def next(self) -> MediaEvent | None:
        """Return the next event, or None at the end."""
        while not self._events:
            if self._ended:
                return None
            self._filled.clear()
            await self._filled.wait()
        self._emptied.set()
        return self._events.popleft()

    def _add(self, event: MediaEvent) -> None:
        self._events.append(event)
        self._filled.set()
