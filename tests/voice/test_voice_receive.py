"""The receive pipeline without end-to-end encryption: transport, mapping, consent, hostile bytes."""

import os
import random

import pytest
from ear_rig import SSRC, ann, ear, pcm_of, pitch_hz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from voice_room import ANN, BEN, FRAME_S, Ear, Line, LiveKeys, Talker, tone

from bot.voice.events import Heard, Joined, Left
from bot.voice.receive import MAX_UNKNOWN_SSRCS
from bot.voice.rtp import build_header
from bot.voice.transport import MODES

__all__ = ["ann", "ear"]


# -- transport, extension, padding


@pytest.mark.parametrize("mode", MODES)
def test_a_tone_is_heard_as_it_was_said(mode: str) -> None:
    ear = Ear(LiveKeys(mode=mode))
    ear.maps(ANN, SSRC)
    ear.hear(Talker(Line(ear.keys), SSRC).speak(tone(440, 50)))
    frames = ear.heard(ANN)
    assert [frame.pcm.size for frame in frames] == [320] * 50
    assert [frame.at for frame in frames] == pytest.approx([1000 + i * FRAME_S for i in range(50)])
    assert pitch_hz(pcm_of(frames)) == pytest.approx(440, abs=1)
    assert ear.pipeline.stats.heard == ear.pipeline.stats.datagrams == 50


@pytest.mark.parametrize("extension_words", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("csrcs", [0, 2])
@pytest.mark.parametrize("padding", [b"", b"\1", b"\0\0\0\4", bytes(254) + b"\xff"])
def test_extension_csrcs_and_padding_leave_no_trace(
    ear: Ear, ann: Talker, extension_words: int | None, csrcs: int, padding: bytes
) -> None:
    for index, packet in enumerate(tone(440, 5)):
        around = ann.line.datagram(
            SSRC, index, 960 * index, packet, extension_words=extension_words, csrcs=csrcs, padding=padding
        )
        ear.hear([around])
    assert len(ear.heard(ANN)) == 5 and ear.pipeline.stats.undecodable == 0


@pytest.mark.parametrize("padding", [b"\0", bytes([13]), b"\xff"])
def test_wrong_padding_drops_that_packet_and_nothing_else(ear: Ear, ann: Talker, padding: bytes) -> None:
    before, after = ann.speak(tone(440, 5)), ann.speak(tone(440, 5))
    wrong = ann.line.datagram(SSRC, 20_000, 0, b"eleven byte", padding=padding)
    ear.hear([*before, wrong, *after])
    assert len(ear.heard(ANN)) == 10 and ear.pipeline.stats.malformed == 1


def test_a_packet_of_nothing_but_padding_keeps_its_place_and_says_nothing(ear: Ear, ann: Talker) -> None:
    for index, packet in enumerate(tone(440, 6)):
        sequence = index + (index >= 3)
        ear.hear([ann.line.datagram(SSRC, sequence, 960 * index, packet)])
        if index == 2:
            ear.hear([ann.line.datagram(SSRC, 3, 960 * 3, b"", padding=b"\0\2")])
    frames = ear.heard(ANN)
    assert len(frames) == 6 and not any(frame.concealed for frame in frames)
    assert ear.pipeline.deadline() is None


def test_what_is_not_voice_is_counted_and_dropped(ear: Ear, ann: Talker) -> None:
    stats = ear.pipeline.stats
    good = ann.say(tone(440, 1)[0])
    stranger = Line(LiveKeys())
    ear.hear([b"", bytes(8), b"\0\2\0\x46" + bytes(70)])  # nothing, a keepalive's echo, a discovery reply
    assert stats.not_rtp == 3
    ear.hear([b"\x81\xc9\0\1" + os.urandom(40), ann.line.datagram(SSRC, 1, 1, b"picture", payload_type=101)])
    assert stats.other_media == 2  # RTCP, camera video
    ear.hear([stranger.datagram(SSRC, 1, 1, b"wrong key"), good[:-1], good[:20], good[:-1] + b"\x7f"])
    assert stats.not_authentic == 4
    assert ear.events == [Joined(ANN)]
    ear.hear([good])
    assert len(ear.heard(ANN)) == 1


def test_before_the_session_description_nothing_can_be_opened() -> None:
    ear = Ear(LiveKeys())
    line, ear.keys.secret_key = Line(ear.keys), None
    ear.hear([line.datagram(SSRC, 1, 1, b"x")])
    ear.keys.mode, ear.keys.secret_key = "xsalsa20_poly1305", bytes(32)
    ear.hear([line.datagram(SSRC, 1, 1, b"x")])
    assert ear.pipeline.stats.no_key == 2


def test_the_key_is_read_anew_for_each_packet(ear: Ear, ann: Talker) -> None:
    packets = tone(440, 20)
    ear.hear(ann.speak(packets[:10]))
    ear.keys.secret_key = os.urandom(32)
    ear.keys.mode = MODES[1]
    ann.line = Line(ear.keys)
    ear.hear(ann.speak(packets[10:]))
    assert len(ear.heard(ANN)) == 20 and ear.pipeline.stats.not_authentic == 0


# -- who speaks


def test_packets_before_speaking_are_heard_when_it_comes(ear: Ear) -> None:
    talker = Talker(Line(ear.keys), SSRC)
    packets = talker.speak(tone(440, 20))
    ear.hear(packets[:10])
    assert ear.events == []
    ear.maps(ANN, SSRC)
    assert len(ear.heard(ANN)) == 10
    ear.hear(packets[10:])
    frames = ear.heard(ANN)
    assert [frame.at for frame in frames] == pytest.approx([1000 + i * FRAME_S for i in range(20)])
    assert not any(frame.concealed for frame in frames)
    assert pitch_hz(pcm_of(frames)) == pytest.approx(440, abs=2)


def test_held_packets_are_put_in_order_too(ear: Ear) -> None:
    packets = Talker(Line(ear.keys), SSRC).speak(tone(440, 20))
    shuffled = packets[:1] + random.Random(1).sample(packets[1:], 19)
    ear.hear([*shuffled, shuffled[3]])
    ear.maps(ANN, SSRC)
    assert len(ear.heard(ANN)) == 20
    assert ear.pipeline.stats.duplicate == 1 and ear.pipeline.stats.concealed == 0
    assert ear.pipeline.stats.held == 20


def test_an_ssrc_that_is_never_mapped_is_forgotten_after_two_seconds(ear: Ear) -> None:
    ear.hear(Talker(Line(ear.keys), SSRC).speak(tone(440, 10)))
    ear.wait(3.0)
    assert ear.pipeline.deadline() is None and not ear.pipeline._unknown
    ear.maps(ANN, SSRC)
    assert ear.heard(ANN) == [] and ear.pipeline.stats.unmapped == 10


def test_only_the_last_two_seconds_are_held(ear: Ear) -> None:
    ear.hear(Talker(Line(ear.keys), SSRC).speak(tone(440, 300)))
    ear.maps(ANN, SSRC)
    assert 99 <= len(ear.heard(ANN)) <= 100
    assert ear.pipeline.stats.unmapped >= 200


def test_what_is_older_than_two_seconds_is_not_heard_with_the_rest(ear: Ear) -> None:
    ear.hear(Talker(Line(ear.keys), SSRC).speak(tone(440, 50)))
    ear.wait(1.5)
    ear.maps(ANN, SSRC)
    assert 24 <= len(ear.heard(ANN)) <= 26


def test_strangers_are_held_within_bounds(ear: Ear) -> None:
    line = Line(ear.keys)
    for ssrc in range(500):
        ear.hear([line.datagram(ssrc, n, 960 * n, b"x") for n in range(3)], step_s=0.0)
    assert len(ear.pipeline._unknown) == MAX_UNKNOWN_SSRCS
    assert ear.pipeline.stats.unmapped == 3 * (500 - MAX_UNKNOWN_SSRCS)


def test_a_person_with_a_new_ssrc_is_heard_on_and_the_old_one_is_nobodys(ear: Ear, ann: Talker) -> None:
    ear.hear(ann.speak(tone(440, 10)))
    ear.maps(ANN, SSRC + 1)
    ear.hear(Talker(ann.line, SSRC + 1).speak(tone(440, 10)))
    assert len(ear.heard(ANN)) == 20
    ear.hear(ann.speak(tone(440, 5)))
    assert len(ear.heard(ANN)) == 20


def test_an_ssrc_that_another_person_takes_over_is_theirs_from_then_on(ear: Ear, ann: Talker) -> None:
    ear.hear(ann.speak(tone(440, 10)))
    ear.maps(BEN, SSRC)
    ear.hear(Talker(ann.line, SSRC, sequence=9, timestamp=5).speak(tone(880, 30)))
    assert len(ear.heard(ANN)) == 10 and len(ear.heard(BEN)) == 30
    assert pitch_hz(pcm_of(ear.heard(BEN))) == pytest.approx(880, abs=2)


def test_who_comes_and_goes_is_told_once(ear: Ear) -> None:
    pipeline = ear.pipeline
    assert pipeline.clients_connected([ANN, BEN, ANN], 0.0) == [Joined(ANN), Joined(BEN)]
    assert pipeline.clients_connected([ANN], 0.0) == []
    assert pipeline.speaking(ANN, SSRC, 0.0) == pipeline.speaking(ANN, SSRC, 0.0) == []
    assert pipeline.client_disconnected(ANN, 0.0) == [Left(ANN)]
    assert pipeline.client_disconnected(ANN, 0.0) == []


def test_one_who_leaves_in_mid_word_is_heard_to_the_end(ear: Ear, ann: Talker) -> None:
    packets = ann.speak(tone(440, 10))
    ear.hear(packets[:8] + packets[9:])
    ear.events += ear.pipeline.client_disconnected(ANN, ear.now)
    assert ear.seconds(ANN) == pytest.approx(0.2) and ear.events[-1] == Left(ANN)
    ear.hear(ann.speak(tone(440, 5)))
    assert len(ear.heard(ANN)) == 10  # nobody's now


def test_after_a_reset_nothing_is_left_of_the_old_connection(ear: Ear, ann: Talker) -> None:
    packets = ann.speak(tone(440, 10))
    ear.hear([*packets[:3], *packets[4:5], Line(ear.keys).datagram(99, 1, 1, b"held")], step_s=0.0)
    ear.pipeline.reset()
    assert ear.pipeline.deadline() is None
    ear.hear(packets[5:])
    assert len(ear.heard(ANN)) == 3
    assert ear.pipeline.clients_connected([ANN], 0.0) == [Joined(ANN)]


# -- consent


def test_without_consent_nothing_is_heard_and_with_it_from_then_on(ear: Ear) -> None:
    ear.unwilling = {ANN}
    ear.maps(ANN, SSRC)
    talker = Talker(Line(ear.keys), SSRC)
    ear.hear(talker.speak(tone(440, 10)))
    assert ear.heard(ANN) == [] and ear.pipeline.stats.unconsented == 10
    ear.unwilling = set()
    ear.pipeline.consent_changed(ANN)
    ear.hear(talker.speak(tone(440, 10)))
    assert len(ear.heard(ANN)) == 10 and not any(frame.concealed for frame in ear.heard(ANN))


def test_who_withdraws_consent_is_not_heard_even_of_what_waited(ear: Ear, ann: Talker) -> None:
    packets = ann.speak(tone(440, 10))
    ear.hear([packets[0], packets[2], packets[3]], step_s=0.001)
    ear.unwilling = {ANN}
    ear.pipeline.consent_changed(ANN)
    assert ear.pipeline.deadline() is None and ear.pipeline.stats.dropped == 2
    ear.hear(packets[4:])
    assert len(ear.heard(ANN)) == 1


def test_a_stranger_held_is_not_heard_if_the_person_has_not_consented(ear: Ear) -> None:
    ear.unwilling = {ANN}
    ear.hear(Talker(Line(ear.keys), SSRC).speak(tone(440, 10)))
    ear.maps(ANN, SSRC)
    assert ear.heard(ANN) == [] and ear.pipeline.stats.unconsented == 10


# -- hostile bytes


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_bytes_raise_or_are_heard_as_someone(data: st.DataObject) -> None:
    """Raw rubbish, authentic rubbish, and gateway messages in any order."""
    keys = LiveKeys(dave_version=data.draw(st.integers(0, 1)))
    ear, line = Ear(keys), Line(keys)
    for _ in range(data.draw(st.integers(1, 40))):
        ssrc, user = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 2))
        match data.draw(st.integers(0, 6)):
            case 0:
                ear.hear([data.draw(st.binary(max_size=60))])
            case 1:
                ear.hear([build_header(1, 2, ssrc) + data.draw(st.binary(max_size=60))])
            case 2:
                ear.maps(user, ssrc)
            case 3:
                ear.events += ear.pipeline.client_disconnected(user, ear.now)
            case 4:
                ear.events += ear.pipeline.epoch_changed(ear.now)
            case _:
                sequence, timestamp = data.draw(st.integers(0, 0xFFFF)), data.draw(st.integers(0, 2**32 - 1))
                payload, words = data.draw(st.binary(max_size=60)), data.draw(st.integers(0, 3))
                padding = data.draw(st.binary(max_size=4))
                ear.hear(
                    [
                        line.datagram(
                            ssrc, sequence, timestamp, payload, extension_words=words, padding=padding
                        )
                    ]
                )
    ear.wait(5.0)
    assert ear.pipeline.deadline() is None
    if keys.dave_version:
        assert not any(isinstance(event, Heard) for event in ear.events)
