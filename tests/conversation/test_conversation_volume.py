"""How loud the bot is, as its packets are decoded: level, place and smoothness, whenever it is changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from bot.audio.opus import Decoder
from bot.audio.pcm import DISCORD_HZ, FRAME_MS, LIVE_OUT_HZ, Pcm16, level_dbfs
from bot.audio.ratepath import rate_path
from bot.conversation.answer import KEPT_PACKETS, Answer
from bot.conversation.voicing import LEAD
from bot.live.events import AnswerAudio
from bot.voice.dave import SILENCE
from bot.voice.playout import Playout, Sending

SECONDS = 4
FRAME = DISCORD_HZ * FRAME_MS // 1000
Samples = npt.NDArray[np.float64]


def voice(peak: float) -> Pcm16:
    """Something like a vowel: harmonics of a pitch that glides, swelling four times a second."""
    at = np.arange(SECONDS * LIVE_OUT_HZ) / LIVE_OUT_HZ
    phase = 2 * np.pi * (140 * at + 10 * np.sin(2 * np.pi * at) / (2 * np.pi))
    wave = sum(np.sin(n * phase) / n for n in range(1, 12))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * at)
    shape = wave * swell
    return np.asarray(np.rint(peak * shape / np.abs(shape).max()), np.int16)


class Mouth:
    """Plays the packets of an answer, as the send clock does, and keeps what is heard."""

    def __init__(self, path: Literal["native", "resample"] = "native") -> None:
        self.playout = Playout(lambda _started: None)
        self.answer = Answer(
            rate_path(path).encoder(), self.playout, name="test", on_failure=lambda: pytest.fail("no voice")
        )
        self._decoder = Decoder(DISCORD_HZ, 1)
        self._heard: list[Pcm16] = []

    def say(self, pcm: Pcm16) -> None:
        self.answer.audio(AnswerAudio(pcm.tobytes(), LIVE_OUT_HZ, time.monotonic()))

    async def encoded(self) -> None:
        async with asyncio.timeout(60):
            while self.answer.encoding:  # noqa: ASYNC110 - the encoder's task has no event
                await asyncio.sleep(0.001)

    def play(self, packets: int) -> None:
        def send(packet: bytes) -> Sending:
            if packet != SILENCE:
                self._heard.append(self._decoder.decode(packet))
            return Sending.SENT

        for _ in range(packets):
            self.playout.play(float("inf"), send)

    @property
    def heard(self) -> Samples:
        return np.concatenate(self._heard).astype(np.float64)


@pytest.fixture
async def mouth() -> AsyncIterator[Mouth]:
    made = Mouth()
    yield made
    made.answer.close()


async def plain(pcm: Pcm16) -> Samples:
    """What is heard of it at 100 %."""
    mouth = Mouth()
    mouth.say(pcm)
    mouth.answer.ended()
    await mouth.encoded()
    mouth.play(SECONDS * 50 + 10)
    mouth.answer.close()
    return mouth.heard


def hiss(samples: Samples, at: int) -> float:
    """The RMS of what lies above 5 kHz in two frames: nothing of the voice does, and most of a click."""
    part = samples[at : at + 2 * FRAME] * np.hanning(2 * FRAME)
    spectrum = np.abs(np.fft.rfft(part))[2 * FRAME * 5000 // DISCORD_HZ :]
    return float(np.sqrt(np.sum(spectrum**2) / FRAME) / np.sqrt(2 * FRAME))


def level(samples: Samples) -> float:
    return level_dbfs(samples.astype(np.int16))


@pytest.mark.parametrize(("gain", "db"), [(0.5, -6.0), (2.0, 6.0)])
async def test_an_answer_is_as_loud_as_it_is_set(mouth: Mouth, gain: float, db: float) -> None:
    pcm = voice(8000)
    mouth.answer.set_gain(gain)
    mouth.say(pcm)
    mouth.answer.ended()
    await mouth.encoded()
    assert mouth.playout.buffered_ms == SECONDS * 1000, "no packet more, none less"
    mouth.play(SECONDS * 50)
    reference = await plain(pcm)
    assert level(mouth.heard) - level(reference) == pytest.approx(db, abs=0.2)
    assert level(mouth.heard[:FRAME]) - level(reference[:FRAME]) == pytest.approx(db, abs=0.5)


async def test_a_loud_answer_is_limited_and_not_clipped(mouth: Mouth) -> None:
    pcm = voice(30_000)
    mouth.answer.set_gain(2.0)
    mouth.say(pcm)
    mouth.answer.ended()
    await mouth.encoded()
    mouth.play(SECONDS * 50)
    louder = level(mouth.heard) - level(await plain(pcm))
    assert 1.0 < louder < 5.0, "louder where there is room"
    assert np.mean(np.abs(mouth.heard) >= 32_767) < 1e-3


@pytest.mark.parametrize("complete", [True, False], ids=["whole", "still coming"])
@pytest.mark.parametrize(("before", "after"), [(1.0, 0.5), (1.0, 2.0), (2.0, 0.5), (0.5, 1.0), (1.0, 0.0)])
async def test_a_change_in_mid_answer_is_heard_soon_and_without_a_click(
    mouth: Mouth, before: float, after: float, complete: bool
) -> None:
    pcm = voice(8000)
    mouth.answer.set_gain(before)
    mouth.say(pcm if complete else pcm[: 3 * LIVE_OUT_HZ + 777])
    if complete:
        mouth.answer.ended()
    await mouth.encoded()
    mouth.play(60)
    mouth.answer.set_gain(after)
    assert mouth.playout.buffered_ms == KEPT_PACKETS * FRAME_MS
    if not complete:
        mouth.say(pcm[3 * LIVE_OUT_HZ + 777 :])
        mouth.answer.ended()
    await mouth.encoded()
    assert mouth.playout.buffered_ms == (SECONDS * 50 - 60) * FRAME_MS, "nothing is left out or said twice"
    mouth.play(SECONDS * 50 - 60)
    assert not mouth.playout.underruns
    turned = (60 + KEPT_PACKETS) * FRAME
    reference = await plain(pcm)
    heard = mouth.heard
    usual = max(hiss(heard, at) for at in range(20 * FRAME, 50 * FRAME, FRAME // 2))
    edge = max(hiss(heard, at) for at in range(turned - 3 * FRAME, turned + 5 * FRAME, FRAME // 2))
    assert edge < 3 * usual, "a codec that begins anew has 15 times as much, a step of 500 has 30 times"
    later = slice(turned + 10 * FRAME, None)
    if after:
        assert level(heard[later]) - level(reference[later]) == pytest.approx(20 * np.log10(after), abs=0.2)
        correlation = np.corrcoef(heard[later], reference[later])[0, 1]
        assert correlation > 0.98, "in its place, to the sample"
    else:
        assert np.abs(heard[later]).max() <= 2


async def test_both_ways_of_encoding_can_turn(mouth: Mouth) -> None:
    other = Mouth("resample")
    pcm = voice(8000)
    other.say(pcm)
    other.answer.ended()
    await other.encoded()
    other.play(60)
    other.answer.set_gain(0.5)
    await other.encoded()
    other.play(SECONDS * 50)
    other.answer.close()
    reference = await plain(pcm)
    assert other.heard.size == reference.size
    later = slice((60 + KEPT_PACKETS + 10) * FRAME, None)
    assert level(other.heard[later]) - level(reference[later]) == pytest.approx(-6.0, abs=0.3)


async def test_it_can_be_turned_again_and_again(mouth: Mouth) -> None:
    pcm = voice(8000)
    mouth.say(pcm)
    mouth.answer.ended()
    await mouth.encoded()
    for step in range(12):
        mouth.play(5)
        mouth.answer.set_gain(0.5 if step % 2 else 2.0)
        mouth.answer.set_gain(0.4 if step % 2 else 1.9)
        await mouth.encoded()
    mouth.answer.set_gain(1.0)
    await mouth.encoded()
    mouth.play(SECONDS * 50)
    reference = await plain(pcm)
    assert mouth.heard.size == reference.size
    later = slice((60 + KEPT_PACKETS + LEAD) * FRAME, None)
    assert level(mouth.heard[later]) - level(reference[later]) == pytest.approx(0.0, abs=0.2)


async def test_the_next_answer_has_the_loudness_that_was_set_in_between(mouth: Mouth) -> None:
    pcm = voice(8000)
    for gain in (1.0, 0.5):
        mouth.answer.set_gain(gain)
        mouth.say(pcm)
        mouth.answer.ended()
        await mouth.encoded()
        mouth.play(SECONDS * 50 + 6)
    reference = await plain(pcm)
    first, second = mouth.heard[: reference.size], mouth.heard[reference.size :]
    assert level(first) == pytest.approx(level(reference), abs=0.1)
    assert level(second) - level(first) == pytest.approx(-6.0, abs=0.2)


async def test_a_dropped_answer_leaves_nothing_to_turn(mouth: Mouth) -> None:
    mouth.say(voice(8000))
    await mouth.encoded()
    mouth.play(10)
    mouth.answer.barge_in(time.monotonic())
    mouth.answer.set_gain(2.0)
    assert not mouth.answer.encoding
    assert mouth.playout.buffered_ms == 0


async def test_a_change_in_a_long_answer_leaves_room_for_what_still_comes(mouth: Mouth) -> None:
    """Two and a half minutes wait to be played, more than may wait to be encoded, and the rest arrives."""
    pcm = np.tile(voice(8000), 5)
    for _ in range(8):
        mouth.say(pcm)
        await mouth.encoded()
    mouth.answer.set_gain(0.5)
    mouth.say(pcm)
    mouth.answer.set_gain(2.0)
    mouth.say(pcm)
    mouth.answer.ended()
    await mouth.encoded()
    assert mouth.playout.buffered_ms == 10 * 5 * SECONDS * 1000, "nothing is left out or said twice"
