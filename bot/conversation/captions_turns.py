"""Whose words a fragment of transcript is: the model does not say.

Fragments have no order against audio: they come while a turn goes on, after it, or when the next one has
begun. What can be known is this:

- nobody's words are understood before they were said: a turn that has hardly begun has no text;
- turns are understood in the order in which they were heard: once a later turn has text, the earlier have
  all of theirs;
- text follows speech within about a second, so a turn that is over gets no more soon after its end, and one
  that got none for longer was a cough;
- a turn of which nothing came at all is waited for longer than one whose rest is still to come, and what
  comes late for it comes at once, in one run;
- when the model answers, it has understood what it answers;
- nobody says more in a second than a quick speaker does.

So a fragment belongs to the oldest turn that may still get text by these. The last turn may always, for there
is nobody else whose words they could be.

Sans-I/O: the time comes with each call.
"""

from collections import deque
from dataclasses import dataclass

from bot.conversation.captions_passage import Passage

SOONEST_S = 0.15  # from the first audio to the first word of it
REST_S = 0.7  # after the end of a turn of which something has come; the next is understood no sooner
WAIT_S = 2.0  # after the end of a turn of which nothing has come yet
RUN_S = 0.15  # between fragments that come late, one upon the other
FASTEST = 30.0  # characters that are said in a second: twice what most people do
SPARE = 20  # characters: short turns have words that are longer in writing, and marks of noise
STALE_S = 60.0  # after which a turn is forgotten; speech that waited for a lost connection is understood late
SETTLED_S = 5.0  # after which what was said is taken to be whole
MOST = 16  # turns that are remembered


@dataclass(eq=False)
class Turn:
    """A person's turn, or the room's where all are heard as one (`user_id` None)."""

    user_id: int | None
    name: str
    began: float
    ended: float | None = None
    speech_s: float | None = None
    """How much was said, None where that is not known."""
    chars: int = 0
    first_text: float = 0.0
    last_text: float = 0.0
    answered: bool = False
    silenced: bool = False
    """Whether its words are not to be shown: whose they are does not want it any more."""
    passage: Passage | None = None

    def add(self, text: str, now: float) -> None:
        """Count a fragment."""
        if not self.chars:
            self.first_text = now
        self.chars += len(text)
        self.last_text = now

    def could_be(self, text: str, now: float) -> bool:
        """Return whether a fragment may be this turn's, where it may be a later one's, too."""
        ended = self.ended if self.ended is not None else now
        if self.speech_s is not None and self.chars + len(text) > self.speech_s * FASTEST + SPARE:
            return False
        if not self.chars:
            return now - ended <= WAIT_S
        if self.first_text - ended > REST_S:
            return now - self.last_text <= RUN_S
        return not self.answered and now - ended <= REST_S

    def whole(self, now: float) -> bool:
        """Return whether so much time has passed that no more of it is to come."""
        return self.ended is not None and now - max(self.ended, self.last_text) >= SETTLED_S


class Turns:
    """The turns of a call, oldest first."""

    def __init__(self) -> None:
        self._turns: deque[Turn] = deque()

    def begin(self, user_id: int | None, name: str, at: float) -> list[Turn]:
        """Take in that a turn begins; return the turns that are forgotten for it."""
        self.end(at, None)
        gone = [self._turns.popleft() for _ in range(len(self._turns) - MOST + 1)]
        self._turns.append(Turn(user_id, name, at))
        return gone

    def end(self, at: float, speech_s: float | None) -> None:
        """Take in that the turn is over; of one that has ended already nothing changes."""
        if self._turns and self._turns[-1].ended is None:
            self._turns[-1].ended, self._turns[-1].speech_s = at, speech_s

    def answered(self) -> None:
        """Take in that the model begins to answer what it has heard."""
        for turn in self._turns:
            turn.answered = turn.answered or turn.ended is not None

    def of(self, text: str, now: float) -> Turn | None:
        """Return the turn that a fragment belongs to; None where nobody has spoken lately."""
        self._forget_stale(now)
        possible = [turn for turn in self._turns if now - turn.began >= SOONEST_S] or list(self._turns)[:1]
        while len(possible) > 1:
            if not any(later.chars for later in possible[1:]) and possible[0].could_be(text, now):
                break
            possible.pop(0)
        return possible[0] if possible else None

    def over(self, now: float) -> list[Turn]:
        """Return the turns that will get no more text."""
        self._forget_stale(now)
        turns = list(self._turns)
        return [
            turn
            for number, turn in enumerate(turns)
            if turn.whole(now) or any(later.chars for later in turns[number + 1 :])
        ]

    def of_person(self, user_id: int) -> list[Turn]:
        """Return a person's turns."""
        return [turn for turn in self._turns if turn.user_id == user_id]

    def _forget_stale(self, now: float) -> None:
        while self._turns and self._turns[0].ended is not None and now - self._turns[0].ended > STALE_S:
            self._turns.popleft()
