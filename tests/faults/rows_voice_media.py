"""What happens to the datagrams of a call: lost, late, twice, out of order, held up, forged, corrupt."""

import asyncio
import os
import time
from itertools import count
from typing import cast

import numpy as np
from fault_row import SILENCE_S, Inject, Row, When
from fault_scenarios import one_more
from fault_scene import SENTENCE, Scene
from rows_voice_parts import connection
from voice_acts import Scenario, another, lost_in_silence, lost_in_speech, with_udp, worn

from bot.audio.pcm import LIVE_OUT_HZ
from bot.audio.ratepath import rate_path
from bot.emulators.discord.voice.rtp import RtpHeader
from bot.voice.client import EarshotVoiceClient

NETWORK = "UDP to the bot"
SPEAKING, IDLE, ANSWERING = "UDP, in mid-sentence", "UDP, silent room", "UDP, in mid-answer"
FORGED = 50  # frames: a second
CORRUPT = b"\xfb\x00"  # a packet of any number of frames that says it has none
FRAME_S, FRAME = 0.02, 960
UNKEPT_S = 5.0 + 5.0 + SILENCE_S  # nothing tells of it but keepalives: until the next, and that it is lost
BEYOND, FEW = 2**24, 20


def held_up(seconds: float) -> Inject:
    """Return what lets no datagram of the bot through either way for so long."""

    async def inject(scene: Scene) -> None:
        scene.discord.voice.block_udp(scene.world.bot.id, blocked=True)
        await asyncio.sleep(seconds)
        scene.discord.voice.block_udp(scene.world.bot.id, blocked=False)

    return inject


async def path_lost(scene: Scene) -> None:
    """Have a NAT forget the bot's socket for good."""
    scene.discord.voice.lose_path(scene.world.bot.id)


async def wraps_sequence(scene: Scene) -> None:
    """Have the numbers of Ada's packets begin anew in mid-sentence, after 65535."""
    scene.ada._voice._sequence = 2**16 - 30


async def wraps_timestamp(scene: Scene) -> None:
    """Have the timestamps of Ada's packets begin anew in mid-sentence."""
    voice = scene.ada._voice
    voice._timestamp = 2**32 - 30 * FRAME - round((time.monotonic() - voice.epoch) / FRAME_S) * FRAME


async def counts_on(scene: Scene) -> None:
    """Have the counters that make the transport's nonces pass 24 bits both ways, as after four days."""
    (session,) = scene.discord.voice.sessions_of(scene.world.bot.id)
    assert session.media is not None
    session.media.outbound._counter = BEYOND - FEW
    outlet = cast(EarshotVoiceClient, connection().voice_client)._outlet
    assert outlet._cipher is not None
    outlet._cipher[2]._counter = count(BEYOND - FEW)


async def counted_on(scene: Scene) -> None:
    """Hold that they did, by the last sentence and its answer."""
    (session,) = scene.discord.voice.sessions_of(scene.world.bot.id)
    assert session.media is not None and session.media.outbound._counter > BEYOND
    outlet = cast(EarshotVoiceClient, connection().voice_client)._outlet
    assert outlet._cipher is not None and next(outlet._cipher[2]._counter) > BEYOND
    assert scene.voiced(scene.said[-1].voice_ended_at), "the voice server takes nothing of the bot any more"


async def replay(scene: Scene) -> None:
    """Have all that Ada has said in this row sent to the bot once more; the model must hear nothing of it."""
    entries = [e for e in scene.discord.trace.of("udp.out") if e.fields["user_id"] == scene.ada.user.id]
    pieces = len(scene.live.heard)
    for entry in entries:
        header = RtpHeader(entry.fields["seq"], entry.fields["timestamp"], entry.fields["ssrc"])
        scene.discord.voice.inject_media(scene.world.bot.id, header, entry.fields["payload"])
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.3)
    assert len(entries) > 50
    assert len(scene.live.heard) == pieces, f"{len(scene.live.heard) - pieces} pieces were heard twice"


async def plaintext(scene: Scene) -> None:
    """Have speech in Ada's name sent to the bot that nobody has encrypted end to end."""
    at = np.arange(LIVE_OUT_HZ * 2) / LIVE_OUT_HZ
    tone = (8000 * np.sin(2 * np.pi * 300 * at)).astype(np.int16)
    packets = rate_path("native").encoder().feed(tone.tobytes())[:FORGED]
    ssrc = scene.discord.voice.keys_of(scene.ada.user.id).ssrc
    voice, pieces = scene.ada._voice, len(scene.live.heard)
    base = voice._timestamp + round((time.monotonic() - voice.epoch) / FRAME_S) * FRAME
    for number, packet in enumerate(packets):
        header = RtpHeader((voice._sequence + number) % 2**16, (base + number * FRAME) % 2**32, ssrc)
        scene.discord.voice.inject_media(scene.world.bot.id, header, packet)
        await asyncio.sleep(FRAME_S)
    await asyncio.sleep(0.3)
    assert len(packets) == FORGED
    assert len(scene.live.heard) == pieces, f"{len(scene.live.heard) - pieces} pieces of it were heard"


async def corrupt_other(scene: Scene, row: Row) -> None:
    """Have another person's client send packets that no decoder takes, while Ada speaks."""
    await scene.ready()
    async with another(scene, "Ben") as ben:
        await ben.run_command(scene.world.text.id, "join")  # who agrees to be heard by that
        sending = asyncio.create_task(_corrupt(ben), name="fault-corrupt")
        silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
        await sending
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await scene.ada.secured_with(scene.world.bot.id)
    await one_more(scene)
    assert await scene.bot.count("undecodable") > 0, "none of it has come as far as the decoder"


async def _corrupt(ben: object) -> None:
    connection = await ben._connected()  # type: ignore[attr-defined]
    await connection.announce()
    voice = ben._voice  # type: ignore[attr-defined]
    for number in range(80):
        voice.send(CORRUPT + os.urandom(40), voice._sequence + number, voice._timestamp + number * FRAME)
        await asyncio.sleep(FRAME_S)


def in_order(**knobs: float) -> Scenario:
    """Return the scenario in which no datagram is given up before it comes, unless it comes later still.

    What was sent to the bot too late is the machine's fault; what was so to others excuses nothing.
    """

    async def scenario(scene: Scene, row: Row) -> None:
        voice, mine = scene.discord.voice, scene.world.bot.id
        late = voice.late_to(mine)
        await with_udp(**knobs)(scene, row)
        missing, late = await scene.bot.count("missing"), voice.late_to(mine) - late
        assert missing <= late, f"{missing} given up, {late} of them sent too late"

    return scenario


async def restored(scene: Scene) -> None:
    """Hold that more was restored than invented of what came too late, and nothing waited for it."""
    await worn(0.8)(scene)
    assert await scene.bot.count("recovered") > await scene.bot.count("concealed")


def _row(id_: str, name: str, where: str, when: When, how: str, inject: Inject, **more: object) -> Row:
    return Row(f"voice-udp-{id_}", name, where, when, how, inject, **more)  # type: ignore[arg-type]


async def nothing(_scene: Scene) -> None:
    """Leave it to the network."""


CONCEALED = "the decoder conceals what is missing"
ROWS = [
    _row(
        "loss",
        "5 % lost",
        NETWORK,
        When.IDLE,
        CONCEALED,
        nothing,
        scenario=with_udp(loss=0.05),
        check=worn(0.8),
    ),
    _row("burst", "0.1 s lost", SPEAKING, When.SPEAKING, CONCEALED, held_up(0.1), scenario=lost_in_speech),
    _row("held-up", "0.6 s lost", SPEAKING, When.SPEAKING, CONCEALED, held_up(0.6), scenario=lost_in_speech),
    _row(
        "held-up-answer",
        "1 s lost",
        ANSWERING,
        When.ANSWERING,
        "the answer goes on",
        held_up(1.0),
        server_s=1.0,
    ),
    _row("held-up-idle", "4 s lost", IDLE, When.IDLE, "within what is taken for a bad network", held_up(4.0)),
    _row(
        "path-lost",
        "a NAT forgets the socket",
        IDLE,
        When.IDLE,
        "keepalives unanswered for 5 s: a new connection",
        path_lost,
        scenario=lost_in_silence,
        silence_s=UNKEPT_S,
        fresh=True,
    ),
    _row(
        "reorder",
        "20 % come 30 ms late",
        NETWORK,
        When.IDLE,
        "put in order",
        nothing,
        scenario=in_order(reorder=0.2, reorder_ms=30.0),
        fresh=True,
    ),
    _row(
        "too-late",
        "10 % come 0.1 s late",
        NETWORK,
        When.IDLE,
        "not waited for: the next one has a copy",
        nothing,
        scenario=with_udp(reorder=0.1, reorder_ms=100.0),
        check=restored,
    ),
    _row(
        "jitter",
        "up to 40 ms late",
        NETWORK,
        When.IDLE,
        "put in order",
        nothing,
        scenario=in_order(jitter_ms=40.0),
        fresh=True,
    ),
    _row(
        "duplicates",
        "30 % come twice",
        NETWORK,
        When.IDLE,
        "taken once",
        nothing,
        scenario=with_udp(duplicate=0.3),
    ),
    _row(
        "padding", "80 % are padded", NETWORK, When.IDLE, "taken off", nothing, scenario=with_udp(padding=0.8)
    ),
    _row("replay", "all comes again later", NETWORK, When.IDLE, "taken once", nothing, check=replay),
    _row("wrap-sequence", "sequence numbers wrap", SPEAKING, When.IDLE, "counted on", wraps_sequence),
    _row("wrap-timestamp", "timestamps wrap", SPEAKING, When.IDLE, "counted on", wraps_timestamp),
    _row(
        "nonce",
        "the transport's nonces pass 2^24, both ways",
        SPEAKING,
        When.IDLE,
        "counted on",
        counts_on,
        check=counted_on,
    ),
    _row("plaintext", "plaintext in an encrypted call", NETWORK, When.IDLE, "not heard, counted", plaintext),
    _row(
        "corrupt",
        "corrupt Opus of another",
        SPEAKING,
        When.IDLE,
        "dropped, counted",
        nothing,
        scenario=corrupt_other,
    ),
]
