"""The room and the uplink, in simulated time: whose audio is sent, and when none is."""

import numpy as np
import pytest
from room_rig import FRAME, FRAME_S, Rig

from bot.audio.pcm import LIVE_IN_HZ
from bot.conversation.mic import PREROLL_S, PROOF_S
from bot.conversation.room import Mode
from bot.conversation.tail import TAIL_S
from bot.conversation.talk import LONGEST_S, OPEN_S

ADA, BEN, CARA = 1, 2, 3
MINUTE = 60.0


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("turns", ["marks", "model"])
def test_a_quiet_room_sends_nothing_after_the_tail(turns: str, mixed: bool) -> None:
    rig = Rig(turns=turns, mixed=mixed)
    end = rig.say(BEN, rig.say(ADA, 0.0, 100) - 0.5, 50)
    rig.until(end + 10.0)
    sent = len(rig.pcm)
    spoken = 150 * FRAME * 2
    tail = 0 if turns == "marks" else int(2 * TAIL_S * LIVE_IN_HZ * 2)
    assert spoken * (0.8 if mixed else 1) <= sent <= spoken + tail + 2 * FRAME
    rig.until(end + 10.0 + MINUTE)
    assert len(rig.pcm) == sent, "bytes of audio in a minute without speech"
    assert rig.uplink.deadline() is None, "nothing even wakes up"


@pytest.mark.parametrize("turns", ["marks", "model"])
def test_an_open_microphone_in_a_noisy_room_sends_nothing_either(turns: str) -> None:
    rig = Rig(turns=turns)
    noise = np.random.default_rng(1).normal(0, 150, (3000, FRAME)).astype(np.int16)
    for i, pcm in enumerate(noise):
        rig.hear(ADA, i * FRAME_S, pcm)
    learnt = (PROOF_S + 4 + TAIL_S) * LIVE_IN_HZ * 2
    assert len(rig.pcm) < learnt
    assert rig.pcm_since(8.0) == b""
    if turns == "marks":
        assert rig.story[-1] == "end"


def test_an_open_microphone_opens_with_what_was_said_just_before() -> None:
    rig = Rig()
    noise = np.random.default_rng(1).normal(0, 100, (1000, FRAME)).astype(np.int16)
    for i in range(400):
        rig.hear(ADA, i * FRAME_S, noise[i])
    before = len(rig.sent)
    voice = np.random.default_rng(2).normal(0, 3000, (50, FRAME)).astype(np.int16)
    for i in range(50):
        rig.hear(ADA, (400 + i) * FRAME_S, voice[i])
    heard = rig.pcm_since(rig.sent[before][0])
    preroll = int(PREROLL_S / FRAME_S)
    assert heard[-50 * FRAME * 2 :] == voice.tobytes(), "the voice from its first sample"
    assert heard[: -50 * FRAME * 2] == noise[400 - preroll + 3 : 400].tobytes()
    for i in range(100):
        rig.hear(ADA, (450 + i) * FRAME_S, noise[450 + i])
    assert rig.story[-1] == "end"


def test_what_a_gating_client_sends_is_passed_however_soft() -> None:
    rig = Rig()
    soft = np.random.default_rng(3).normal(0, 40, (45, FRAME)).astype(np.int16)
    sent = b""
    for turn in range(10):
        for i, pcm in enumerate(soft):
            rig.hear(ADA, turn * 3.0 + i * FRAME_S, pcm)
            sent += pcm.tobytes()
        rig.hush(ADA, turn * 3.0 + 45 * FRAME_S)
    assert rig.pcm == sent


def test_a_change_of_floor_is_told_and_who_had_no_answer_is_named() -> None:
    rig = Rig()
    for i in range(100):
        rig.hear(ADA, i * FRAME_S)
        if i >= 50:
            rig.hear(BEN, i * FRAME_S + 0.001)
    rig.hush(ADA, 2.0)
    for i in range(100, 150):
        rig.hear(BEN, i * FRAME_S + 0.001)
    rig.hush(BEN, 3.0)
    rig.until(5.0)
    assert rig.story == [
        "[Ada is speaking now.]",
        "start",
        "100 frames",
        "end",
        "[Ben is speaking now. Ada had no answer from you yet.]",
        "start",
        "100 frames",
        "end",
    ]


def test_nobody_is_heard_who_has_not_pressed() -> None:
    rig = Rig(mode=Mode.PUSH_TO_TALK)
    rig.say(ADA, 0.0, 100)
    assert rig.pcm == b""
    rig.act(rig.room.press(ADA, 3.0), 3.0)
    mine = np.random.default_rng(1).integers(-9000, 9000, (50, FRAME), np.int16)
    for i in range(50):
        rig.hear(ADA, 3.0 + i * FRAME_S, mine[i])
        rig.hear(BEN, 3.0 + i * FRAME_S)
    rig.act(rig.room.release(ADA, 4.0), 4.0)
    for i in range(50):
        rig.hear(ADA, 4.0 + i * FRAME_S)
    rig.until(10.0)
    assert rig.pcm == mine.tobytes(), "every byte from the press to the release, and none else"
    assert rig.story == ["[Ada is speaking now.]", "start", "50 frames", "end"]
    ends = [when for when, item in rig.sent if type(item).__name__ == "ActivityEnd"]
    assert ends == [4.0], "at once: no hangover"


def test_a_press_that_is_forgotten_ends() -> None:
    rig = Rig(mode=Mode.PUSH_TO_TALK)
    rig.act(rig.room.press(ADA, 0.0), 0.0)
    rig.say(ADA, OPEN_S - 0.1, 3)
    heard = len(rig.pcm)
    assert heard == 3 * FRAME * 2
    rig.say(ADA, 2 * OPEN_S + 1, 10)
    assert len(rig.pcm) == heard
    rig.act(rig.room.press(BEN, 50.0), 50.0)
    for i in range(int((LONGEST_S + 10) / FRAME_S)):
        syllable = np.full(FRAME, 5000 if i % 20 < 15 else 0, np.int16)
        rig.hear(BEN, 50.0 + i * FRAME_S, syllable)
    assert len(rig.pcm) - heard == pytest.approx(LONGEST_S * LIVE_IN_HZ * 2, abs=FRAME * 4)
    assert rig.room.keys.pressed == ()


def test_push_to_talk_ends_what_goes_on_and_everyone_is_heard_again_after_it() -> None:
    rig = Rig()
    for i in range(20):
        rig.hear(ADA, i * FRAME_S)
        rig.hear(BEN, i * FRAME_S + 0.001)
    rig.act(rig.room.set_mode(Mode.PUSH_TO_TALK, 0.4), 0.4)
    heard = 40 * FRAME * 2
    rig.say(ADA, 0.42, 10)
    assert len(rig.pcm) == heard
    assert rig.story[-1] == "end"
    rig.act(rig.room.set_mode(Mode.EVERYONE, 1.0), 1.0)
    rig.say(ADA, 1.1, 10)
    assert len(rig.pcm) == heard + 10 * FRAME * 2


def test_who_leaves_or_withdraws_takes_all_that_waits_along() -> None:
    rig = Rig()
    for i in range(20):
        rig.hear(ADA, i * FRAME_S)
        rig.hear(BEN, i * FRAME_S + 0.001, np.full(FRAME, 7, np.int16))
    rig.uplink.forget(BEN, 0.4)
    rig.hush(ADA, 0.4)
    rig.until(30.0)
    assert np.full(FRAME, 7, np.int16).tobytes() not in rig.pcm
    assert BEN not in rig.room.hangovers_ms()
