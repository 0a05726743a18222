"""How long it is silent when the Live connection is lost and the session resumed, at the worst moments."""

import asyncio
import math
import statistics
from collections.abc import Awaitable, Callable
from itertools import product

from fault_row import Row, When
from fault_scene import FIRST, LAST, Scene

P95_S = 1.5  # beyond the silence after a sentence with which nothing is wrong, in the same call
PATIENCE_S = 15.0

Break = Callable[[Scene], None]

BREAKS: dict[str, Break] = {
    "goAway": lambda scene: scene.live.go_away(0.0),
    "1006": lambda scene: scene.live.abort(),
    "1011": lambda scene: scene.live.close(1011),
    "1001": lambda scene: scene.live.close(1001),
}


async def _before(scene: Scene, lose: Break) -> float:
    lose(scene)
    return await scene.ask(LAST, limit_s=PATIENCE_S)


async def _within(scene: Scene, lose: Break) -> float:
    saying = asyncio.create_task(scene.say(LAST), name="fault-saying")
    await scene.heard_of(0.4)
    lose(scene)
    return await scene.silence_after(await saying, limit_s=PATIENCE_S)


async def _at_its_end(scene: Scene, lose: Break) -> float:
    """Lose it while the end of the turn is being found: nothing can be done while the person still speaks."""
    sentence = await scene.say(LAST)
    lose(scene)
    return await scene.silence_after(sentence, limit_s=PATIENCE_S)


MOMENTS: dict[str, Callable[[Scene, Break], Awaitable[float]]] = {
    "before a sentence": _before,
    "in mid-sentence": _within,
    "at its end": _at_its_end,
}
TWICE = 2


async def _nothing(_: Scene) -> None: ...


async def _lose_again_and_again(scene: Scene, row: Row) -> None:
    await scene.ready()
    usual, silences = [scene.baseline_s], {}
    for number, (kind, moment) in enumerate([*product(BREAKS, MOMENTS)] * TWICE):
        connections = len(scene.gemini.sessions)
        silences[number, kind, moment] = await MOMENTS[moment](scene, BREAKS[kind])
        await scene.idle()
        assert len(scene.gemini.sessions) == connections + 1, (
            f"{kind} {moment}: no reconnect, or more than one"
        )
        assert scene.live.log.resumed, f"{kind} {moment}: not resumed"
        assert all(each.whole for each in scene.reached(scene.said[-1])[-1:]), (
            f"{kind} {moment}: not heard whole"
        )
        if number % 4 == 3:
            usual.append(await scene.ask(FIRST, limit_s=PATIENCE_S))
            await scene.idle()
    baseline_s = statistics.median(usual)
    beyond = sorted(max(0.0, silence - baseline_s) for silence in silences.values())
    p95 = beyond[math.ceil(0.95 * len(beyond)) - 1]
    scene.outcome.silence_ms = 1000 * p95
    scene.outcome.note = (
        f"{len(beyond)} reconnects with resumption: silence beyond {1000 * baseline_s:.0f} ms as ever: "
        f"p50 {1000 * statistics.median(beyond):.0f} ms, p95 {1000 * p95:.0f} ms, "
        f"max {1000 * beyond[-1]:.0f} ms"
    )
    assert p95 <= P95_S, scene.outcome.note


ROWS = [
    Row(
        id="live-reconnects",
        name="24 reconnects in a call: goAway, 1006, 1011, 1001",
        where="Live, before, in and at the end of a sentence",
        when=When.IDLE,
        recovers="resumed within 0.25 s, since each connection has answered; p95 of the silence is shown",
        inject=_nothing,
        fresh=True,
        scenario=_lose_again_and_again,
    ),
]
