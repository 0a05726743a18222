"""The network under a Live connection: pongs, dead ends, slow readers, messages out of the ordinary."""

import asyncio
import base64
import math
from collections.abc import Awaitable, Callable
from unittest import mock

import numpy as np
from fault_row import SILENCE_S, Inject, Row, When
from fault_scenarios import standard
from fault_scene import Scene
from loopback import eventually
from websockets.asyncio.client import connect

from bot.emulators.gemini import messages
from bot.emulators.gemini.faults import Deform, Deformation, Mute, Send, Where

MUTE = "told nothing 4 s after a turn: one nudge; 3 s later a new connection, which hears the sentence again"
UNACKNOWLEDGED = (
    "nothing is acknowledged for 8 s, or told 7 s after the turn: a new connection, which hears the sentence"
    " from its beginning"
)
READ = "not understood, counted; the connection goes on"
IDLE_S = 30.0  # the first probe after 5 s of silence, the next each second, three in all
HELD_S = 15.0  # longer than it takes to notice it, and to be refused twice
# Nothing tells of a dead end: silence is all there is to go by, and a shorter one is also that of a network
# which is bad for a moment, or of a model that thinks. So these are silent for as long as it is waited.
MUTE_S = 4.0 + 3.0 + SILENCE_S  # until it is nudged, and until that is given up too
UNACKNOWLEDGED_S = 8.0 + SILENCE_S
# The server takes the old connection to be open, and refuses twice: a back-off of 0.25, 2 and 4 s at most.
REFUSED_TWICE_S = UNACKNOWLEDGED_S + 6.25
PING_S = 1.0
BIG = 1_500_000  # bytes in base64: more than websockets takes by itself


def pongs(delay_s: float) -> Callable[[Scene, Row], Awaitable[None]]:
    """Return the scenario in which pongs come so late, for longer than websockets waits by itself.

    By itself it sends a ping every 20 s and waits 20 s for its pong: here 1 s each, so that a row need not
    last a minute. What the bot says of that itself is left as it is.
    """

    async def scenario(scene: Scene, row: Row) -> None:
        await scene.leave()
        usual = connect.__init__.__kwdefaults__
        assert usual is not None
        assert (usual["ping_interval"], usual["ping_timeout"]) == (20, 20)
        with mock.patch.dict(usual, ping_interval=PING_S, ping_timeout=PING_S):
            scene.knobs.pong_delay_s = delay_s
            await scene.ready()
            connections = len(scene.gemini.sessions)
            await asyncio.sleep(4 * PING_S)
            await standard(scene, row)
            await asyncio.sleep(2 * PING_S)
        assert len(scene.gemini.sessions) == connections, "the connection was given up"

    return scenario


async def mute(scene: Scene) -> None:
    scene.script(Where.AUDIO_IN, Mute())


async def dead_end(scene: Scene) -> None:
    scene.wire.lose()


async def dropped(scene: Scene) -> None:
    scene.wire.drop(held_s=1.0)


async def dropped_for_the_bot(scene: Scene) -> None:
    """Have the server believe for a while that the old connection is open: it refuses another for so long."""
    scene.wire.drop(held_s=HELD_S)


async def dropped_in_silence(scene: Scene) -> None:
    """Have nothing acknowledged while nobody speaks, and wait until that is noticed."""
    before = len(scene.gemini.sessions)
    scene.wire.drop(held_s=1.0)
    await eventually(lambda: len(scene.gemini.sessions) > before, IDLE_S)


async def other_codec(scene: Scene) -> None:
    """Send sound that is no PCM in the answer: played as if it were, it is noise."""
    noise = np.random.default_rng(1).integers(-32768, 32767, 24_000, np.int16).tobytes()
    strange = messages.content(modelTurn=messages.speech((noise,), "audio/L16;rate=24000"))
    scene.script(Where.TURN, Send(strange))


async def left_out(scene: Scene) -> None:
    """Hold that it was counted, and not played: silence after the sentence is as ever."""
    assert await scene.bot.count("live_unplayable_chunks") > 0


async def slow_reader(scene: Scene) -> None:
    scene.knobs.read_delay_s = 0.03


def sends(message: dict[str, object] | str, where: Where = Where.TURN) -> Inject:
    """Return what has a message come in before the answer."""

    async def inject(scene: Scene) -> None:
        scene.script(where, Send(message))

    return inject


def deformed(how: Deformation) -> Inject:
    """Return what has the answer deformed."""

    async def inject(scene: Scene) -> None:
        scene.script(Where.TURN, Deform(how))

    return inject


async def big_message(scene: Scene) -> None:
    """Send 24 s of silence in one message of 1.5 MB; it is cut off by the last sentence."""
    pcm = np.zeros(BIG * 3 // 4 // 2, np.int16).tobytes()
    assert len(base64.b64encode(pcm)) >= BIG - 4
    scene.script(Where.TURN, Send(messages.content(modelTurn=messages.speech((pcm[:96_000],)))))
    scene.script(Where.TURN, Send({"usageMetadata": {"totalTokenCount": 1}, "padding": "x" * BIG}))


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


_LIVE = "Live"
ROWS = [
    *(
        Row(
            f"live-{name}-pongs",
            what,
            _LIVE,
            When.IDLE,
            "none are waited for",
            nothing,
            scenario=pongs(delay_s),
        )
        for name, what, delay_s in (
            ("no", "no pongs", math.inf),
            ("late", "pongs 3 s late, of which websockets waits 1 s (30 s, and 20 s)", 3 * PING_S),
        )
    ),
    Row(
        "live-mute",
        "half-open: the server hears and says nothing",
        "Live, in mid-sentence",
        When.IDLE,
        MUTE,
        mute,
        silence_s=MUTE_S,
        fresh=True,
    ),
    Row(
        "live-dead-proxy",
        "half-open: nothing passes a proxy",
        "Live, idle",
        When.IDLE,
        MUTE,
        dead_end,
        silence_s=MUTE_S,
        fresh=True,
    ),
    Row(
        "live-dead-end",
        "half-open: nothing passes the network",
        "Live, in mid-sentence",
        When.SPEAKING,
        UNACKNOWLEDGED,
        dropped,
        silence_s=UNACKNOWLEDGED_S,
        fresh=True,
    ),
    Row(
        "live-dead-end-held",
        "half-open: nothing passes the network, and the server takes the old connection to be open",
        "Live, in mid-sentence",
        When.SPEAKING,
        "tried twice; then a fresh session is told what was said before",
        dropped_for_the_bot,
        silence_s=REFUSED_TWICE_S,
        fresh=True,
    ),
    Row(
        "live-dead-end-answer",
        "half-open: nothing passes the network",
        "Live, in mid-answer",
        When.ANSWERING,
        "probes are not acknowledged: a new connection; the answer was whole, or is gone on with",
        dropped,
        silence_s=UNACKNOWLEDGED_S,
        fresh=True,
    ),
    Row(
        "live-dead-end-idle",
        "half-open: nothing passes the network",
        "Live, idle",
        When.IDLE,
        "probes are not acknowledged: a new connection, before anybody speaks",
        dropped_in_silence,
        fresh=True,
    ),
    Row(
        "live-slow-reader",
        "slow reader (33 messages/s)",
        _LIVE,
        When.IDLE,
        "what waits is sent as it is read",
        slow_reader,
    ),
    Row("live-big", "message over 1 MiB", _LIVE, When.IDLE, "taken, up to 16 MiB", big_message),
    Row(
        "live-unknown-message",
        "unknown message",
        "Live, before the answer",
        When.IDLE,
        READ,
        sends({"neverHeardOf": {}}),
    ),
    Row(
        "live-unknown-field",
        "unknown field",
        "Live, before the answer",
        When.IDLE,
        "left out",
        sends({"serverContent": {"neverHeardOf": {"a": 1}}}),
    ),
    Row(
        "live-unknown-enum",
        "unknown enum value",
        "Live, before the answer",
        When.IDLE,
        "left out",
        sends({"serverContent": {"turnCompleteReason": "NEVER_HEARD_OF"}}),
    ),
    Row("live-bad-json", "bad JSON", "Live, before the answer", When.IDLE, READ, sends("{")),
    Row("live-empty-message", "{}", "Live, before the answer", When.IDLE, "tells nothing", sends({})),
    Row(
        "live-odd-pcm",
        "chunks of odd length",
        "Live, answer",
        When.IDLE,
        "the half sample waits for its other half",
        deformed(Deformation.ODD_PCM),
    ),
    Row(
        "live-no-rate",
        "no rate in the mime type",
        "Live, answer",
        When.IDLE,
        "24 kHz is taken for granted",
        deformed(Deformation.NO_RATE),
    ),
    Row(
        "live-other-codec",
        "sound that is no PCM",
        "Live, answer",
        When.IDLE,
        "left out, counted",
        other_codec,
        check=left_out,
    ),
    Row(
        "live-parts",
        "several parts in a message",
        "Live, answer",
        When.IDLE,
        "all are read",
        deformed(Deformation.SEVERAL_PARTS),
    ),
    Row(
        "live-fields",
        "several fields in a message",
        "Live, answer",
        When.IDLE,
        "all are read",
        deformed(Deformation.SEVERAL_FIELDS),
    ),
]
