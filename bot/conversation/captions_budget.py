"""When a call's captions may be sent: one budget for all calls, and for messages and edits together.

Discord takes 50 requests a second of a bot; captions get half of them, shared evenly: each call one request
in max(1.5 s, calls / 25 s). Requests of calls that are due at the same moment are spread, in the order in
which they asked. While the event loop is late, which people hear, only text that stays is sent.

Sans-I/O: the time is given.
"""

from bot.conversation.overload import Overload

PER_S = 25.0  # requests: half of what Discord takes; the other half is for answers
LEAST_S = 1.5  # between requests of a call: Discord takes five edits of a message in five seconds


class CaptionBudget:
    """The budget of all calls of a process; calls are told apart by any number."""

    def __init__(self, overload: Overload | None = None) -> None:
        """Make a budget; `overload` is the process's, and tells when only what stays is sent."""
        self._due: dict[int, float] = {}
        self._free_at = float("-inf")
        self._overload = overload or Overload()

    def add(self, call: int) -> None:
        """Count a call in."""
        self._due[call] = float("-inf")

    def remove(self, call: int) -> None:
        """Count a call out."""
        self._due.pop(call, None)

    @property
    def interval_s(self) -> float:
        """How long a call waits between two requests."""
        return max(LEAST_S, len(self._due) / PER_S)

    def due(self, call: int, *, lasting: bool) -> float:
        """Return when a call may ask for its next request; `lasting` says that the text stays as it is."""
        due = self._due[call]
        return due if lasting else max(due, self._overload.captions_at)

    def take(self, call: int, now: float) -> float:
        """Take a request, and return when to make it."""
        at = max(now, self._free_at)
        self._free_at = at + 1 / PER_S
        self._due[call] = at + self.interval_s
        return at

    def late(self, by_s: float, now: float) -> None:
        """Take in by how much the event loop was late just now."""
        self._overload.late(by_s, now)
