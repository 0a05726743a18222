"""Whose words the model may be acting on, when it calls a function: a call names nobody.

It is put down to all whose words it may rest on, and what needs a permission needs that of each of them, so
that a doubt costs a request and never a right:

- who has spoken since the last answer that was heard began, from their first frame that goes out: a model
  that finds the turns itself acts before anybody here knows that a turn is over;
- who is being answered still when somebody else begins to speak;
- for whom something was found out that the model has not told yet: it may go on from there.

Who fell silent long before the last turn began is left out, as the model answers what is new. But it knows
what they said, and may act on it later, when somebody else speaks: no program can tell that from a call. So
all who were ever heard are known too. Who has left stays among them.

Sans-I/O: what happens and the time go in.
"""

from collections.abc import Collection, Iterable

from bot.live.outbox import UNANSWERED_S

# Before a turn begins: one that is older is not said to the model again, but where a connection was lost.
ASKED_S = UNANSWERED_S


class Askers:
    """The people behind the model's next function call."""

    def __init__(self) -> None:
        self.over = True
        """Whether the model's turn that answers what was said last is over."""
        self._heard: set[int] = set()
        self._spoke: dict[int, float] = {}  # since the last answer began, and when last
        self._answered = False  # whether an answer to all of them has begun
        self._kept = False  # whether all of it is said to the model again, however old
        self._former: frozenset[int] = frozenset()  # who is answered while another turn goes on
        self._owed: dict[int, int] = {}  # for how many turns of the model a result is theirs

    def now(self) -> frozenset[int]:
        """Return whose words a call that comes now may rest on, by user id; empty: nobody's."""
        return self._former.union(self._spoke, self._owed)

    @property
    def heard(self) -> frozenset[int]:
        """Who has spoken or written to the model in this call."""
        return frozenset(self._heard)

    def turn_began(self, at: float) -> None:
        """Take in that a turn begins: who fell silent long before it did not ask."""
        if self._kept:
            return
        self._spoke = {user_id: spoke for user_id, spoke in self._spoke.items() if at - spoke <= ASKED_S}

    def spoke(self, user_ids: Collection[int], at: float) -> None:
        """Take in a frame of people's speech that goes to the model."""
        self._begin()
        self._spoke.update(dict.fromkeys(user_ids, at))
        self._heard.update(user_ids)

    def turn_ended(self) -> None:
        """Take in that a turn is over: unless the model was quicker, its answer is to come."""
        self.over = self.over and self._answered

    def wrote(self, user_id: int | None, at: float) -> None:
        """Take in that the model is asked something in writing: by a person, or by nobody."""
        self._begin()
        if user_id is None:
            self._spoke, self._former, self._owed = {}, frozenset(), {}
        else:
            self.turn_began(at)
            self._spoke[user_id] = at
            self._heard.add(user_id)

    def answer_began(self) -> None:
        """Take in that an answer is heard: who speaks from now on begins another turn."""
        self._answered, self._kept = True, False

    def lost(self) -> None:
        """Take in that the connection is lost: what was not answered is asked again over the next."""
        self._kept = True

    def answer_ended(self) -> None:
        """Take in that a turn of the model is over."""
        self.over, self._former = True, frozenset()
        self._owed = {user_id: turns - 1 for user_id, turns in self._owed.items() if turns > 1}

    def interrupted(self) -> None:
        """Take in that the model has broken its answer off, for who speaks now."""
        self._former = frozenset()

    def found_out(self, user_ids: Iterable[int]) -> None:
        """Take in that the model is given what it is to tell these people."""
        # Where the answer to their words is still to end, what is told of this comes after it.
        self._owed.update(dict.fromkeys(user_ids, 1 if self.over else 2))

    def _begin(self) -> None:
        """Let another turn begin where all who spoke have their answer."""
        if self._answered:
            if not self.over:
                self._former = self._former.union(self._spoke)
            self._spoke, self._answered = {}, False
        self.over = False
