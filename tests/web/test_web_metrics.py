"""The metrics server over a real socket."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import SetupError
from bot.latency import WINDOW, Latency
from bot.web.metrics import CallFigures, exposition
from bot.web.server import HOST, MetricsServer


def figures() -> list[CallFigures]:
    measured = Latency()
    for ms in range(1, 101):
        measured.record(ms / 1000)
    return [CallFigures(42, {"mouth_to_live": measured, "barge_in": Latency()}, {"underruns": 3})]


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_exposition_has_quantiles_and_counters() -> None:
    found = samples(exposition(figures, tasks=7).decode())
    assert found == {
        ("earshot_calls",): 1,
        ("earshot_tasks",): 7,
        ("earshot_latency_ms", "42", "mouth_to_live", "0.5"): pytest.approx(50),
        ("earshot_latency_ms", "42", "mouth_to_live", "0.99"): pytest.approx(99),
        ("earshot_latency_samples", "42", "mouth_to_live"): 100,
        ("earshot_latency_samples", "42", "barge_in"): 0,
        ("earshot_events_total", "42", "underruns"): 3,
    }


def test_samples_are_those_that_the_quantiles_are_of() -> None:
    measured = Latency()
    for _ in range(WINDOW + 1):
        measured.record(0.001)
    found = samples(exposition(lambda: [CallFigures(42, {"live_to_ear": measured}, {})], tasks=1).decode())
    assert found["earshot_latency_samples", "42", "live_to_ear"] == WINDOW


class Health:
    connected = True


@pytest.fixture
async def served() -> AsyncIterator[tuple[str, Health]]:
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    health = Health()
    server = MetricsServer(port, calls=figures, healthy=lambda: health.connected)
    await server.start()
    yield f"http://{HOST}:{port}", health
    await server.close()


async def test_metrics_and_health_are_served(served: tuple[str, Health]) -> None:
    address, health = served
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/metrics") as answer:
            assert samples(await answer.text())["earshot_calls",] == 1
        async with session.get(f"{address}/healthz") as answer:
            assert answer.status == 200
        health.connected = False
        async with session.get(f"{address}/healthz") as answer:
            assert answer.status == 503


async def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        server = MetricsServer(port, calls=figures, healthy=lambda: True)
        with pytest.raises(SetupError, match=f"METRICS_PORT {port} can't be opened"):
            await server.start()
