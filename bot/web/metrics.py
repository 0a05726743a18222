"""The calls' figures in Prometheus' text format, read when they are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.latency import Latency

QUANTILES = (50, 99)


@dataclass(frozen=True, slots=True)
class CallFigures:
    """What one running call has measured and counted."""

    guild_id: int
    latencies: Mapping[str, Latency]
    counters: Mapping[str, int]


class CallCollector(Collector):
    """Turns the running calls into metric families, with the guild as a label."""

    def __init__(self, calls: Callable[[], Sequence[CallFigures]], tasks: int) -> None:
        self._calls = calls
        self._tasks = tasks

    def collect(self) -> Iterator[Metric]:
        """Yield how many calls and tasks there are, latencies in ms, of how many samples, and counters."""
        calls = self._calls()
        yield GaugeMetricFamily("earshot_calls", "Running calls.", value=len(calls))
        yield GaugeMetricFamily("earshot_tasks", "Tasks of the event loop.", value=self._tasks)
        yield _latencies(calls)
        yield _samples(calls)
        yield _events(calls)


def exposition(calls: Callable[[], Sequence[CallFigures]], *, tasks: int) -> bytes:
    """Return what `/metrics` answers; `tasks` is how many the event loop has."""
    return generate_latest(CallCollector(calls, tasks))


def _latencies(calls: Sequence[CallFigures]) -> Metric:
    family = GaugeMetricFamily(
        "earshot_latency_ms", "Latency of the newest samples.", labels=("guild", "of", "quantile")
    )
    for call in calls:
        for name, latency in call.latencies.items():
            for quantile in QUANTILES:
                # A quantile that was never measured is absent, not zero.
                if (value := latency.p(quantile)) is not None:
                    family.add_metric((str(call.guild_id), name, str(quantile / 100)), value)
    return family


def _samples(calls: Sequence[CallFigures]) -> Metric:
    family = GaugeMetricFamily(
        "earshot_latency_samples", "Of how many samples each latency is.", labels=("guild", "of")
    )
    for call in calls:
        for name, latency in call.latencies.items():
            family.add_metric((str(call.guild_id), name), len(latency.samples_ms))
    return family


def _events(calls: Sequence[CallFigures]) -> Metric:
    family = CounterMetricFamily("earshot_events", "What was counted in a call.", labels=("guild", "of"))
    for call in calls:
        for name, count in call.counters.items():
            family.add_metric((str(call.guild_id), name), count)
    return family
