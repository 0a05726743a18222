"""Hearing under DAVE, with real MLS groups of davey sessions and a delivery service."""

import davey
import numpy as np
import pytest
from dave_rig import SSRC, Call, call, forge, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from voice_room import ANN, BEN, BOT, CAT, CHANNEL, SILENCE, Talker, tone

from bot.audio.ratepath import rate_path
from bot.voice.events import Hushed

__all__ = ["call"]


def test_two_people_are_heard_through_their_encryption(call: Call) -> None:
    ann, ben = call.talker(ANN), call.talker(BEN, SSRC + 1)
    for one, other in zip(ann.speak(tone(440, 50)), ben.speak(tone(880, 50)), strict=True):
        call.ear.hear([one, other], step_s=0.01)
    assert whole(call.ear.heard(ANN), 50) and whole(call.ear.heard(BEN), 50)
    assert call.ear.pipeline.stats.held == call.ear.pipeline.stats.undecrypted == 0


def test_padding_does_not_hide_the_mark_of_encryption(call: Call) -> None:
    call.ear.maps(ANN, SSRC)
    for index, packet in enumerate(tone(440, 20)):
        sealed = call.room.session(ANN).encrypt_opus(packet)
        padding = bytes(index) + bytes([index + 1])
        call.ear.hear([call.line.datagram(SSRC, index, 960 * index, sealed, padding=padding)])
    assert whole(call.ear.heard(ANN), 20)


def test_silence_passes_in_plaintext_and_hushes(call: Call) -> None:
    ann = call.talker(ANN)
    call.ear.hear(ann.speak([*tone(440, 5), *[SILENCE] * 5, *tone(440, 5)]))
    assert whole(call.ear.heard(ANN), 10)
    assert [event.user_id for event in call.ear.events if isinstance(event, Hushed)] == [ANN]


def test_plaintext_injected_under_version_1_is_never_heard(call: Call) -> None:
    ann = call.talker(ANN)
    call.ear.hear(ann.speak(tone(440, 5)))
    forger = Talker(call.line, SSRC, sequence=ann.sequence, timestamp=ann.timestamp)
    call.ear.hear(forger.speak(tone(880, 10)), step_s=0.0)
    call.ear.hear(Talker(call.line, SSRC + 9).speak(tone(880, 10)))  # of an unknown SSRC: not even held
    assert call.ear.pipeline.stats.plaintext == 20
    call.ear.hear(ann.speak(tone(440, 5)))
    assert whole(call.ear.heard(ANN), 10)
    assert not call.wants_recovery()


def test_sticky_passthrough_of_the_library_opens_nothing(call: Call) -> None:
    session = call.room.session(BOT)
    session.set_passthrough_mode(True, 10)
    plain = tone(440, 1)[0]
    broken = call.room.session(ANN).encrypt_opus(plain)[:-3] + b"\xff\xfa\xfa"
    assert session.decrypt(ANN, davey.MediaType.audio, plain) == plain  # what is defended against
    assert session.decrypt(ANN, davey.MediaType.audio, broken) == broken
    ann = call.talker(ANN)
    call.ear.hear([ann.raw(plain), ann.raw(broken)])
    assert call.ear.heard(ANN) == []
    assert call.ear.pipeline.stats.plaintext == call.ear.pipeline.stats.undecrypted == 1


def test_plaintext_is_heard_during_an_announced_transition_only(call: Call) -> None:
    ann = call.talker(ANN)
    ann.session = None
    call.ear.hear(ann.speak(tone(440, 5)))
    call.ear.keys.transition_pending = True
    call.ear.hear(ann.speak(tone(440, 5)))
    call.ear.keys.transition_pending = False
    call.ear.hear(ann.speak(tone(440, 5)))
    assert len([frame for frame in call.ear.heard(ANN) if not frame.concealed]) == 5
    assert call.ear.pipeline.stats.plaintext == 10


def test_downgrade_and_upgrade_with_the_encrypted_tail(call: Call) -> None:
    """Someone without encryption joins and leaves: every word is heard on both sides of each change."""
    ann = call.talker(ANN)
    session = call.room.session(ANN)
    call.ear.hear(ann.speak(tone(440, 10)))
    tail = ann.speak(tone(440, 3))
    call.room.join(CAT, max_version=0)
    call.sync()
    assert call.ear.keys.dave_version == 0
    call.ear.hear(tail)
    ann.session = None
    call.ear.hear(ann.speak(tone(440, 10)))
    call.room.leave(CAT)
    call.sync()
    assert call.ear.keys.dave_version == 1
    ann.session = session
    call.ear.hear(ann.speak(tone(440, 10)))
    assert whole(call.ear.heard(ANN), 33)


def test_words_before_the_welcome_are_heard_in_order_once_it_comes(call: Call) -> None:
    """Joining those who talk already: the first frames can't be opened yet, silence among them."""
    call.room.leave(BOT)
    call.room.join(BOT, paused=True)
    call.sync()
    ann = call.talker(ANN)
    call.ear.hear(ann.speak([*tone(440, 10), *[SILENCE] * 5, *tone(440, 10)]))
    assert call.ear.heard(ANN) == [] and call.ear.pipeline.stats.held == 25
    call.room.resume(BOT)
    call.sync()
    assert whole(call.ear.heard(ANN), 20)
    call.ear.hear(ann.speak(tone(440, 10)))
    assert whole(call.ear.heard(ANN), 30)
    assert not call.wants_recovery() and call.ear.pipeline.stats.undecrypted == 0


def test_a_frame_that_opens_before_we_were_told_takes_the_held_ones_along(call: Call) -> None:
    """The datagram after a commit may be handled before `epoch_changed` is called."""
    call.room.leave(BOT)
    call.room.join(BOT, paused=True)
    call.room.show(BOT, call.ear.keys)
    ann = call.talker(ANN)
    call.ear.hear(ann.speak([*tone(440, 10), SILENCE]))
    call.room.resume(BOT)
    call.ear.hear(ann.speak(tone(440, 1)))
    assert whole(call.ear.heard(ANN), 11) and call.ear.pipeline.deadline() is None


def test_what_no_session_can_open_is_held_and_forgotten_after_two_seconds(call: Call) -> None:
    ann = call.talker(ANN)
    session, call.ear.keys.dave = call.ear.keys.dave, None
    call.ear.hear(ann.speak([*tone(440, 10), *[SILENCE] * 2]))
    call.ear.wait(3.0)
    assert call.ear.pipeline.deadline() is None
    call.ear.keys.dave = session
    call.ear.events += call.ear.pipeline.epoch_changed(call.ear.now)
    assert call.ear.heard(ANN) == [] and call.ear.pipeline.stats.undecrypted == 10
    call.ear.hear(ann.speak(tone(440, 5)))
    assert whole(call.ear.heard(ANN), 5)


def test_frames_of_a_new_epoch_before_our_commit_wait_for_it(call: Call) -> None:
    """The others have moved on, our commit is on its way; a reordered old frame still goes first."""
    ann = call.talker(ANN)
    old = ann.speak(tone(440, 10))
    call.room.pause(BOT)
    call.room.join(CAT)  # the others process the commit, and are at once in the new epoch
    new = ann.speak(tone(440, 10))
    call.ear.hear([*old[:9], *new[:2], old[9], *new[2:]])
    assert whole(call.ear.heard(ANN), 10) and call.ear.pipeline.stats.held == 10
    call.room.resume(BOT)
    call.sync()
    assert len(call.ear.heard(ANN)) == 20 and call.ear.pipeline.stats.undecrypted == 0
    cat = call.talker(CAT, SSRC + 1)
    call.ear.hear(cat.speak(tone(660, 10)))
    assert whole(call.ear.heard(CAT), 10)


def test_what_comes_twice_while_held_is_held_once(call: Call) -> None:
    ann = call.talker(ANN)
    session, call.ear.keys.dave = call.ear.keys.dave, None
    call.ear.hear([datagram for datagram in ann.speak(tone(440, 10)) for _ in range(2)], step_s=0.01)
    call.ear.keys.dave = session
    call.ear.events += call.ear.pipeline.epoch_changed(call.ear.now)
    assert whole(call.ear.heard(ANN), 10)
    assert call.ear.pipeline.stats.held == call.ear.pipeline.stats.duplicate == 10


def test_silence_behind_a_forged_frame_hushes_when_that_is_given_up(call: Call) -> None:
    ann = call.talker(ANN)
    call.ear.hear(ann.speak(tone(440, 5)))
    forged = ann.raw(forge(call.room.session(ANN).encrypt_opus(SILENCE + b"any")))
    word, silence = ann.speak([tone(440, 1)[0], SILENCE])
    call.ear.hear([forged, silence, word], step_s=0.001)
    assert len(call.ear.heard(ANN)) == 7 and isinstance(call.ear.events[-1], Hushed)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_reorder_duplicates_and_a_late_commit_change_not_one_sample(data: st.DataObject) -> None:
    """What is heard equals, sample by sample, what a decoder gives that got every packet in order."""
    call = Call(ANN)
    ann, packets = call.talker(ANN), tone(440, 40)
    # From 2 on: of a person's first two frames under two keys nobody can tell which was first.
    commit_at, welcome_at = sorted(data.draw(st.tuples(st.integers(2, 39), st.integers(2, 39))))
    delays = data.draw(st.lists(st.floats(0, 0.035), min_size=40, max_size=40))
    copied = data.draw(st.sets(st.integers(1, 39), max_size=10))
    arriving: list[tuple[float, int, bytes]] = []
    for index, packet in enumerate(packets):
        if index == commit_at:
            call.room.pause(BOT)
            call.room.join(CAT)
        at, datagram = index * 0.02 + delays[index], ann.say(packet)
        arriving += [(at, index, datagram)] + [(at + 0.01, index, datagram)] * (index in copied)
    start = call.ear.now
    for at, index, datagram in sorted(arriving):
        call.ear.wait(max(0.0, start + at - call.ear.now))
        if index >= welcome_at and call.room.clients[BOT].paused:
            call.room.resume(BOT)
            call.sync()
        call.ear.events += call.ear.pipeline.datagram(datagram, call.ear.now)
    decoder = rate_path("native").decoder()
    said = np.concatenate([decoder.decode(packet) for packet in packets])
    assert np.array_equal(np.concatenate([frame.pcm for frame in call.ear.heard(ANN)]), said)


@pytest.mark.parametrize("known", [False, True])
def test_a_frame_that_overtook_the_first_of_a_new_key_waits_for_it(call: Call, known: bool) -> None:
    """davey takes what was sealed before the first frame that it opened with a key for a replay."""
    ann = call.talker(ANN)
    if known:  # the new key comes in mid-speech; else it is the first of this person
        call.ear.hear(ann.speak(tone(440, 5)))
        call.room.join(CAT)
        call.sync()
    before = len(call.ear.heard(ANN))
    first, second, third = ann.speak(tone(440, 3))
    call.ear.hear([second, first, third], step_s=0.01)
    frames = call.ear.heard(ANN)[before:]
    assert len(frames) == 3 and not any(frame.concealed for frame in frames)
    assert frames[0].at > frames[1].at  # in the order in which they were said
    assert call.ear.pipeline.deadline() is None and call.ear.pipeline.stats.undecrypted == 0


@pytest.mark.parametrize("known", [False, True])
def test_the_wait_for_the_first_frame_of_a_new_key_is_bounded(call: Call, known: bool) -> None:
    """It is lost: the others are heard when the jitter buffer would have given it up too."""
    ann = call.talker(ANN)
    if known:
        call.ear.hear(ann.speak(tone(440, 5)))
        call.room.join(CAT)
        call.sync()
    before = len([frame for frame in call.ear.heard(ANN) if not frame.concealed])
    began = call.ear.now
    call.ear.hear(ann.speak(tone(440, 3))[1:], step_s=0.02)
    assert call.ear.now - began == pytest.approx(0.04)
    frames = call.ear.heard(ANN)
    assert len([frame for frame in frames if not frame.concealed]) == before + 2
    assert [frame.concealed for frame in frames[5:6]] == [True] * known
    assert call.ear.pipeline.deadline() is None


def test_in_order_no_frame_waits_for_its_key(call: Call) -> None:
    ann = call.talker(ANN)
    for _ in range(3):
        call.room.join(CAT)
        call.sync()
        for datagram in [*ann.speak(tone(440, 3)), *ann.speak([SILENCE] * 5)]:
            before = call.ear.pipeline.stats.heard + call.ear.pipeline.stats.silence
            call.ear.events += call.ear.pipeline.datagram(datagram, call.ear.now)
            assert call.ear.pipeline.stats.heard + call.ear.pipeline.stats.silence == before + 1
        call.room.leave(CAT)
        call.sync()
    assert call.ear.pipeline.stats.held == 0


def test_speech_that_looks_sealed_by_chance_delays_nobody_where_there_is_no_encryption(call: Call) -> None:
    """In a stage channel, where the session is never ready."""
    call.ear.keys.dave, call.ear.keys.dave_version = davey.DaveSession(1, BOT, CHANNEL), 0
    ann = call.talker(ANN)
    ann.session = None
    call.ear.hear(ann.speak(tone(440, 5)))
    call.ear.hear([ann.raw(tone(440, 1)[0] + b"\xfa\xfa"), *ann.speak(tone(440, 5))])
    assert call.ear.pipeline.stats.heard == 10 and call.ear.pipeline.stats.undecrypted == 1


def test_the_old_epochs_tail_after_our_commit_is_heard(call: Call) -> None:
    ann = call.talker(ANN)
    old = ann.speak(tone(440, 10))
    call.room.join(CAT)
    call.sync()
    call.ear.hear([*old, *ann.speak(tone(440, 10))])
    assert whole(call.ear.heard(ANN), 20)


def test_one_who_leaves_in_mid_word_was_heard_and_the_others_go_on(call: Call) -> None:
    ann, ben = call.talker(ANN), call.talker(BEN, SSRC + 1)
    call.ear.hear([*ann.speak(tone(440, 10)), *ben.speak(tone(880, 10))])
    tail = ben.speak(tone(880, 3))
    call.room.leave(BEN)
    call.sync()
    call.ear.events += call.ear.pipeline.client_disconnected(BEN, call.ear.now)
    call.ear.hear([*tail, *ann.speak(tone(440, 10))])
    assert whole(call.ear.heard(ANN), 20) and whole(call.ear.heard(BEN), 10)


def test_packets_before_speaking_are_held_sealed_and_heard_when_it_comes(call: Call) -> None:
    ann = Talker(call.line, SSRC, call.room.session(ANN))
    call.ear.hear(ann.speak([*tone(440, 10), SILENCE, *tone(440, 10)]))
    held = [packet.payload for packet in call.ear.pipeline._unknown[SSRC]._frames]
    assert sum(payload.endswith(b"\xfa\xfa") for payload in held) == 20
    call.ear.maps(ANN, SSRC)
    assert whole(call.ear.heard(ANN), 20)


def test_another_persons_frames_do_not_open_as_someone_elses(call: Call) -> None:
    call.ear.maps(ANN, SSRC)
    call.ear.hear(Talker(call.line, SSRC, call.room.session(BEN)).speak(tone(440, 10)))
    assert call.ear.heard(ANN) == []
    call.ear.maps(BEN, SSRC)
    call.ear.hear(Talker(call.line, SSRC, call.room.session(BEN)).speak(tone(440, 10)))
    assert whole(call.ear.heard(BEN), 10)


def test_a_forged_frame_delays_no_other(call: Call) -> None:
    """Sealed by nobody in the group: given up as soon as a later frame opens, without any wait."""
    ann = call.talker(ANN)
    call.ear.hear(ann.speak(tone(440, 5)))
    sealed = call.room.session(ANN).encrypt_opus(tone(440, 1)[0])
    call.ear.hear([ann.raw(forge(sealed)), ann.raw(b"a broken trailer" + b"\xfa\xfa")])
    before = call.ear.now
    call.ear.hear(ann.speak(tone(440, 5)))
    frames = call.ear.heard(ANN)
    assert [frame.concealed for frame in frames] == [False] * 5 + [True] * 2 + [False] * 5
    assert frames[7].at == before and call.ear.pipeline.stats.undecrypted == 2
    assert call.ear.pipeline.deadline() is None


def test_duplicates_and_replays_are_heard_once(call: Call) -> None:
    ann = call.talker(ANN)
    sent = ann.speak(tone(440, 20))
    call.ear.hear([datagram for datagram in sent for _ in range(2)], step_s=0.01)
    call.ear.hear(sent)
    assert whole(call.ear.heard(ANN), 20)
    assert call.ear.pipeline.stats.duplicate == 40 and call.ear.pipeline.stats.undecrypted == 0


def test_loss_and_reorder_under_encryption(call: Call) -> None:
    ann = call.talker(ANN)
    sent = ann.speak(tone(440, 60))
    sent[20], sent[21] = sent[21], sent[20]
    call.ear.hear([datagram for index, datagram in enumerate(sent) if index not in (30, 40, 41)])
    assert call.ear.seconds(ANN) == pytest.approx(1.2)
    assert [frame.concealed for frame in call.ear.heard(ANN)].count(True) == 3
