"""The bounded record of what went over the emulated wires."""

from bot.emulators.discord.trace import Trace


def test_the_oldest_entries_go_first_and_are_counted() -> None:
    now = iter(range(10))
    trace = Trace(capacity=3, clock=lambda: float(next(now)))
    for number in range(5):
        trace.add("udp.in" if number % 2 else "udp.out", number=number)
    assert [(each.at, each.fields) for each in trace.of()] == [(n, {"number": n}) for n in (2, 3, 4)]
    assert [each.fields["number"] for each in trace.of("udp.in")] == [3]
    assert (len(trace), trace.lost) == (3, 2)
    trace.clear()
    assert (len(trace), trace.lost, trace.of("udp")) == (0, 0, [])
