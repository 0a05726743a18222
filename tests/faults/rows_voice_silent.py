"""Connections that stand and say nothing any more: nobody is told of that, it has to be noticed."""

import asyncio
import time

from fault_row import SILENCE_S, Row, When
from fault_scenarios import one_more, standard
from fault_scene import SENTENCE, Scene
from voice_acts import heard_again, knobbed, reconnected, resumed

QUIET_S = 12.0  # of a voice websocket, after which it is taken for dead
MUTE_S = 4.0 + 3.0 + SILENCE_S  # sound goes on; Gemini is nudged after 4 s, and given up after another 3
FORGOTTEN_S = QUIET_S + 2.0 + SILENCE_S  # and the main gateway, asked then, has 2 s to answer


async def websocket_silent(scene: Scene, row: Row) -> None:
    """Have nothing more come on the voice websocket, which stays open; sound goes on meanwhile."""
    await scene.ready()
    since = time.monotonic()
    scene.discord.voice.mute(scene.world.bot.id)
    silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await scene.idle()
    await reconnected(scene, since, row.limit_s)
    await one_more(scene)


async def unacknowledged(scene: Scene, row: Row) -> None:
    """Have heartbeats not answered, on the next voice websocket neither; sound goes on all the time."""
    await scene.ready()
    with knobbed(scene.discord.knobs, voice_mute_acks=True):
        since = time.monotonic()
        await resumed(scene, since, QUIET_S + 8.0)
        await standard(scene, row)


async def both_silent(scene: Scene, row: Row) -> None:
    """Have the voice websocket and Gemini say nothing more, both at once."""
    await scene.ready()
    since = time.monotonic()
    scene.discord.voice.mute(scene.world.bot.id)
    scene.wire.lose()
    silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await scene.idle()
    await reconnected(scene, since, row.limit_s)
    await one_more(scene)


async def all_forgotten(scene: Scene, row: Row) -> None:
    """Have a NAT forget all connections, TCP and UDP, while nobody speaks; new ones are good."""
    await scene.ready()
    since = time.monotonic()
    scene.discord.gateway.mute_all()
    scene.discord.voice.mute(scene.world.bot.id)
    scene.discord.voice.lose_path(scene.world.bot.id)
    scene.wire.lose()
    await heard_again(scene, row, since)
    await one_more(scene)


async def all_lost(scene: Scene) -> None:
    """Cut the voice websocket, the main gateway and Gemini, all at once, as when the host's network fails."""
    scene.discord.gateway.abort_all()
    scene.discord.voice.close_socket(scene.world.bot.id, 1006)
    scene.live.abort()
    await asyncio.sleep(0)


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


ROWS = [
    Row(
        "voice-websocket-silent",
        "the voice websocket falls silent",
        "Voice, silent room",
        When.IDLE,
        "nothing for 12 s: a new websocket",
        nothing,
        scenario=websocket_silent,
        limit_s=25.0,
        fresh=True,
    ),
    Row(
        "voice-unacknowledged",
        "heartbeats are not answered",
        "Voice, silent room",
        When.IDLE,
        "nothing for 12 s: a new websocket",
        nothing,
        scenario=unacknowledged,
        limit_s=25.0,
        fresh=True,
    ),
    Row(
        "voice-both-silent",
        "both fall silent at once",
        "Voice and Live",
        When.IDLE,
        "each is noticed by itself, and connected anew",
        nothing,
        scenario=both_silent,
        silence_s=MUTE_S,
        limit_s=40.0,
        fresh=True,
    ),
    Row(
        "voice-all-forgotten",
        "a NAT forgets all connections",
        "Voice, UDP, main gateway, Live",
        When.IDLE,
        "each is noticed by itself, and connected anew",
        nothing,
        scenario=all_forgotten,
        silence_s=FORGOTTEN_S,
        limit_s=60.0,
        fresh=True,
    ),
    Row(
        "voice-all-lost",
        "all are cut at once",
        "Voice, main gateway, Live; in mid-sentence",
        When.SPEAKING,
        "each is resumed",
        all_lost,
        fresh=True,
    ),
]
