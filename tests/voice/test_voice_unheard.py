"""Who speaks and may not be heard is told of now and then, by packets that are never opened."""

import pytest
from ear_rig import SSRC, ear
from voice_room import ANN, BEN, SILENCE, Ear, Line, Talker, tone

from bot.voice.events import Unheard
from bot.voice.receive import UNHEARD_AFTER

__all__ = ["ear"]


@pytest.fixture
def ann(ear: Ear) -> Talker:
    ear.maps(ANN, SSRC)
    ear.unwilling.add(ANN)
    return Talker(Line(ear.keys), SSRC)


def told(ear: Ear) -> list[int]:
    return [event.user_id for event in ear.events if isinstance(event, Unheard)]


def test_it_is_told_with_each_half_second_of_speech(ear: Ear, ann: Talker) -> None:
    ear.hear(ann.speak(tone(440, UNHEARD_AFTER - 1)))
    assert told(ear) == []
    ear.hear(ann.speak([*tone(440, 1), SILENCE, SILENCE, *tone(440, 199)]))
    assert told(ear) == [ANN] * 8
    assert ear.pipeline.stats.unconsented == UNHEARD_AFTER + 201
    assert ear.heard(ANN) == []


def test_silence_is_no_speech(ear: Ear, ann: Talker) -> None:
    ear.hear(ann.speak([SILENCE] * 100))
    assert told(ear) == []


def test_who_may_be_heard_is_not_told_of(ear: Ear, ann: Talker) -> None:
    ear.maps(BEN, SSRC + 1)
    ear.hear(Talker(Line(ear.keys), SSRC + 1).speak(tone(440, 100)))
    assert told(ear) == []


def test_who_comes_back_is_counted_anew(ear: Ear, ann: Talker) -> None:
    ear.hear(ann.speak(tone(440, UNHEARD_AFTER - 1)))
    ear.pipeline.client_disconnected(ANN, 0.0)
    ear.maps(ANN, SSRC)
    ear.hear(ann.speak(tone(440, UNHEARD_AFTER - 1)))
    assert told(ear) == []
