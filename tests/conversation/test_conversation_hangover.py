"""The hangover: learned from pauses, bounded; on made-up talk and on recorded speech."""

from pathlib import Path

import numpy as np
import pytest

from bot.audio.pcm import FRAME_MS
from bot.conversation.actions import Release, Take
from bot.conversation.floor import Floor
from bot.conversation.hangover import MARGIN_S, MAX_S, MIN_S, START_S, WENT_ON_S, Hangovers
from bot.emulators.client.gate import read_wav, script
from bot.voice.events import Heard

MEDIA = Path(__file__).parent.parent / "media"
ADA, BEN = 1, 2
FRAME_S = FRAME_MS / 1000


def pause(hangovers: Hangovers, user_id: int, at: float, seconds: float) -> float:
    """Speak, fall silent, go on after a pause; return when."""
    hangovers.spoke(user_id, at)
    hangovers.hushed(user_id)
    hangovers.spoke(user_id, at + seconds)
    return at + seconds


def talk(hangovers: Hangovers, user_id: int, pauses: list[float]) -> None:
    at = 0.0
    for seconds in pauses:
        at = pause(hangovers, user_id, at + 1.0, seconds)


def test_it_begins_with_a_breath_and_is_each_persons_own() -> None:
    hangovers = Hangovers()
    assert hangovers.of(ADA) == START_S
    talk(hangovers, ADA, [0.5] * 20)
    hangovers.spoke(BEN, 0.0)
    assert hangovers.of(ADA) == pytest.approx(0.5 + MARGIN_S)
    assert hangovers.all() == pytest.approx({ADA: 0.5 + MARGIN_S, BEN: START_S})


def test_it_stays_within_its_bounds() -> None:
    hangovers = Hangovers()
    talk(hangovers, ADA, [0.02] * 20)
    assert hangovers.of(ADA) == MIN_S
    talk(hangovers, ADA, [WENT_ON_S - 0.01] * 20)
    assert hangovers.of(ADA) == MAX_S


def test_one_odd_pause_among_many_changes_nothing_and_habits_do_in_time() -> None:
    hangovers = Hangovers()
    talk(hangovers, ADA, [0.2] * 15)
    before = hangovers.of(ADA)
    talk(hangovers, ADA, [0.7])
    assert hangovers.of(ADA) == before
    talk(hangovers, ADA, [0.7] * 3)
    assert hangovers.of(ADA) > 0.7
    talk(hangovers, ADA, [0.1] * 16)
    assert hangovers.of(ADA) == pytest.approx(0.1 + MARGIN_S)


def test_what_is_no_pause_teaches_nothing() -> None:
    hangovers = Hangovers()
    for at in range(30):  # lost packets: no word of silence
        hangovers.spoke(ADA, at * 0.7)
    talk(hangovers, ADA, [WENT_ON_S + 0.01] * 20)
    for at in range(100, 130, 2):  # interruptions of the bot
        hangovers.spoke(ADA, at)
        hangovers.hushed(ADA)
        hangovers.answered()
        hangovers.spoke(ADA, at + 0.7)
    assert hangovers.of(ADA) == START_S
    hangovers.forget(ADA)
    assert hangovers.all() == {}


def recorded(repeats: int) -> list[tuple[float, bool]]:
    """What a gated client sends of a reading: when each frame, and whether it is the word of silence."""
    sentences = [read_wav(path) for path in sorted(MEDIA.glob("speech-*.wav"))]
    rate = sentences[0][1]
    parts: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
    for number in range(repeats):
        for pcm, _ in sentences:
            # A reader's own pauses between sentences: some longer than the hangover that all begin with.
            parts += [pcm, np.zeros(int(rate * (0.2, 0.45, 0.3)[number % 3]), np.int16)]
    plan = script(np.concatenate(parts), rate, gated=True)
    return [(step.slot * FRAME_S, step.index is None) for step in plan.steps]


def turns_of(sent: list[tuple[float, bool]], floor: Floor) -> list[float]:
    """When turns ended, in a simulated time."""
    ends, hushed = [], False
    for at, silence in sent:
        actions = floor.poll(at)
        if silence:
            actions += [] if hushed else floor.hushed(ADA, at)
        else:
            actions += floor.heard(Heard(ADA, np.zeros(320, np.int16), at))
        hushed = silence
        ends += [action.at for action in actions if isinstance(action, Release)]
    return ends


def test_a_reader_is_not_cut_off_once_the_pauses_are_known() -> None:
    sent = recorded(12)
    middle = sent[len(sent) // 2][0]
    ends = turns_of(sent, Floor(Hangovers()))
    assert [end for end in ends if end < middle], "a pause ended a turn: there is something to learn"
    assert not [end for end in ends if end > middle], "then no pause of the reading ends one"


def test_a_turn_that_a_pause_ended_goes_on_as_the_same_persons() -> None:
    floor = Floor(Hangovers())
    floor.heard(Heard(ADA, np.zeros(320, np.int16), 0.0))
    floor.hushed(ADA, 0.02)
    assert [type(action) for action in floor.poll(0.5)] == [Release]
    assert floor.heard(Heard(ADA, np.zeros(320, np.int16), 0.6))[0] == Take(ADA, False, 0.6)
    assert floor.deadline() == pytest.approx(1.6)
    floor.hushed(ADA, 0.62)
    assert floor.deadline() == pytest.approx(0.6 + 0.6 + MARGIN_S), "that pause would not end it again"
