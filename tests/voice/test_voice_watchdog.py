"""Packets in, no sound out: when that is an alarm, when it is none, and what is done. Time is a number."""

import os
from collections.abc import Callable

import pytest
from voice_room import ANN, BEN, BOT, SILENCE, Ear, Line, LiveKeys, Room, Talker, tone

from bot.voice.watchdog import (
    CALM_S,
    DEAF_S,
    HOPELESS,
    MAX_REJOINS,
    PENDING_S,
    REJOIN,
    Alarm,
    Watchdog,
)

SSRC = 11
FRAME_S = 0.02
SPEECH = round((DEAF_S + 1.0) / FRAME_S)  # packets


class Speech:
    """Lets people speak unheard, and notes the alarms with their times."""

    def __init__(self) -> None:
        self.dog = Watchdog()
        self.now = 1000.0
        self.alarms: list[tuple[float, Alarm]] = []

    def speak(self, seconds: float, *who: int | None, pending: bool = False) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            for user_id in who:
                self.dog.spoke(user_id, self.now, pending=pending)
            if (alarm := self.dog.look(self.now)) is not None:
                self.alarms.append((self.now, alarm))
                if alarm.rejoin:
                    self.dog.reset()


def test_five_seconds_of_speech_unheard_are_an_alarm() -> None:
    speech = Speech()
    speech.speak(DEAF_S - 0.1, ANN)
    assert speech.alarms == []
    speech.speak(0.3, ANN)
    assert [alarm for _, alarm in speech.alarms] == [Alarm((ANN,), rejoin=True, reason=REJOIN)]
    assert speech.dog.alarms == 1


def test_pauses_do_not_count_as_speech() -> None:
    speech = Speech()
    for _ in range(9):
        speech.speak(0.5, ANN)
        speech.now += 30.0
    assert speech.alarms == []


def test_whoever_is_heard_is_no_reason_to_worry() -> None:
    speech = Speech()
    for _ in range(100):
        speech.speak(1.0, ANN)
        speech.dog.heard(ANN, speech.now)
    assert speech.alarms == []


def test_one_who_is_heard_does_not_hide_another_who_is_not() -> None:
    speech = Speech()
    for _ in range(60):
        speech.speak(1.0, ANN, BEN)
        speech.dog.heard(BEN, speech.now)
    assert [alarm.users for _, alarm in speech.alarms] == [(ANN,), (ANN,)]
    assert [alarm.rejoin for _, alarm in speech.alarms] == [True, False]  # the trouble is hers, it seems


def test_a_change_of_the_encryption_is_waited_for_but_not_for_ever() -> None:
    speech = Speech()
    speech.speak(PENDING_S - 1, ANN, pending=True)
    speech.speak(DEAF_S - 1, ANN)
    assert speech.alarms == []
    speech.dog.heard(ANN, speech.now)
    speech.speak(PENDING_S + DEAF_S + 1, ANN, pending=True)
    assert len(speech.alarms) == 1


def test_rejoins_that_do_not_help_become_rare_and_end_with_a_word_to_people() -> None:
    speech = Speech()
    speech.speak(900.0, ANN)
    rejoins = [at for at, alarm in speech.alarms if alarm.rejoin]
    assert len(rejoins) == MAX_REJOINS
    assert rejoins[1] - rejoins[0] >= 10 and rejoins[2] - rejoins[1] >= 20
    assert [alarm.reason for _, alarm in speech.alarms] == [REJOIN] * MAX_REJOINS + [HOPELESS]


@pytest.mark.parametrize("how", ["heard", "left"])
def test_after_the_last_word_a_new_trouble_is_a_new_alarm(how: str) -> None:
    speech = Speech()
    speech.speak(300.0, ANN)
    speech.alarms.clear()
    if how == "heard":
        speech.dog.heard(ANN, speech.now)
    else:
        speech.dog.left(ANN)
    speech.now += CALM_S
    speech.speak(DEAF_S + 1, ANN)
    assert [alarm.rejoin for _, alarm in speech.alarms] == [True]


def test_a_trouble_that_comes_back_at_once_each_time_makes_no_storm() -> None:
    """Each new connection hears one frame, and then nothing."""
    speech = Speech()
    for _ in range(360):
        speech.speak(10.0, ANN)
        speech.dog.heard(ANN, speech.now)
    assert len(speech.alarms) < 20  # in an hour


# -- as the pipeline tells it


@pytest.fixture
def ear() -> Ear:
    return Ear(LiveKeys())


def alarms(ear: Ear, datagrams: list[bytes]) -> list[Alarm]:
    """Let datagrams arrive, looking after each; return the alarms."""
    found = []
    for datagram in datagrams:
        ear.hear([datagram])
        if (alarm := ear.pipeline.watchdog.look(ear.now)) is not None:
            found.append(alarm)
    return found


def with_another_key(ear: Ear) -> list[bytes]:
    return Talker(Line(LiveKeys()), SSRC).speak(tone(440, SPEECH))


def without_a_key(ear: Ear) -> list[bytes]:
    datagrams = Talker(Line(ear.keys), SSRC).speak(tone(440, SPEECH))
    ear.keys.secret_key = None
    return datagrams


def sealed_for_others(ear: Ear) -> list[bytes]:
    line, room = Line(ear.keys), Room()
    room.join(ANN)
    room.join(BEN)
    talker = Talker(line, SSRC, room.session(ANN))
    return talker.speak(tone(440, SPEECH))


def in_plaintext(ear: Ear) -> list[bytes]:
    ear.keys.dave_version = 1
    return Talker(Line(ear.keys), SSRC).speak(tone(440, SPEECH))


CAUSES = [with_another_key, without_a_key, sealed_for_others, in_plaintext]


@pytest.mark.parametrize("cause", CAUSES)
def test_whatever_keeps_a_person_from_being_heard_is_an_alarm(
    ear: Ear, cause: Callable[[Ear], list[bytes]]
) -> None:
    ear.maps(ANN, SSRC)
    assert [alarm.users for alarm in alarms(ear, cause(ear))] == [(ANN,)]
    assert ear.heard(ANN) == []


@pytest.mark.parametrize("cause", CAUSES)
def test_a_person_without_consent_is_no_alarm(ear: Ear, cause: Callable[[Ear], list[bytes]]) -> None:
    ear.unwilling.add(ANN)
    ear.maps(ANN, SSRC)
    assert alarms(ear, cause(ear)) == []


def test_an_ssrc_without_a_name_is_an_alarm_only_where_it_can_belong_to_nobody_without_consent(
    ear: Ear,
) -> None:
    ear.events += ear.pipeline.clients_connected([ANN, BEN], ear.now)
    ear.unwilling.add(BEN)
    talker = Talker(Line(ear.keys), SSRC)
    assert alarms(ear, talker.speak(tone(440, SPEECH))) == []
    ear.maps(BEN, 99)
    assert [alarm.users for alarm in alarms(ear, talker.speak(tone(440, SPEECH)))] == [()]


def test_nobody_known_to_be_there_is_no_alarm(ear: Ear) -> None:
    assert alarms(ear, Talker(Line(ear.keys), SSRC).speak(tone(440, SPEECH))) == []


def test_silence_and_other_payload_types_are_no_alarm(ear: Ear) -> None:
    ear.maps(ANN, SSRC)
    talker = Talker(Line(ear.keys), SSRC)
    assert alarms(ear, [talker.raw(SILENCE) for _ in range(SPEECH)]) == []
    video = [
        talker.line.datagram(SSRC, number, 0, os.urandom(60), payload_type=101) for number in range(SPEECH)
    ]
    assert alarms(ear, video) == []


def test_heard_speech_is_no_alarm(ear: Ear) -> None:
    ear.maps(ANN, SSRC)
    assert alarms(ear, Talker(Line(ear.keys), SSRC).speak(tone(440, SPEECH))) == []


def broken_opus(talker: Talker, packets: int) -> list[bytes]:
    return [talker.raw(b"\xff" + bytes(40)) for _ in range(packets)]


def test_one_of_whom_opus_refuses_all_is_told_of_without_a_new_connection(ear: Ear) -> None:
    """It is their client's trouble: a new connection of ours would not mend it."""
    ear.maps(ANN, SSRC)
    talker = Talker(Line(ear.keys), SSRC)
    assert alarms(ear, broken_opus(talker, 3 * SPEECH)) == [Alarm((ANN,), rejoin=False, reason=HOPELESS)]
    assert not ear.pipeline.watchdog.over()
    ear.hear(talker.speak(tone(440, 3)))
    assert ear.pipeline.watchdog.over() and not ear.pipeline.watchdog.over()


def test_a_broken_packet_among_many_that_nothing_opens_hides_nothing(ear: Ear) -> None:
    ear.maps(ANN, SSRC)
    talker, stranger = Talker(Line(ear.keys), SSRC), Talker(Line(LiveKeys()), SSRC)
    spoken = stranger.speak(tone(440, SPEECH))
    spoken[50:50] = broken_opus(talker, 1)
    assert alarms(ear, spoken) == [Alarm((ANN,), rejoin=True, reason=REJOIN)]


def test_an_encoder_that_works_now_and_then_is_not_told_of_over_and_over(ear: Ear) -> None:
    ear.maps(ANN, SSRC)
    talker = Talker(Line(ear.keys), SSRC)
    spoken = [each for _ in range(12) for each in [*broken_opus(talker, SPEECH), *talker.speak(tone(440, 2))]]
    assert 1 <= len(alarms(ear, spoken)) <= 4  # in 70 s


def test_passthrough_while_a_version_changes_is_no_alarm(ear: Ear) -> None:
    ear.maps(ANN, SSRC)
    ear.keys.dave_version, ear.keys.transition_pending = 1, True
    assert alarms(ear, Talker(Line(ear.keys), SSRC).speak(tone(440, SPEECH))) == []
    assert len(ear.heard(ANN)) == SPEECH


# -- a name that never comes


def encrypted(ear: Ear) -> Talker:
    room = Room()
    for user_id in (BOT, ANN, BEN):
        room.join(user_id)
    ear.events += ear.pipeline.clients_connected([ANN, BEN], ear.now)
    room.show(BOT, ear.keys)
    return Talker(Line(ear.keys), SSRC, room.session(BEN))


def test_a_person_whose_name_never_comes_is_known_by_the_key_that_opens_their_frames(ear: Ear) -> None:
    talker = encrypted(ear)
    assert alarms(ear, talker.speak(tone(440, SPEECH))) == []
    assert ear.heard(ANN) == []
    assert len(ear.heard(BEN)) >= SPEECH - 1  # the one that was opened to find out can't be opened again
    assert ear.pipeline.stats.named == 1


def test_a_person_without_consent_is_not_looked_for(ear: Ear) -> None:
    talker = encrypted(ear)
    ear.unwilling.add(BEN)
    ear.hear(talker.speak(tone(440, SPEECH)))
    assert ear.heard(ANN) == ear.heard(BEN) == []
    assert ear.pipeline.stats.named == 0


def test_a_new_ssrc_without_word_of_it_is_found_too(ear: Ear) -> None:
    talker = encrypted(ear)
    ear.maps(ANN, 97)
    ear.maps(BEN, 98)
    ear.hear(talker.speak(tone(440, SPEECH)))
    assert len(ear.heard(BEN)) >= SPEECH - 1
