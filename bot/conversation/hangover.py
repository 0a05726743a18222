"""How long a person's silence lasts before their turn is over, learned from that person's own pauses.

Some breathe between words, some between sentences. A pause after which a person went on was not the end of
a turn; the hangover covers most of those seen lately, within bounds, and is then no longer than it must be:
each answer waits for it. A pause is told from an end only by what follows, so pauses that outlasted the
hangover count too, as long as the person went on before anything was answered.

Sans-I/O. Pauses are measured between packets: the client's own gate, about 200 ms, comes on top of them.
"""

import math
from collections import deque
from dataclasses import dataclass, field

START_S = 0.25  # before anything is known: with the client's gate a breath between phrases
MIN_S = 0.15  # jitter and a late packet must not end a turn
MAX_S = 0.80  # with the client's gate a second: who thinks for longer is taken to have finished
MARGIN_S = 0.06  # three frames: packets are late by that, and pauses of one kind differ
QUANTILE = 0.9  # one pause in ten may end a turn too early: the price of answering the others soon
KEPT = 16  # pauses: a minute or two of talk, so that the figure follows a person's mood
PRIOR = (
    4  # until so many are known, the rest are taken to be as the start has it: one short one proves little
)
WENT_ON_S = 1.2  # a longer silence is no pause, whatever follows


@dataclass
class _Habit:
    """What is known of one person."""

    pauses: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    spoke_at: float | None = None
    hushed: bool = False

    def hangover_s(self) -> float:
        presumed = [START_S - MARGIN_S] * (PRIOR - len(self.pauses))
        known = sorted([*self.pauses, *presumed])
        rank = math.ceil(QUANTILE * len(known)) - 1
        return min(MAX_S, max(MIN_S, known[rank] + MARGIN_S))


class Hangovers:
    """The hangovers of the people in a call, by user id."""

    def __init__(self) -> None:
        self._habits: dict[int, _Habit] = {}

    def of(self, user_id: int) -> float:
        """Return a person's hangover in seconds, counted from their last frame of speech."""
        habit = self._habits.get(user_id)
        return habit.hangover_s() if habit is not None else START_S

    def all(self) -> dict[int, float]:
        """Return the hangover in seconds of everyone who has spoken."""
        return {user_id: habit.hangover_s() for user_id, habit in self._habits.items()}

    def spoke(self, user_id: int, at: float) -> None:
        """Take in a frame of speech; if it ends a pause, learn from that."""
        habit = self._habits.setdefault(user_id, _Habit())
        if habit.hushed and habit.spoke_at is not None and 0 < at - habit.spoke_at <= WENT_ON_S:
            habit.pauses.append(at - habit.spoke_at)
        habit.spoke_at, habit.hushed = at, False

    def hushed(self, user_id: int) -> None:
        """Take in that the person has fallen silent by their own client's word: lost packets are no pause."""
        if user_id in self._habits:
            self._habits[user_id].hushed = True

    def answered(self) -> None:
        """Take in that an answer is heard: who speaks now interrupts it, and ends no pause."""
        for habit in self._habits.values():
            habit.hushed = False

    def forget(self, user_id: int) -> None:
        """Forget a person who is gone."""
        self._habits.pop(user_id, None)
