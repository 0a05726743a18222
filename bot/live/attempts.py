"""Attempts at a connection: how long each may take, how often a refusal is not the last word, what is told.

Sans-I/O: what became of each, and the time, go in.
"""

from dataclasses import dataclass

from bot.live.failures import Failure

# A connection comes up within 1 or 2 s, or hardly ever; but a slow network must get there in the end.
FIRST_PATIENCE_S, LONGEST_PATIENCE_S = 4.0, 10.0
REFUSALS = 2  # of a key that was taken before: more likely a mishap of the server's than its end
STABLE_S = 10.0  # a connection that lasted this long was good, as is one that bore a whole answer
TELL_AGAIN_S = 600.0  # who reads that the model can't be reached knows it for so long
TELL_S = 5.0  # silence that people ask themselves about; a usual reconnect takes 1 s


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection to make: its number, and the handle of the session to go on with."""

    number: int
    handle: str | None


class Attempts:
    """Counts the attempts since the last connection."""

    def __init__(self) -> None:
        self._begun = 0
        self._tries = 0
        self._refused = 0
        self.was_up = False
        """Whether any made a connection."""
        self._up_at = 0.0
        self._answers_before = 0  # how many answers had been told to their end when the connection was made
        self._lost_at = 0.0
        self._due_at: float | None = None
        self._told = False  # that the model can't be reached, and not yet that it can
        self._told_at = 0.0
        self._spent = False  # whether it took a connection and then gave no answer: only one proves it
        self._heard = False  # whether any of an answer has come over this connection

    @property
    def patience_s(self) -> float:
        """How long the newest attempt may take until the connection is up."""
        doubled = max(0, min(self._tries, 8) - 1)
        return float(min(LONGEST_PATIENCE_S, FIRST_PATIENCE_S * 2**doubled))

    def begin(self, handle: str | None) -> Attempt:
        """Return the next attempt."""
        self._tries += 1
        self._begun += 1
        return Attempt(self._begun, handle)

    def lost(self, now: float, *, spent: bool = False) -> None:
        """Take in that there is no connection any more; `spent`: the next one alone will prove nothing."""
        self._lost_at, self._due_at = now, None
        self._spent = spent or (self._spent and self._told)

    def due(self, now: float) -> None:
        """Take in that the next attempt is made now."""
        self._due_at = now

    def spent_s(self, now: float) -> float:
        """Return how long the newest attempt has taken; 0 where none was made since the loss."""
        return 0.0 if self._due_at is None else now - self._due_at

    def worth_telling(self, wait_s: float, now: float, *, mute: bool = False) -> bool:
        """Return, once until `recovered`, whether a call in which people talked is mute for long enough.

        So it is where it was `mute` before the connection was lost. And once more where a connection is lost
        long after that was told.
        """
        known = self._told and self._lost_at < self._told_at + TELL_AGAIN_S
        if not self.was_up or known or not (mute or now - self._lost_at + wait_s >= TELL_S):
            return False
        self._told, self._told_at = True, now
        return True

    def heard(self) -> None:
        """Take in that some of an answer has come."""
        self._heard = True

    def good(self, now: float, answers: int) -> bool:
        """Return whether the connection has proved to be good, by when so many answers were told in all."""
        return now >= self._up_at + STABLE_S or answers > self._answers_before

    def recovered(self, now: float, answers: int) -> bool:
        """Return, once after it was told that the model can't be reached, whether it can be again.

        The next loss is another one then. Where the quota was spent, it has to have begun to answer.
        """
        proven = self._heard if self._spent else self.good(now, answers)
        if not self._told or not proven:
            return False
        self._told = False
        return True

    def deadline(self) -> float | None:
        """Return when the connection has lasted long enough to tell so, None where nobody waits for that."""
        return self._up_at + STABLE_S if self._told and not self._spent else None

    def succeeded(self, now: float, answers: int) -> None:
        """Take in that the newest attempt made a connection, after so many answers in all."""
        self._tries = self._refused = 0
        self.was_up, self._up_at, self._answers_before, self._heard = True, now, answers, False

    def may_repeat(self, failure: Failure) -> bool:
        """Count a refusal; return whether the same attempt makes sense all the same.

        It does where the session was up before, and the server did not even read how it is set up.
        """
        if failure.setup_read or not self.was_up:
            return False
        self._refused += 1
        return self._refused <= REFUSALS
