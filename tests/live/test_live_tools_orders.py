"""Questions, calls, results and answers in any order: nothing that was answered is asked again."""

import random
from typing import Any

import pytest
from core_rig import PCM, ready, send_all
from tools_rig import FIRST, answer, answer_whole, called, end_turn, interrupt, reconnect, resolve, say

from bot.live.items import ActivityStart, Audio, Item, Text

HEARD: list[Item] = [Audio(PCM, 1.0, 1)]
TYPED: list[Item] = [Text("And tomorrow?", answer=True)]
STEPS = 12


class Play:
    """A model that calls and answers when it likes, and people who ask when they like."""

    def __init__(self, turns: str, seed: int) -> None:
        self._made = ready(turns)
        self._rng = random.Random(seed)
        self._spoken = FIRST if turns == "marks" else HEARD
        self._open: list[Any] = []
        self._calls = 0
        self._answering = False
        self._at = 1.0

    def go_on(self) -> None:
        """Do one thing that may come next."""
        self._at += self._rng.choice([0.1, 0.4, 1.2])
        step = self._rng.choice([self._ask, self._call, self._give, self._answer, self._answer])
        step()

    def finish(self) -> None:
        """Give all results, and answer what there may be to answer."""
        if self._answering:
            self._answer()
        while self._open:
            self._give()
        for _ in range(2):  # what came of the functions, and what was asked meanwhile
            self._at += 1.0
            answer_whole(self._made, self._at)

    def left(self) -> tuple[bool, list[Any]]:
        """Return whether the session is idle then, and what another connection is told."""
        self._at += 3.0
        return self._made.exchange.idle(self._at), reconnect(self._made, self._at)

    def _ask(self) -> None:
        if isinstance(self._spoken[0], ActivityStart) and self._answering and self._rng.random() < 0.7:
            self._made.say(self._spoken[0])
            send_all(self._made, self._at)
            interrupt(self._made, self._at)
            self._answering = False
            self._at += 1.1
            say(self._made, self._spoken[1:], self._at)
        else:
            say(self._made, self._rng.choice([self._spoken, TYPED]), self._at)

    def _call(self) -> None:
        self._calls += 1
        self._open += called(self._made, self._at, f"call-{self._calls}")

    def _give(self) -> None:
        if self._open:
            result = self._open.pop(self._rng.randrange(len(self._open)))
            resolve(self._made, [result], self._at)

    def _answer(self) -> None:
        if self._answering:
            end_turn(self._made, self._at)
        else:
            answer(self._made, self._at)
        self._answering = not self._answering


@pytest.mark.parametrize("turns", ["marks", "model"])
def test_nothing_is_asked_again_once_all_was_answered(turns: str) -> None:
    for seed in range(300):
        play = Play(turns, seed)
        for _ in range(STEPS):
            play.go_on()
        play.finish()
        assert play.left() == (True, []), seed
