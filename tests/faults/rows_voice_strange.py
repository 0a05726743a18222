"""Datagrams that are not as they should be, people whose numbers change, and speech in other packets."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from fault_measure import Sentence, spoken_turns
from fault_row import Inject, Row, When
from fault_scenarios import one_more, standard
from fault_scene import ASIDE, FIRST, SENTENCE, Scene
from voice_acts import Scenario, another, held, knobbed, with_udp, worn

from bot.audio.opus import Encoder
from bot.audio.pcm import DISCORD_HZ, LIVE_IN_HZ, Pcm16, level_dbfs
from bot.emulators.client.gate import OPEN_DBFS, resampled
from bot.emulators.client.speech import SentFrame, Utterance
from bot.emulators.discord.voice.rtp import RtpHeader
from bot.emulators.discord.voice.transport import Transport

NETWORK = "UDP to the bot"
SPEAKING, IDLE = "UDP, in mid-sentence", "UDP, silent room"
EACH_S = 0.013  # between two of them: they fall between the frames of speech
SILENCE = b"\xf8\xff\xfe"
VIDEO, RTCP = 101, 200  # payload types
LOST_S = 0.1  # of a sentence's end
KEPT_S = 6.0  # the server is told to forget who has sent nothing for so long: more than a keepalive's 5 s
Make: TypeAlias = Callable[[Scene], list[bytes]]


def _header(scene: Scene, **more: object) -> RtpHeader:
    """Return a header of the packet that Ada would send next."""
    voice = scene.ada._voice
    ssrc = scene.discord.voice.keys_of(scene.ada.user.id).ssrc
    return replace(RtpHeader(voice._sequence % 2**16, voice._timestamp % 2**32, ssrc), **more)  # type: ignore[arg-type]


def _sealed(scene: Scene, header: RtpHeader, body: bytes, key: bytes | None = None) -> bytes:
    """Return a datagram with exactly this body, encrypted for the bot's connection or with another key."""
    keys = scene.discord.voice.keys_of(scene.world.bot.id)
    return Transport(keys.mode, key or keys.secret_key).seal(header.serialize(), body)


def foreign(scene: Scene) -> list[bytes]:
    """Return what is no speech, though some of it looks like it."""
    plain = os.urandom(80)
    header = _header(scene)
    good = _sealed(scene, header, plain)
    other_key = _sealed(scene, header, plain, key=os.urandom(32))
    other_nonce = good[:-4] + bytes(byte ^ 0x55 for byte in good[-4:])
    cut = [good[:length] for length in (1, 11, 12, 15, 30, len(good) - 1)]
    video = _sealed(scene, replace(header, payload_type=VIDEO), plain)
    report = bytes((0x81, RTCP + 1, 0, 7)) + os.urandom(28)
    discovery = b"\x00\x02\x00\x46" + bytes(70)
    return [other_key, other_nonce, *cut, video, report, discovery, os.urandom(8), os.urandom(300)]


def misshapen(scene: Scene) -> list[bytes]:
    """Return packets that are authentic, and lie about their padding or their header's extension."""
    padded = _header(scene, padding=True)
    extended = _header(scene, extension_words=200)
    return [
        _sealed(scene, padded, bytes(40) + b"\x00"),
        _sealed(scene, padded, bytes(40) + b"\xff"),
        _sealed(scene, replace(padded, extension_words=2), bytes(8) + bytes(3) + b"\x05"),
        _sealed(scene, padded, b""),
        _sealed(scene, extended, bytes(40)),
    ]


async def padded_away(scene: Scene) -> None:
    """Have packets in Ada's stream that are nothing but padding, and silence with contributing sources."""
    for number in range(6):
        odd = number % 2
        header = _header(scene, padding=not odd, csrcs=os.urandom(12) if odd else b"")
        body = SILENCE if odd else bytes(39) + b"\x28"
        scene.discord.voice.inject_datagram(scene.world.bot.id, _sealed(scene, header, body))
        scene.ada._voice._sequence += 1


async def none_missing(scene: Scene) -> None:
    """Hold that all of them were taken for what they are: each has its place among the numbers."""
    assert await scene.bot.count("missing") == 0


def between(make: Make, counter: str, least: int) -> Scenario:
    """Return the scenario in which these come between the frames of a sentence, and are counted."""

    async def scenario(scene: Scene, row: Row) -> None:
        await scene.ready()
        before = await scene.bot.count(counter)
        async with _sending(scene, make):
            await standard(scene, row)
        assert await scene.bot.count(counter) - before >= least, f"{counter}: not what was sent"

    return scenario


@contextlib.asynccontextmanager
async def _sending(scene: Scene, make: Make) -> AsyncIterator[None]:
    async def send() -> None:
        while True:
            for datagram in make(scene):
                scene.discord.voice.inject_datagram(scene.world.bot.id, datagram)
                await asyncio.sleep(EACH_S)

    task = asyncio.create_task(send(), name="fault-strange")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


async def unnamed(scene: Scene, row: Row) -> None:
    """Have the voice server never tell whose packets Ada's are: the first second of them is what it costs."""
    await scene.leave()
    with knobbed(scene.discord.knobs, speaking_after_packets=None):
        await scene.join()
        first_s = await scene.ask(FIRST, limit_s=row.limit_s)
        await scene.idle()
        await worn(0.5)(scene)
        scene.said.clear()
        scene.baseline_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
        await scene.idle()
        scene.stand()
        await one_more(scene)
    scene.outcome.silence_ms = 1000 * max(0.0, first_s - scene.baseline_s)
    assert await scene.bot.count("named") > 0, "somebody told"


async def anew(scene: Scene) -> None:
    """Have Ada's client connect anew, with another SSRC."""
    await scene.ada.join(scene.world.voice_channels[0].id)
    await scene.ada.secured_with(scene.world.bot.id)


async def reused(scene: Scene, row: Row) -> None:
    """Have Ben get the SSRC that was Ada's, and Ada another: each is heard as who they are."""
    await scene.ready()
    ssrc = scene.discord.voice.keys_of(scene.ada.user.id).ssrc
    await scene.ada.leave()
    scene.discord.voice.reuse_ssrc(ssrc)
    async with another(scene, "Ben", alone=True) as ben:
        assert scene.discord.voice.keys_of(ben.user.id).ssrc == ssrc
        await anew(scene)
        await ben.run_command(scene.world.text.id, "join")  # who agrees to be heard by that
        said = await ben.speak(ASIDE[1], rate_hz=LIVE_IN_HZ)
        await held(lambda: _speaker_after(scene, said.started_at) != "", 10.0, "Ben is not heard")
        assert _speaker_after(scene, said.started_at) == "Ben"
        await scene.idle()
        silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
        scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
        assert _speaker_after(scene, scene.said[-1].utterance.started_at) == "Ada"
    await scene.idle()
    await scene.ada.secured_with(scene.world.bot.id)
    await one_more(scene)


def _speaker_after(scene: Scene, since: float) -> str:
    """Return who the model took for the speaker of the first turn since then."""
    return next((turn.speaker for _, turn in spoken_turns(scene.gemini) if turn.at > since), "")


async def no_tail(scene: Scene, row: Row) -> None:
    """Have the end of a sentence get lost, the frames of silence that tell of it too."""
    await scene.ready()
    words, pcm = SENTENCE
    saying = asyncio.create_task(scene.ada.speak(pcm, rate_hz=LIVE_IN_HZ), name="fault-saying")
    await scene.heard_of(pcm.size / LIVE_IN_HZ - LOST_S)
    scene.discord.voice.block_udp(scene.ada.user.id, blocked=True)
    utterance = await saying
    scene.discord.voice.block_udp(scene.ada.user.id, blocked=False)
    voiced = [frame.at for frame in utterance.frames if frame.voiced]
    sentence = Sentence(words, utterance, voiced[-1])
    silence_s = await scene.silence_after(sentence, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await one_more(scene)


def packed(frame_ms: int, channels: int) -> Scenario:
    """Return the scenario in which Ada's client makes such packets."""

    async def scenario(scene: Scene, row: Row) -> None:
        await scene.ready()
        sentence = await _say_packed(scene, SENTENCE, frame_ms, channels)
        scene.said.append(sentence)
        silence_s = await scene.silence_after(sentence, limit_s=row.limit_s)
        scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
        await scene.idle()
        await one_more(scene)

    return scenario


async def _say_packed(scene: Scene, what: tuple[int, Pcm16], frame_ms: int, channels: int) -> Sentence:
    words, pcm = what
    wide = np.repeat(resampled(pcm, LIVE_IN_HZ, DISCORD_HZ), channels)
    step = DISCORD_HZ * frame_ms // 1000
    frames = wide[: wide.size // (step * channels) * step * channels].reshape(-1, step * channels)
    encoder = Encoder(DISCORD_HZ, channels)
    packets = [encoder.encode(frame.tobytes()) for frame in frames]
    await (await scene.ada._connected()).announce()
    voice, sent = scene.ada._voice, list[SentFrame]()
    started = time.monotonic()
    base = voice._timestamp + round((started - voice.epoch) * 50) * 960
    for number, packet in enumerate([*packets, *[SILENCE] * 5]):
        await asyncio.sleep(started + number * frame_ms / 1000 - time.monotonic())
        assert voice.send(packet, voice._sequence, base + number * step)
        if number < len(packets):
            loud = level_dbfs(frames[number]) > OPEN_DBFS
            sent.append(SentFrame(number, voice._sequence, base + number * step, time.monotonic(), loud))
        voice._sequence += 1
    said = pcm[: len(packets) * frame_ms * LIVE_IN_HZ // 1000]
    utterance = Utterance(scene.ada.user.id, started, time.monotonic(), sent, 5, 0, said)
    return Sentence(words, utterance, [frame.at for frame in sent if frame.voiced][-1])


async def long_idle(scene: Scene, row: Row) -> None:
    """Have nobody say anything, the bot neither, for longer than the server remembers who sends nothing."""
    await scene.ready()
    with knobbed(scene.discord.knobs.udp, deaf_after_s=KEPT_S):
        await held(lambda: _spoke_s_ago(scene) > KEPT_S + 1.0, 30.0, "the bot goes on speaking")
        await standard(scene, row)


def _spoke_s_ago(scene: Scene) -> float:
    """Return how long ago the bot sent sound, or silence that ends it."""
    entries = scene.discord.trace.of("udp.in")
    mine = [e.at for e in entries if e.fields.get("user_id") == scene.world.bot.id and "payload" in e.fields]
    return time.monotonic() - (mine[-1] if mine else 0.0)


def _row(id_: str, name: str, where: str, when: When, how: str, inject: Inject, **more: object) -> Row:
    return Row(f"voice-udp-{id_}", name, where, when, how, inject, **more)  # type: ignore[arg-type]


ROWS = [
    _row(
        "foreign",
        "wrong key, wrong nonce, cut off, video, RTCP, echoes",
        NETWORK,
        When.IDLE,
        "dropped, counted",
        nothing,
        scenario=between(foreign, "not_authentic", 20),
    ),
    _row(
        "misshapen",
        "padding and extensions that lie",
        NETWORK,
        When.IDLE,
        "dropped, counted",
        nothing,
        scenario=between(misshapen, "malformed", 20),
    ),
    _row(
        "empty",
        "nothing but padding; contributing sources",
        NETWORK,
        When.IDLE,
        "each has its place, and says nothing",
        padded_away,
        check=none_missing,
        fresh=True,
    ),
    _row(
        "no-extension",
        "no header extension",
        NETWORK,
        When.IDLE,
        "heard",
        nothing,
        scenario=with_udp(extension_words=(-1,)),
    ),
    _row(
        "unnamed",
        "never told whose packets they are",
        NETWORK,
        When.IDLE,
        "known by the key that opens them",
        nothing,
        scenario=unnamed,
        fresh=True,
    ),
    _row("ssrc-changed", "a person has a new SSRC", NETWORK, When.IDLE, "followed", anew),
    _row(
        "ssrc-reused",
        "another gets a person's SSRC",
        NETWORK,
        When.IDLE,
        "each is heard as who they are",
        nothing,
        scenario=reused,
        fresh=True,
    ),
    _row(
        "no-tail",
        "a sentence's end is lost",
        SPEAKING,
        When.SPEAKING,
        "a pause of packets ends the turn",
        nothing,
        scenario=no_tail,
    ),
    _row("60ms", "packets of 60 ms, stereo", NETWORK, When.IDLE, "heard", nothing, scenario=packed(60, 2)),
    _row("40ms", "packets of 40 ms, mono", NETWORK, When.IDLE, "heard", nothing, scenario=packed(40, 1)),
    _row("10ms", "packets of 10 ms, mono", NETWORK, When.IDLE, "heard", nothing, scenario=packed(10, 1)),
    _row(
        "idle",
        "7 s of silence; the server forgets after 6 s",
        IDLE,
        When.IDLE,
        "keepalives are sent",
        nothing,
        scenario=long_idle,
    ),
]
