"""Latencies: the newest samples count, and a long call takes no more memory than a short one."""

import tracemalloc

from bot.latency import WINDOW, Latency


def test_the_newest_samples_count() -> None:
    latency = Latency()
    for _ in range(WINDOW):
        latency.record(9.0)
    for ms in range(WINDOW):
        latency.record(ms / 1000)
    assert (latency.p(50), latency.p(100)) == (WINDOW / 2 - 1, WINDOW - 1)
    assert latency.count == 2 * WINDOW


def test_a_figure_is_told_to_the_microsecond() -> None:
    latency = Latency()
    latency.record(0.0012)
    assert latency.p(50) == 1.2


def test_samples_take_no_memory_of_their_own() -> None:
    latency = Latency()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for each in range(2 * WINDOW):
            latency.record(each / 1000)
        assert tracemalloc.get_traced_memory()[0] - before < 1024
    finally:
        tracemalloc.stop()
