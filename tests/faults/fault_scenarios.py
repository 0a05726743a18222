"""The scenarios: one sentence as ever, one with the fault, one more as if nothing had been."""

import asyncio
import time

from fault_row import Row, When
from fault_scene import JOINED, LAST, SENTENCE, Scene

JOIN_S = 10.0  # what /join may take until it is answered
WATCH_S = 2.5  # an answer is listened to for so long after a fault; the shortest of them are longer
INTO_S = 0.5  # of the sentence, or of the answer, before the fault
AFTER_S = 2.0  # the last answer may come so much later than the first: a busy machine is no fault


async def standard(scene: Scene, row: Row) -> None:
    """Play a row in a call that goes on."""
    await scene.ready()
    silence_s = await _MOMENTS[row.when](scene, row)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s - row.server_s)
    await one_more(scene)
    await row.check(scene)


async def _idle(scene: Scene, row: Row) -> float:
    await row.inject(scene)
    return await scene.ask(SENTENCE, limit_s=row.limit_s)


async def _speaking(scene: Scene, row: Row) -> float:
    saying = asyncio.create_task(scene.say(SENTENCE), name="fault-saying")
    await scene.heard_of(INTO_S)
    await row.inject(scene)
    return await scene.silence_after(await saying, limit_s=row.limit_s)


async def _answering(scene: Scene, row: Row) -> float:
    """Inject when the answer is heard; it must go on, after a break at most."""
    # Little of the answer is ahead of what is heard, so that a fault is heard soon.
    scene.knobs.stream_speed, scene.knobs.playback_speed = 1.2, 1.0
    first_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    await asyncio.sleep(INTO_S)
    await row.inject(scene)
    break_s = await scene.longest_break(time.monotonic(), watch_s=WATCH_S, limit_s=row.limit_s)
    scene.knobs.stream_speed = scene.knobs.playback_speed = 20.0
    return max(first_s if first_s > scene.baseline_s + 0.5 else 0.0, break_s)


async def one_more(scene: Scene) -> None:
    after_s = await scene.ask(LAST, limit_s=10.0)
    scene.outcome.after_ms = 1000 * (after_s - scene.baseline_s)
    assert after_s < scene.baseline_s + AFTER_S, f"the last answer came {after_s:.1f} s after its question"
    scene.baseline_s = after_s
    await scene.idle()
    scene.judge()
    assert not (unstruck := scene.unstruck()), f"it did not happen: {', '.join(unstruck)}"


async def joining(scene: Scene, row: Row) -> None:
    """Play a row in which the bot may fail to join: it says so in time, and joins the next time."""
    await row.inject(scene)
    asked = scene.ada.run_command(scene.world.text.id, "join")
    began = time.monotonic()
    text = (await asked.response(within_s=15.0)).text
    took_s = time.monotonic() - began
    assert took_s <= JOIN_S, f"/join was answered after {took_s:.1f} s"
    scene.outcome.silence_ms = 1000 * max(0.0, took_s - row.server_s)
    if JOINED not in text:
        assert _is_sentence(text), f"/join: {text!r}"
        scene.outcome.note = text
        scene.knobs.faults.clear()
        scene.wire.dead = False
        await scene.join()
    scene.baseline_s = await scene.ask(SENTENCE, limit_s=10.0)
    await scene.idle()
    scene.stand()
    await one_more(scene)
    await row.check(scene)


def _is_sentence(text: str) -> bool:
    return 20 < len(text) < 200 and "\n" not in text and text.rstrip().endswith(".")


_MOMENTS = {When.IDLE: _idle, When.SPEAKING: _speaking, When.ANSWERING: _answering}
