"""Notices that the model has fallen silent on an open connection: it is nudged once, then connected to anew.

A stall shows as no answer after a turn's end, as an empty turn, or as an answer that stops half-way. Where
the server tells nothing whatsoever from the turn's beginning on, not even what it understood, it is hardly
there: that is found out sooner. A model may choose not to answer too: so a nudge lets it, and a new
connection that is made for nothing costs a second that nobody notices; one a minute at most, but for a
second one where the first has brought no answer. Where it is to keep quiet unless it is addressed, `Owed`
says how much of all that is looked into.

Sans-I/O: what is sent and told, and the time, go in; what is to be done comes out of `poll`.
"""

import math
from enum import Enum, IntEnum

NUDGE_S = 6.0  # from a turn's end; an answer takes 1 to 3 s
NUDGE_SLOW_S = 9.0  # of a model that thinks or searches first
NUDGE_MUTE_S = 4.0  # of a server that has told nothing since the turn began: transcripts come within a second
DRY_S = 3.0  # after what has come of an answer would have been played: answers come faster than they play
DRY_SLOW_S = 9.0  # of a model that may think or search in mid-answer, too
EMPTY_S = 2.0  # after an empty turn; an answer may follow in another one
EMPTY_EVERY_S = 60.0  # a model may often have nothing to say to what it hears
GIVE_UP_MUTE_S = 3.0  # a nudge is answered with an empty turn at least
GIVE_UP_S = 5.0  # from the nudge; with the above, less than after which a turn is not asked again (20 s)
RECONNECT_EVERY_S = 60.0
NUDGE = "[If somebody has just asked you something, answer it now. If not, say nothing.]"
GO_ON = "[You broke off, but nobody has interrupted you. Go on where you stopped.]"


class Remedy(Enum):
    """What is to be done about a stall."""

    NUDGE = "nudge"
    RECONNECT = "reconnect"


class Owed(IntEnum):
    """What is due after a turn at least, from the least on."""

    SIGN = 0
    """That the server tells anything: nobody has clearly asked the model, and it is right to keep quiet."""
    TURN = 1
    """A turn of the model: one without a word is its choice."""
    ANSWER = 2
    """An answer: somebody has asked."""


class _State(Enum):
    QUIET = "quiet"  # nothing is waited for
    WAITING = "waiting"  # for an answer
    NUDGED = "nudged"  # for one to the nudge
    ANSWERING = "answering"  # for the rest of one


class StallWatch:
    """Watches over one session's answers."""

    def __init__(self) -> None:
        self.nudges = 0
        self.stalls = 0
        self._state = _State.QUIET
        self._owed = Owed.ANSWER  # what is waited for
        self._due = self._mute_due = 0.0
        self._wordless = False  # whether the turn that was begun has had no speech yet
        self._heard_of = True  # whether the server has told anything since somebody spoke in it
        self.in_vain = 0
        """Reconnects since the model last answered."""
        self._reconnected_at = -math.inf
        self._emptied_at = -math.inf

    def counted(self) -> dict[str, int]:
        """Return what was done so far, by name."""
        return {"live_nudges": self.nudges, "live_stalls": self.stalls}

    def begun(self) -> None:
        """Take in that a turn begins: until somebody speaks in it the server has nothing to tell."""
        self.calm()
        self._wordless = self._heard_of = True

    def spoken_to(self) -> None:
        """Take in that somebody speaks, whose words the server is to transcribe, if it is in a turn."""
        if self._wordless:
            self._wordless = self._heard_of = False

    def heard_of(self) -> None:
        """Take in that the server has told something, whatever it was."""
        self._heard_of = True

    def asked(self, now: float, owed: Owed = Owed.ANSWER, *, slow: bool) -> None:
        """Take in that a turn was ended, and what is due then, from a model that may be slow."""
        self._state, self._mute_due, self._wordless = _State.WAITING, now + NUDGE_MUTE_S, False
        self._owed, self._due = Owed.SIGN, math.inf
        self.expect(owed, now, slow=slow)

    def expect(self, owed: Owed, now: float, *, slow: bool) -> None:
        """Take in that it is clear by now that more is due than was thought."""
        if owed > self._owed and self._state in (_State.WAITING, _State.NUDGED):
            unhurried_s = NUDGE_SLOW_S if slow else NUDGE_S
            wait_s = GIVE_UP_S if self._state is _State.NUDGED else unhurried_s
            self._owed, self._due = owed, min(self._due, now + wait_s)

    def answers(self, until: float, *, slow: bool) -> None:
        """Take in that some of an answer has come, which is played until then, and more is to come."""
        self._state, self._heard_of = _State.ANSWERING, True
        self._due = until + (DRY_SLOW_S if slow else DRY_S)

    def answered(self) -> None:
        """Take in that some of an answer has come, whoever waits for it."""
        self.in_vain = 0

    def over(self) -> None:
        """Take in that no more of an answer comes; what was asked since it began is waited for still."""
        if self._state is _State.ANSWERING:
            self.calm()

    def calm(self) -> None:
        """Take in that somebody speaks, or that nobody wants an answer: nothing need come now."""
        self._state = _State.QUIET

    def empty(self, now: float) -> None:
        """Take in that the model has ended its turn without a word: where it owes an answer, nudge it soon.

        Once a minute at most: it may have nothing to say, as where people talk among themselves.
        """
        due = self._state is _State.WAITING and self._owed is Owed.ANSWER
        if due and now - self._emptied_at >= EMPTY_EVERY_S:
            self._emptied_at = now
            self._due = min(self._due, now + EMPTY_S)
        else:
            self.calm()

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while nothing is waited for."""
        if self._state is _State.QUIET:
            return None
        due = self._due if self._heard_of else min(self._due, self._mute_due)
        return None if due == math.inf else due

    def poll(self, now: float) -> Remedy | None:
        """Return what is to be done by now."""
        due = self.deadline()
        if due is None or now < due:
            return None
        if self._state is _State.WAITING:
            self._state, self._mute_due = _State.NUDGED, now + GIVE_UP_MUTE_S
            self._due = math.inf if self._owed is Owed.SIGN else now + GIVE_UP_S
            self.nudges += 1
            return Remedy.NUDGE
        self.calm()
        if self.in_vain != 1 and now - self._reconnected_at < RECONNECT_EVERY_S:
            return None
        self._reconnected_at = now
        self.in_vain += 1
        self.stalls += 1
        return Remedy.RECONNECT
