"""A connection is lost around what came of a function: no question goes with it."""

import asyncio

from fault_row import Row, When
from fault_scenarios import one_more
from fault_scene import ASIDE, SENTENCE, Scene
from loopback import eventually

from bot.emulators.gemini.connection import Connection
from bot.emulators.gemini.faults import Abort, Where
from bot.emulators.gemini.knobs import Call, ToolScript

PATIENCE_S = 15.0
CHUNKS = 3  # of the answer that is lost arrive; a reset takes what is on its way with it


def _given(live: Connection) -> bool:
    return any(each.call_id == "t1" for each in live.log.tool_results)


async def next_pending(scene: Scene, row: Row) -> None:
    """Ask something into the answer; the connection is lost when it is told first what came of a function."""
    await scene.ready()
    scene.knobs.stream_speed, scene.knobs.playback_speed = 1.2, 1.0  # so that there is an answer to ask into
    scene.knobs.tool_calls.append(ToolScript((Call("who_is_here", {}, "t1"),)))
    live = scene.live
    await scene.ask(SENTENCE, limit_s=row.limit_s)
    await eventually(lambda: _given(live), PATIENCE_S)
    saying = asyncio.create_task(scene.say(ASIDE), name="fault-saying")
    await scene.heard_of(0.3)
    scene.knobs.stream_speed = scene.knobs.playback_speed = 20.0
    scene.script(Where.CHUNK, Abort(), skip=CHUNKS)
    sentence = await saying
    silence_s = await scene.silence_after(sentence, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    before = [each for each in scene.reached(sentence) if each.session is live]
    assert not live.open and before, "the connection was not lost after the question"
    assert before[-1].turn.first_audio_at is None, "it was lost after the answer had begun"
    again = [each for each in scene.reached(sentence) if each.session is not live]
    assert again and again[-1].whole, "the question was not heard again"
    await scene.idle()
    await one_more(scene)


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


ROWS = [
    Row(
        "live-tools-lost-telling",
        "TCP reset while a result is told, with another question pending",
        "Live, tools",
        When.SPEAKING,
        "the question is heard again over a new connection",
        nothing,
        scenario=next_pending,
        fresh=True,
    ),
]
