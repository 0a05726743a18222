"""Loss, silence and codecs in the receive pipeline: what is made up, what is not, and how time is kept."""

import os
import random

import numpy as np
import pytest
from ear_rig import SSRC, ann, ear, pcm_of, pitch_hz
from voice_room import ANN, BEN, FRAME_S, SILENCE, Ear, Talker, tone

from bot.voice.events import Heard, Hushed, Joined

__all__ = ["ann", "ear"]


def drop(datagrams: list[bytes], *indices: int) -> list[bytes]:
    return [datagram for index, datagram in enumerate(datagrams) if index not in indices]


def test_one_lost_packet_is_concealed_within_60_ms(ear: Ear, ann: Talker) -> None:
    said = ann.speak(tone(440, 7))
    ear.hear(said[:5])
    ear.wait(FRAME_S)
    ear.hear(said[6:])
    ear.wait(0.020)
    frames = ear.heard(ANN)
    assert [frame.concealed for frame in frames] == [False] * 5 + [True, False]
    assert frames[5].at == frames[6].at
    assert pitch_hz(pcm_of(frames)) == pytest.approx(440, abs=10)
    stats = ear.pipeline.stats
    assert (stats.missing, stats.concealed, stats.recovered) == (1, 1, 0)


def test_with_fec_the_lost_packet_comes_from_the_next_one(ear: Ear, ann: Talker) -> None:
    packets = tone(200, 40, fec=True)
    ear.hear(drop(ann.speak(packets), 20))
    whole = Ear(ear.keys)
    whole.maps(ANN, SSRC)
    whole.hear(Talker(ann.line, SSRC).speak(packets))
    assert ear.pipeline.stats.recovered == 1 and ear.pipeline.stats.concealed == 0
    mended, said = pcm_of(ear.heard(ANN)), pcm_of(whole.heard(ANN))
    assert mended.size == said.size
    gap = slice(20 * 320, 21 * 320)
    error = np.mean(np.square(mended[gap].astype(float) - said[gap]))
    assert 10 * np.log10(np.mean(np.square(said[gap].astype(float))) / error) > 6


def test_a_burst_is_concealed_then_silent_and_keeps_the_time(ear: Ear, ann: Talker) -> None:
    ear.hear(drop(ann.speak(tone(440, 40)), *range(10, 22)))
    stats = ear.pipeline.stats
    assert ear.seconds(ANN) == pytest.approx(0.8)
    assert (stats.missing, stats.concealed, stats.muted) == (12, 5, 7)
    assert not pcm_of(ear.heard(ANN))[15 * 320 : 22 * 320].any()


def test_an_outage_of_seconds_gets_no_filler(ear: Ear, ann: Talker) -> None:
    ear.hear(drop(ann.speak(tone(440, 200)), *range(50, 150)))
    assert len(ear.heard(ANN)) == 100 and ear.pipeline.stats.missing == 100
    assert not any(frame.concealed for frame in ear.heard(ANN))


def test_loss_reorder_and_duplicates_together_keep_order_and_time(ear: Ear, ann: Talker) -> None:
    """Every packet sent is heard, restored or concealed once; each datagram is accounted for."""
    dice = random.Random(7)
    sent = ann.speak(tone(300, 500))
    arriving: list[tuple[float, bytes]] = []
    for index, datagram in enumerate(sent):
        at = index * FRAME_S + (0.03 if index and dice.random() < 0.05 else 0.0)
        if index in (0, len(sent) - 1) or dice.random() > 0.05:
            arriving.append((at, datagram))
            if dice.random() < 0.05:
                arriving.append((at + dice.random() * 0.1, datagram))
    start = ear.now
    for at, datagram in sorted(arriving):
        ear.wait(max(0.0, start + at - ear.now))
        ear.events += ear.pipeline.datagram(datagram, ear.now)
    ear.wait(0.1)
    stats = ear.pipeline.stats
    assert ear.seconds(ANN) == pytest.approx(10.0)
    assert stats.heard + stats.missing == 500
    assert stats.concealed + stats.recovered + stats.muted == stats.missing > 10
    assert stats.heard + stats.duplicate + stats.late == stats.datagrams == len(arriving)
    assert stats.duplicate > 10 and stats.late == 0


def test_five_silence_frames_hush_once_and_no_gap_in_time_is_a_loss(ear: Ear, ann: Talker) -> None:
    for _ in range(3):
        ear.hear(ann.speak([*tone(440, 10), *[SILENCE] * 5]))
        ear.wait(4.0)
        ann.timestamp += 4 * 48_000
    assert [type(event) for event in ear.events if not isinstance(event, Heard)] == [Joined, *[Hushed] * 3]
    assert len(ear.heard(ANN)) == 30 and not any(frame.concealed for frame in ear.heard(ANN))
    assert ear.pipeline.stats.silence == 15 and ear.pipeline.stats.missing == 0


def test_without_a_silence_tail_the_next_words_are_heard_at_once(ear: Ear, ann: Talker) -> None:
    ear.hear(ann.speak(tone(440, 10)))
    ear.wait(30.0)
    assert ear.pipeline.deadline() is None
    ear.hear(ann.speak(tone(440, 1)))
    assert len(ear.heard(ANN)) == 11


def test_a_silence_tail_lost_in_part_invents_no_speech(ear: Ear, ann: Talker) -> None:
    sent = ann.speak([*tone(440, 10), *[SILENCE] * 5, *tone(440, 10)])
    ear.hear(drop(sent, 10, 12, 14))
    frames = ear.heard(ANN)
    assert len(frames) == 20 and not any(frame.concealed for frame in frames)


def test_a_sender_that_restarts_its_numbers_is_heard_on(ear: Ear, ann: Talker) -> None:
    ear.hear(ann.speak(tone(440, 10)))
    ann.sequence, ann.timestamp = 30_000, 123_456_789
    ear.hear(ann.speak(tone(440, 10)))
    assert len(ear.heard(ANN)) == 20 and ear.pipeline.stats.missing == 0


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_duration_mono_or_stereo_with_a_loss(ear: Ear, ann: Talker, frame_ms: int, channels: int) -> None:
    packets = tone(440, 1200 // frame_ms, frame_ms=frame_ms, channels=channels)
    ear.hear(drop([ann.say(packet, samples=48 * frame_ms) for packet in packets], 9), step_s=frame_ms / 1000)
    ear.wait(0.1)
    frames = ear.heard(ANN)
    assert [frame.pcm.size for frame in frames] == [16 * frame_ms] * len(packets)
    assert [frame.concealed for frame in frames].index(True) == 9
    assert pitch_hz(pcm_of(frames)) == pytest.approx(440, abs=4)


def test_corrupt_opus_of_one_person_harms_nobody_else(ear: Ear, ann: Talker) -> None:
    ear.maps(BEN, SSRC + 1)
    ben = Talker(ann.line, SSRC + 1)
    for packet in tone(440, 20):
        ear.hear([ann.say(b"\xff\xff\xff\xff"), ben.say(packet)], step_s=FRAME_S / 2)
    assert ear.pipeline.stats.undecodable == 20
    assert len(ear.heard(BEN)) == 20 and pitch_hz(pcm_of(ear.heard(BEN))) == pytest.approx(440, abs=4)
    ear.hear(ann.speak(tone(440, 20)))
    assert len(ear.heard(ANN)) == 20


def test_without_encryption_a_frame_that_looks_encrypted_never_reaches_opus(ear: Ear, ann: Talker) -> None:
    ear.hear([ann.raw(os.urandom(60) + b"\xfa\xfa") for _ in range(10)])
    assert ear.heard(ANN) == [] and ear.pipeline.stats.undecrypted == 10
    ear.hear(ann.speak(tone(440, 5)))
    ear.wait(0.1)
    assert len([frame for frame in ear.heard(ANN) if not frame.concealed]) == 5
