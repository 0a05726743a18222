"""The network under a Live connection: pongs, dead ends, slow readers, messages out of the ordinary."""

import base64

import numpy as np
from fault_row import Inject, Row, When
from fault_scene import Scene

from bot.emulators.gemini import messages
from bot.emulators.gemini.faults import Deform, Deformation, Mute, Send, Where

STALL = "no answer 6 s after a turn: one nudge; 5 s later a new connection, which hears the sentence again"
READ = "not understood, counted; the connection goes on"
BIG = 1_500_000  # bytes in base64: more than websockets takes by itself


async def no_pongs(scene: Scene) -> None:
    scene.knobs.pong_delay_s = float("inf")


async def late_pongs(scene: Scene) -> None:
    scene.knobs.pong_delay_s = 20.0


async def mute(scene: Scene) -> None:
    scene.script(Where.AUDIO_IN, Mute())


async def dead_end(scene: Scene) -> None:
    scene.wire.lose()


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


_LIVE = "Live"
ROWS = [
    Row("live-no-pongs", "no pongs", _LIVE, When.IDLE, "none are waited for", no_pongs),
    Row("live-late-pongs", "pongs 20 s late", _LIVE, When.IDLE, "none are waited for", late_pongs),
    Row(
        "live-mute",
        "half-open: the server hears and says nothing",
        "Live, in mid-sentence",
        When.IDLE,
        STALL,
        mute,
        fresh=True,
    ),
    Row(
        "live-dead-end",
        "half-open: nothing passes the network",
        "Live, idle",
        When.IDLE,
        STALL,
        dead_end,
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
