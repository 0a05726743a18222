"""Protocol transitions under way: announced, then executed when everyone is ready or time is up. Sans-I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

INIT = 0  # the id of a transition that is executed at once, unannounced
_LAST_ID = 0xFFFF  # op 29 and 30 carry it as a uint16


@dataclass
class Transition:
    """A move to a protocol version or to a new epoch under the same version."""

    id: int
    version: int
    users: tuple[int, ...]
    waiting: set[int]
    """Who has not yet reported ready."""
    deadline: float


@dataclass
class Transitions:
    """All that are under way; what a method returns is so no longer, and to be executed, in order."""

    _by_id: dict[int, Transition] = field(default_factory=dict)
    _newest_id: int = INIT

    def start(self, version: int, users: Sequence[int], deadline: float) -> int:
        """Begin one and return its id: 1 to 65535, then from 1 again."""
        self._newest_id = self._newest_id % _LAST_ID + 1
        self._by_id[self._newest_id] = Transition(
            self._newest_id, version, tuple(users), set(users), deadline
        )
        return self._newest_id

    def ready(self, user_id: int, transition_id: int) -> list[Transition]:
        """Note op 23; one that is late or unknown means nothing."""
        if transition := self._by_id.get(transition_id):
            transition.waiting.discard(user_id)
        return self._take(lambda each: not each.waiting)

    def gone(self, user_id: int) -> list[Transition]:
        """Stop waiting for someone."""
        for transition in self._by_id.values():
            transition.waiting.discard(user_id)
        return self._take(lambda each: not each.waiting)

    def expired(self, now: float) -> list[Transition]:
        """Give up waiting where time is up."""
        return self._take(lambda each: each.deadline <= now)

    def abandon(self) -> None:
        """Forget all of them: what comes next replaces them."""
        self._by_id.clear()

    def _take(self, finished: Callable[[Transition], bool]) -> list[Transition]:
        taken = [each for each in self._by_id.values() if finished(each)]
        for each in taken:
            del self._by_id[each.id]
        return taken
