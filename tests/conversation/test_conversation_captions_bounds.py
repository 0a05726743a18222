"""Captions are bounded: how long a line is, what is kept, and how often calls may post."""

import itertools

import numpy as np
import pytest
from captions_rig import ADA, Shown, shown, words_of

from bot.conversation.captions_budget import LEAST_S, PER_S, CaptionBudget
from bot.conversation.captions_passage import LINE, PASSAGE
from bot.conversation.captions_turns import SETTLED_S
from bot.conversation.overload import CAPTIONS_S

__all__ = ["shown"]


def test_a_long_turn_is_several_lines_that_stay(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    words = [f"word{number}" for number in range(3 * PASSAGE // 8)]
    for number, word in enumerate(words):
        shown.understood(f" {word}", 1.0 + number / 3)
        before = {line.id: line.text for line in shown.lines.values()}
        shown.look()
        newest = max(shown.lines)
        assert all(
            shown.lines[line_id].text == text for line_id, text in before.items() if line_id < newest - 1
        )
    assert words_of(shown) == words
    assert all(len(line.text) <= LINE for line in shown.lines.values())


def test_nothing_is_kept_of_what_is_over(shown: Shown) -> None:
    for number in range(2_000):
        at = number * 10.0
        shown.turn(ADA, "Ada", at, at + 1)
        shown.understood(f"number {number}", at + 1.2)
        shown.said("Yes.", at + 2)
        shown.ended(at + 3)
        if number % 100 == 99:
            shown.captions.poll(at + 3 + SETTLED_S)
            shown.look()
            assert len(vars(shown.captions)["_passages"]) <= 2
            assert all(line.final for line in shown.lines.values())


# -- the budget


@pytest.mark.parametrize("calls", [1, 10, 100])
def test_all_calls_share_one_budget_evenly(calls: int) -> None:
    """Every call wants to send all the time; a call's requests are counted over a minute."""
    budget = CaptionBudget()
    for call in range(calls):
        budget.add(call)
    sent: list[tuple[float, int]] = []
    waited: list[float] = []
    for now in np.arange(0, 60, 0.01):
        for call in range(calls):
            if budget.due(call, lasting=False) <= now:
                sent.append((budget.take(call, float(now)), call))
                waited.append(sent[-1][0] - now if now > 10 else 0.0)
    assert max(waited) < 0.1, "who has asked gets a place at once: what is sent is new"
    times = sorted(at for at, _ in sent)
    window = max(sum(1 for at in times if start <= at < start + 1) for start in times)
    assert window <= PER_S + 1
    each = [sum(1 for _, call in sent if call == number) for number in range(calls)]
    assert max(each) - min(each) <= 1
    interval = max(LEAST_S, calls / 25)
    assert min(each) >= 60 / interval * 0.9, "and it is used"
    for call in (0, calls - 1):
        mine = [at for at, number in sent if number == call]
        assert all(b - a >= interval - 1e-9 for a, b in itertools.pairwise(mine))


def test_what_does_not_stay_waits_while_the_loop_is_late() -> None:
    budget = CaptionBudget()
    budget.add(1)
    budget.late(0.3, 10.0)
    assert budget.due(1, lasting=False) == 10.0 + CAPTIONS_S
    assert budget.due(1, lasting=True) < 10.0
