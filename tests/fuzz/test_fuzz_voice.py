"""What the network and Discord may send to a call, fuzzed for seconds; `make fuzz` does it for minutes."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from fuzz_datagrams import Datagrams
from fuzz_engine import Target, fuzz
from fuzz_gateway import VoiceMessages
from fuzz_main_gateway import CallWord

# What datagrams end as: a fuzzer whose inputs are all refused at the door tests the door.
ENDINGS = (
    "not_rtp", "other_media", "no_key", "not_authentic", "malformed", "unmapped", "unconsented", "plaintext",
    "undecrypted", "dropped", "late", "duplicate", "silence", "heard", "far_off", "missing", "concealed",
)  # fmt: skip
WARM, MEASURED = 3_000, 3_000
MOST_GROWN = 250_000  # bytes: had each datagram left 100 behind, it would be more


@pytest.mark.parametrize(
    ("make", "count", "reached"),
    [
        (partial(Datagrams, steady=True), 14_000, ENDINGS),
        (partial(Datagrams, steady=False), 14_000, (*ENDINGS, "undecodable", "recovered", "muted")),
        (VoiceMessages, 300, ("recovered", "refused by davey")),
        (CallWord, 1_000, ("ValueError", "KeyError")),
    ],
    ids=["encrypted", "changing", "voice gateway", "main gateway"],
)
def test_nothing_that_comes_raises_or_grows(
    make: Callable[[Random], Target], count: int, reached: tuple[str, ...]
) -> None:
    outcome = fuzz(make, count, "ci")
    assert not outcome.findings, "\n".join(map(str, outcome.findings))
    assert outcome.inputs == count
    assert not [name for name in reached if not outcome.tally.get(name)]


def test_datagrams_leave_nothing_behind() -> None:
    target = Datagrams(Random("memory"), steady=True)
    target.run(WARM)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        target.run(MEASURED)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < MOST_GROWN
