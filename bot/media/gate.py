"""Who is next: so many requests at once, and no guild waits because another asks a lot."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from bot.media.errors import MediaError

SLOTS = 10  # requests worked on at once, over all guilds
WAITING = 100  # more would wait longer than an interaction's token lives (15 minutes)


class RoundRobin:
    """Grants slots to tickets: next is the waiting key with the fewest slots, in turn among equals.

    A key stands for whoever must share fairly, such as a guild. No clock, no task; a full queue refuses.
    """

    def __init__(self, slots: int, waiting: int) -> None:
        self._slots = slots
        self._most_waiting = waiting
        self._running: dict[Hashable, Hashable] = {}  # ticket -> key
        self._load: Counter[Hashable] = Counter()  # running tickets of a key
        # Keys in the order of their turns; each has somebody waiting.
        self._waiting: dict[Hashable, deque[Hashable]] = {}

    @property
    def running(self) -> int:
        """Tickets that have a slot."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Tickets that wait for one."""
        return sum(map(len, self._waiting.values()))

    def ask(self, key: Hashable, ticket: Hashable) -> bool:
        """Return True where the ticket has a slot at once; raise MediaError where too many wait already."""
        if len(self._running) < self._slots:
            self._grant(key, ticket)
            return True
        if self.waiting >= self._most_waiting:
            raise MediaError("Too many requests are waiting already: try again in a few minutes.")
        self._waiting.setdefault(key, deque()).append(ticket)
        return False

    def leave(self, ticket: Hashable) -> Hashable | None:
        """End a ticket, running or waiting; return the ticket that has its slot now, if any."""
        key = self._running.pop(ticket, None)
        if key is None:
            self._withdraw(ticket)
            return None
        self._load[key] -= 1
        if not self._load[key]:
            del self._load[key]
        return self._next()

    def _next(self) -> Hashable | None:
        if not self._waiting:
            return None
        key = min(self._waiting, key=lambda each: self._load[each])
        queue = self._waiting.pop(key)
        ticket = queue.popleft()
        if queue:
            self._waiting[key] = queue  # behind the others
        self._grant(key, ticket)
        return ticket

    def _grant(self, key: Hashable, ticket: Hashable) -> None:
        self._running[ticket] = key
        self._load[key] += 1

    def _withdraw(self, ticket: Hashable) -> None:
        for key, queue in self._waiting.items():
            if ticket in queue:
                queue.remove(ticket)
                if not queue:
                    del self._waiting[key]
                return


class Gate:
    """The queue at which requests wait."""

    def __init__(self, slots: int = SLOTS, waiting: int = WAITING) -> None:
        self._order = RoundRobin(slots, waiting)

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Hold a slot for the block, after waiting for it; raise MediaError where too many wait already."""
        turn = asyncio.get_running_loop().create_future()
        try:
            if not self._order.ask(key, turn):
                await turn
            yield
        finally:
            # Also where the slot came in the same moment as the cancellation: it goes to the next.
            following = self._order.leave(turn)
            while isinstance(following, asyncio.Future):
                if not following.cancelled():
                    following.set_result(None)
                    break
                following = self._order.leave(following)
