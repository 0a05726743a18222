"""What is not heard under DAVE, and what failures lead to: consent, new keys, davey's errors told apart."""

import davey
import pytest
from dave_rig import SSRC, Call, call, forge, whole
from hypothesis import given
from hypothesis import strategies as st
from voice_room import ANN, BEN, BOT, CAT, SILENCE, Room, tone

from bot.voice.dave import DaveError, DaveFailure, classify, decrypt, nonce_of
from bot.voice.receive import MAX_FAILURES

__all__ = ["call"]


# -- consent and recovery


def test_without_consent_nothing_is_decrypted(call: Call) -> None:
    call.ear.unwilling = {ANN}
    ann = call.talker(ANN)
    call.ear.hear(ann.speak(tone(440, 20)))
    stats = call.room.session(BOT).get_decryption_stats(ANN)
    assert stats is None or stats.attempts == 0
    assert call.ear.pipeline.stats.unconsented == 20 and call.ear.heard(ANN) == []


def test_held_frames_of_one_who_withdraws_are_gone(call: Call) -> None:
    ann = call.talker(ANN)
    session, call.ear.keys.dave = call.ear.keys.dave, None
    call.ear.hear(ann.speak(tone(440, 10)))
    call.ear.unwilling = {ANN}
    call.ear.pipeline.consent_changed(ANN)
    call.ear.unwilling, call.ear.keys.dave = set(), session
    call.ear.events += call.ear.pipeline.epoch_changed(call.ear.now)
    assert call.ear.heard(ANN) == [] and call.ear.pipeline.stats.dropped == 10


def test_recovery_is_wanted_after_too_many_failures_in_a_row(call: Call) -> None:
    ann, ben = call.talker(ANN), call.talker(BEN, SSRC + 1)
    stranger = Room()
    stranger.join(ANN)
    stranger.join(CAT)
    good, ann.session = ann.session, stranger.session(ANN)
    for packet in tone(440, MAX_FAILURES):
        call.ear.hear([ann.say(packet), ben.say(packet)])  # that Ben is heard must not hide it
    assert not call.wants_recovery()
    call.ear.hear([ann.say(tone(440, 1)[0])])
    assert call.wants_recovery()
    call.ear.keys.transition_pending = True
    assert not call.wants_recovery()
    call.ear.keys.transition_pending = False
    call.ear.pipeline.recovery_taken()
    assert not call.wants_recovery()
    call.ear.hear(ann.speak(tone(440, MAX_FAILURES)))
    ann.session = good
    call.ear.hear(ann.speak(tone(440, 1)))
    ann.session = stranger.session(ANN)
    call.ear.hear(ann.speak(tone(440, MAX_FAILURES)))
    assert not call.wants_recovery()


def test_failures_while_joining_or_in_transition_do_not_count(call: Call) -> None:
    ann = call.talker(ANN)
    sealed = call.room.session(ANN).encrypt_opus(SILENCE + b"any")
    forged = [ann.raw(forge(sealed)) for _ in range(4 * MAX_FAILURES)]
    session, call.ear.keys.dave = call.ear.keys.dave, davey.DaveSession(1, BOT, 1)
    call.ear.hear(forged[: 2 * MAX_FAILURES])
    call.ear.keys.dave, call.ear.keys.transition_pending = session, True
    call.ear.hear(forged[2 * MAX_FAILURES :])
    call.ear.keys.transition_pending = False
    assert not call.wants_recovery()


# -- davey's frames and failures


def test_the_nonce_of_a_frame_counts_what_was_sealed_with_its_key(call: Call) -> None:
    session = call.room.session(ANN)
    assert [nonce_of(session.encrypt_opus(b"any")) for _ in range(300)] == list(range(1, 301))
    call.room.join(CAT)
    assert nonce_of(session.encrypt_opus(b"any")) == 1


@pytest.mark.parametrize(
    ("encoded", "nonce"), [("ffffff07", 2**24 - 1), ("80808008", 2**24), ("ffffffff0f", 2**32 - 1)]
)
def test_a_nonce_beyond_24_bits_is_read(encoded: str, nonce: int) -> None:
    trailer = bytes(8) + bytes.fromhex(encoded)
    assert nonce_of(b"ciphertext" + trailer + bytes([len(trailer) + 3]) + b"\xfa\xfa") == nonce


@given(st.binary(max_size=40), st.integers(0, 255))
def test_a_broken_trailer_has_a_nonce_or_none_but_raises_nothing(frame: bytes, size: int) -> None:
    nonce = nonce_of(frame + bytes([size]) + b"\xfa\xfa")
    assert nonce is None or 0 <= nonce < 1 << 35


def test_a_jump_of_the_numbers_under_a_new_key_is_no_reason_to_wait(call: Call) -> None:
    ann = call.talker(ANN)
    call.ear.hear(ann.speak(tone(440, 5)))
    ann.sequence += 5_000
    call.ear.hear(ann.speak(tone(440, 5)))
    assert whole(call.ear.heard(ANN), 10)
    assert call.ear.pipeline.stats.held == call.ear.pipeline.stats.missing == 0


def test_daveys_failures_are_told_apart(call: Call) -> None:
    ann, bot = call.room.session(ANN), call.room.session(BOT)
    sealed = ann.encrypt_opus(tone(440, 1)[0])
    assert decrypt(bot, ANN, sealed) == tone(440, 1)[0]
    for session, user_id, frame, failure in [
        (bot, ANN, sealed, DaveFailure.NO_KEY),  # a replay
        (bot, CAT, sealed, DaveFailure.NO_DECRYPTOR),
        (None, ANN, sealed, DaveFailure.NO_DECRYPTOR),
        (bot, ANN, b"\xff\xfa\xfa", DaveFailure.PLAINTEXT),
    ]:
        with pytest.raises(DaveError) as caught:
            decrypt(session, user_id, frame)
        assert caught.value.failure is failure
    assert classify(ValueError("Failed to decrypt: SomethingNew")) is DaveFailure.OTHER
    assert [failure for failure in DaveFailure if failure.may_heal] == [
        DaveFailure.NO_DECRYPTOR,
        DaveFailure.NO_KEY,
    ]
