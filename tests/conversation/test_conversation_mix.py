"""Several voices as one stream."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from room_rig import FRAME, FRAME_S, Rig

from bot.audio.limiter import LATENCY
from bot.audio.pcm import Pcm16
from bot.conversation.actions import Speech
from bot.conversation.hangover import START_S, Hangovers
from bot.conversation.mix import BEHIND_S, WAIT_S, Mixer
from bot.voice.events import Heard

ADA, BEN, CARA = 1, 2, 3


def voice(seed: int, frames: int, peak: int = 9000) -> Pcm16:
    return np.random.default_rng(seed).integers(-peak, peak, (frames, FRAME), np.int16)


def samples(rig: Rig) -> Pcm16:
    return np.frombuffer(rig.pcm, np.int16)


def test_one_alone_passes_unchanged_and_undelayed_but_for_the_look_ahead() -> None:
    rig = Rig(mixed=True)
    mine = voice(1, 30)
    for i in range(30):
        rig.hear(ADA, i * FRAME_S, mine[i])
        assert len(rig.pcm) == (i + 1) * FRAME * 2
    rig.hush(ADA, 0.6)
    rig.until(2.0)
    assert np.array_equal(samples(rig)[LATENCY : LATENCY + mine.size], mine.reshape(-1))
    assert rig.story[0] == "[You hear these people all at once: Ada, Ben and Cara.]"
    assert rig.story[1] == "start"
    assert rig.story[-1] == "end"


def test_two_are_summed_sample_by_sample_and_the_turn_ends_with_the_last() -> None:
    rig = Rig(mixed=True)
    first, second = voice(1, 50), voice(2, 25)
    for i in range(50):
        rig.hear(ADA, i * FRAME_S, first[i])
        if 20 <= i < 45:
            rig.hear(BEN, i * FRAME_S + 0.005, second[i - 20])
        if i == 45:
            rig.hush(BEN, i * FRAME_S + 0.005)
    rig.hush(ADA, 1.0)
    rig.until(0.98 + START_S - 0.001)
    assert rig.story[-1] != "end"
    rig.until(0.98 + START_S)
    assert rig.story[-1] == "end"
    total = first.astype(np.int32)
    total[21:46] += second  # Ben's first comes when Ada's of that time has left: it goes with her next
    assert np.array_equal(samples(rig)[LATENCY : LATENCY + total.size], total.reshape(-1))
    assert rig.taken == [None]


def test_loud_people_at_once_do_not_clip() -> None:
    rig = Rig(mixed=True)
    for i in range(50):
        for user_id in (ADA, BEN, CARA):
            rig.hear(user_id, i * FRAME_S, np.full(FRAME, 32767, np.int16))
    assert np.abs(samples(rig).astype(int)).max() <= 32_000
    assert samples(rig).max() > 31_000


def test_who_stalls_holds_nobody_up_for_long() -> None:
    mixer = Mixer(Hangovers())
    mixer.heard(Heard(BEN, voice(2, 1)[0], 0.0))
    mixer.heard(Heard(ADA, voice(1, 1)[0], 0.001))
    waiting = mixer.heard(Heard(ADA, voice(1, 1)[0], 0.021))
    assert waiting == [], "Ben has been talking just now"
    due = mixer.deadline()
    assert due is not None
    assert due <= 0.021 + WAIT_S
    assert [type(action) for action in mixer.poll(due)] == [Speech]


def test_what_one_person_may_be_behind_is_bounded() -> None:
    mixer = Mixer(Hangovers())
    mixer.heard(Heard(BEN, voice(2, 1)[0], 0.0))
    burst = np.zeros(FRAME * 100, np.int16)
    mixer.heard(Heard(ADA, burst, 0.001))
    assert mixer.frames_lost > 0
    assert len(mixer.speaking) == 2
    assert BEHIND_S < 2.0


def test_who_withdraws_is_in_nothing_that_leaves_afterwards() -> None:
    mixer = Mixer(Hangovers())
    mixer.heard(Heard(ADA, np.zeros(FRAME, np.int16), 0.0))
    mixer.heard(Heard(BEN, np.full(FRAME, 5000, np.int16), 0.001))
    together = mixer.heard(Heard(ADA, np.zeros(FRAME, np.int16), FRAME_S))
    assert any(action.pcm.any() for action in together if isinstance(action, Speech))
    mixer.heard(Heard(BEN, np.full(FRAME, 5000, np.int16), 0.021))
    actions = mixer.left(BEN, 0.022)  # with some of Ben in the limiter, and some that waits
    for i in range(2, 10):
        actions += mixer.heard(Heard(ADA, np.zeros(FRAME, np.int16), i * FRAME_S))
    actions += mixer.hushed(ADA, 0.2) + mixer.poll(2.0)
    assert not any(action.pcm.any() for action in actions if isinstance(action, Speech))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ADA, BEN, CARA]), st.floats(0, 0.03), st.sampled_from([160, 320, 640, 960])
        ),
        min_size=1,
        max_size=60,
    )
)
def test_every_sample_is_in_the_sum_once(frames: list[tuple[int, float, int]]) -> None:
    """With constant voices the sum of all that leaves is the sum of all that came."""
    mixer, now, given_total = Mixer(Hangovers()), 0.0, 0
    speech: list[Speech] = []
    for user_id, pause, size in frames:
        now += pause
        actions = mixer.heard(Heard(user_id, np.full(size, 10**user_id, np.int16), now))
        given_total += size * 10**user_id
        speech += [action for action in actions if isinstance(action, Speech)]
    speech += [action for action in mixer.poll(now + 10.0) if isinstance(action, Speech)]
    assert mixer.idle
    if mixer.frames_lost == 0:
        assert sum(int(action.pcm.astype(np.int64).sum()) for action in speech) == given_total
