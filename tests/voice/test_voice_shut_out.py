"""The call is encrypted end to end and goes on without us: we ask for new keys, connect anew, tell people.

Nobody who may be heard need speak for that: nobody hears us either.
"""

import davey
import pytest
from ear_rig import SSRC, ear
from voice_room import ANN, BEN, BOT, CHANNEL, Ear, Line, Room, Talker, tone

from bot.voice.watchdog import SHUT_OUT, SHUT_OUT_S, UNWELCOME, WELCOME_S, Alarm

__all__ = ["ear"]


class Waiting:
    """The bot in a call that goes on, end to end encrypted, without it; looks each second."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.asked: list[float] = []
        self.alarms: list[tuple[float, Alarm]] = []
        self.over: list[float] = []
        self.began = ear.now
        ear.keys.dave_version, ear.keys.dave = 1, davey.DaveSession(1, BOT, CHANNEL)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.ear.wait(1.0)
            now = self.ear.now - self.began
            alarm = self.ear.pipeline.look(self.ear.now)
            self.asked += [now] if self.ear.pipeline.watchdog.wants_keys(self.ear.now) else []
            self.alarms += [(now, alarm)] if alarm is not None else []
            self.over += [now] if self.ear.pipeline.watchdog.over() else []

    def connect_anew(self) -> None:
        self.ear.pipeline.reset()
        self.ear.pipeline.clients_connected([ANN], self.ear.now)


@pytest.mark.parametrize("consented", [True, False])
def test_who_is_not_let_in_asks_for_new_keys_connects_anew_and_tells_people(
    ear: Ear, consented: bool
) -> None:
    ear.unwilling |= set() if consented else {ANN}
    ear.pipeline.clients_connected([ANN], ear.now)
    waiting = Waiting(ear)
    waiting.wait(SHUT_OUT_S + 1)
    assert waiting.asked[0] <= WELCOME_S + 1
    assert [alarm for _, alarm in waiting.alarms] == [Alarm((), rejoin=True, reason=UNWELCOME)]
    waiting.connect_anew()
    waiting.wait(60.0)
    assert [alarm for _, alarm in waiting.alarms[1:]] == [Alarm((), rejoin=False, reason=SHUT_OUT)]
    assert waiting.alarms[1][0] <= 2 * SHUT_OUT_S + 3
    assert waiting.asked[-1] > 60.0  # it goes on asking
    assert waiting.over == []
    room = Room()
    for user_id in (ANN, BOT):
        room.join(user_id)
    room.show(BOT, ear.keys)
    waiting.wait(2.0)
    assert len(waiting.over) == 1


def test_people_are_not_told_before_the_new_connection_was_tried(ear: Ear) -> None:
    ear.pipeline.clients_connected([ANN], ear.now)
    waiting = Waiting(ear)
    waiting.wait(SHUT_OUT_S + 1)
    assert len(waiting.alarms) == 1
    for _ in range(50):  # datagrams that come in until the old connection is given up
        ear.wait(0.02)
        assert ear.pipeline.look(ear.now) is None


@pytest.mark.parametrize("why", ["alone", "changing", "plain", "inside"])
def test_where_nobody_has_to_let_us_in_nothing_is_asked(ear: Ear, why: str) -> None:
    waiting = Waiting(ear)
    if why != "alone":
        ear.pipeline.clients_connected([ANN], ear.now)
    ear.keys.transition_pending = why == "changing"
    if why == "plain":
        ear.keys.dave_version = 0
    elif why == "inside":
        room = Room()
        for user_id in (ANN, BOT):
            room.join(user_id)
        room.show(BOT, ear.keys)
    waiting.wait(60.0)
    assert (waiting.asked, waiting.alarms, waiting.over) == ([], [], [])


def test_who_comes_to_a_call_in_which_we_were_alone_is_given_time_to_let_us_in(ear: Ear) -> None:
    waiting = Waiting(ear)
    waiting.wait(60.0)
    ear.pipeline.clients_connected([ANN], ear.now)
    waiting.wait(WELCOME_S)
    assert (waiting.asked, waiting.alarms) == ([], [])


def test_one_trouble_is_one_alarm_where_people_who_are_not_heard_speak(ear: Ear) -> None:
    """Outside of the group nobody is heard: that is no trouble of theirs."""
    room = Room()
    for user_id in (ANN, BEN):
        room.join(user_id)
    ear.maps(ANN, SSRC)
    waiting, talker = Waiting(ear), Talker(Line(ear.keys), SSRC, room.session(ANN))
    for _ in range(15):
        ear.hear(talker.speak(tone(440, 49)))
        waiting.wait(1.0)
    assert [alarm.reason for _, alarm in waiting.alarms][:1] == [UNWELCOME]
    assert {alarm.reason for _, alarm in waiting.alarms} <= {UNWELCOME, SHUT_OUT}
