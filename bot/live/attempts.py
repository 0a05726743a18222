"""Attempts at a connection: how long each may take, and how often a refusal is not the last word.

Sans-I/O: what became of each goes in.
"""

from dataclasses import dataclass

from bot.live.failures import Failure

# A connection comes up within 1 or 2 s, or hardly ever; but a slow network must get there in the end.
FIRST_PATIENCE_S, LONGEST_PATIENCE_S = 4.0, 10.0
REFUSALS = 2  # of a key that was taken before: more likely a mishap of the server's than its end


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
        self._was_up = False

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

    def succeeded(self) -> None:
        """Take in that the newest attempt made a connection."""
        self._tries = self._refused = 0
        self._was_up = True

    def may_repeat(self, failure: Failure) -> bool:
        """Count a refusal; return whether the same attempt makes sense all the same.

        It does where the session was up before, and the server did not even read how it is set up.
        """
        if failure.setup_read or not self._was_up:
            return False
        self._refused += 1
        return self._refused <= REFUSALS
