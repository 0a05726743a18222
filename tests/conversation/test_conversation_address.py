"""Whether the bot was called, and what becomes of answers that nobody asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.address import Callsign
from bot.conversation.gate import FOLLOW_UP_S, HELD_BYTES, HOLD_S, STALE_S, AddressGate, GateState
from bot.live.events import AnswerAudio, AnswerEnded, AnswerWhole, Interrupted, LiveEvent, Lost

ADA, BEN = 1, 2


@pytest.mark.parametrize(
    "text",
    [
        "Earshot, what time is it?",
        "what do you think, EARSHOT",
        "Hey ear shot",
        "Airshot tell me",
        "Ershot?",
        "und was meinst du, Irshot?",
        "ear-shot",
        "¿Éarshot, qué hora es?",
    ],
)
def test_the_name_is_found_as_transcripts_spell_it(text: str) -> None:
    assert Callsign(["Earshot"]).called_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "we went to the airport",
        "that was a short break",
        "we are short of time",
        "a shot",
        "her shirt",
        "…",
    ],
)
def test_other_words_are_not_the_name(text: str) -> None:
    assert not Callsign(["Earshot"]).called_in(text)


def test_names_of_any_kind() -> None:
    assert Callsign(["Captain Ear"]).called_in("aye, captain ear!")
    assert Callsign(["イヤショット"]).called_in("ねえイヤショット、今何時")
    assert Callsign(["Max"]).called_in("Max, hello")
    assert not Callsign(["Max"]).called_in("tax and fax"), "a short name only as it is"
    assert not Callsign(["", "!!"]).called_in("anything")


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_name_that_was_said_is_found_among_anything(before: str, after: str) -> None:
    assert Callsign(["Earshot"]).called_in(f"{before} Earshot {after[:80]}")
    Callsign([after]).called_in(before)


def audio(at: float, size: int = 960) -> AnswerAudio:
    return AnswerAudio(bytes(size), 24_000, at)


def gate() -> AddressGate:
    return AddressGate(Callsign(["Earshot"]))


def played(events: list[LiveEvent]) -> int:
    return sum(isinstance(event, AnswerAudio) for event in events)


def answered(made: AddressGate, user_id: int, at: float) -> None:
    """Have a person call the bot and be answered; the answer is over at `at` + 1."""
    made.turn_began(user_id, at)
    made.understood("Earshot, hello", at + 0.5)
    assert played(made.told(audio(at + 0.6), at + 0.6)) == 1
    made.told(AnswerEnded(at + 1.0), at + 1.0)
    made.over(at + 1.0)


def test_an_answer_to_one_who_calls_is_not_held_where_the_transcript_was_first() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    assert made.understood("Earsh", 1.0) == []
    assert made.understood("ot, hello", 1.1) == []
    assert played(made.told(audio(1.2), 1.2)) == 1
    assert made.state is GateState.OPEN
    assert made.hold.p(100) == 0.0
    assert made.partners == {ADA}


def test_an_answer_is_held_until_the_name_comes_and_then_played_whole_and_in_order() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    events: list[LiveEvent] = [audio(1.0), audio(1.1), AnswerWhole(1.2)]
    assert [made.told(event, 1.0) for event in events] == [[], [], []]
    assert made.understood("hello", 1.3) == []
    assert made.understood(" Earshot", 1.4) == events
    assert made.hold.p(100) == pytest.approx(400)
    assert played(made.told(audio(1.5), 1.5)) == 1


def test_an_answer_that_nobody_asked_for_is_dropped_in_time_and_to_its_end() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    made.told(audio(1.0), 1.0)
    assert made.deadline() == 1.0 + HOLD_S
    assert made.poll(1.0 + HOLD_S) == []
    assert made.dropped == 1
    assert made.told(audio(4.0), 4.0) == []
    assert made.told(AnswerWhole(4.1), 4.1) == []
    assert made.understood("Earshot", 4.2) == [], "too late"
    made.told(AnswerEnded(5.0), 5.0)
    made.turn_began(BEN, 6.0)
    made.told(audio(7.0), 7.0)
    assert made.state is GateState.HOLDING


def test_a_short_answer_that_nobody_asked_for_is_dropped_with_its_end() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    made.told(audio(1.0), 1.0)
    made.told(AnswerEnded(1.1), 1.1)
    assert (made.dropped, made.state, made.deadline()) == (1, GateState.IDLE, None)


def test_a_follow_up_needs_no_name_within_its_time_and_only_of_the_partner() -> None:
    made = gate()
    answered(made, ADA, 0.0)
    made.turn_began(BEN, 2.0)
    assert played(made.told(audio(3.0), 3.0)) == 0
    made.told(AnswerEnded(3.1), 3.1)
    made.turn_began(ADA, 1.0 + FOLLOW_UP_S)
    assert played(made.told(audio(9.5), 9.5)) == 1
    made.told(AnswerEnded(10.0), 10.0)
    made.over(10.0)
    made.turn_began(ADA, 10.1 + FOLLOW_UP_S)
    assert played(made.told(audio(20.0), 20.0)) == 0


def test_a_call_that_was_cut_off_is_answered_with_the_next_turn() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    made.told(audio(1.0), 1.0)
    made.turn_began(BEN, 1.1)
    made.cut()
    assert made.understood("Earshot, tell us", 1.2) == []
    assert made.told(audio(1.3), 1.3) == [], "nothing of the answer that was cut off"
    made.told(Interrupted(1.4), 1.4)
    assert played(made.told(audio(3.0), 3.0)) == 1
    assert made.partners == {ADA, BEN}


def test_what_is_asked_in_writing_is_answered_and_a_call_is_not_kept_for_ever() -> None:
    made = gate()
    made.asked(0.0)
    assert played(made.told(audio(1.0), 1.0)) == 1
    made.told(AnswerEnded(2.0), 2.0)
    made.turn_began(ADA, 10.0)
    made.understood("Earshot is a bot", 11.0)  # and the model stays silent
    made.turn_began(BEN, 11.0 + STALE_S)
    assert played(made.told(audio(30.0), 30.0)) == 0


def test_late_words_of_a_turn_that_was_answered_do_not_open_the_next() -> None:
    made = gate()
    answered(made, ADA, 0.0)
    made.understood("Earshot, hello", 2.0)
    made.turn_began(BEN, 3.0)
    assert played(made.told(audio(4.0), 4.0)) == 0


def test_what_is_held_is_bounded() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    chunks = HELD_BYTES // 100_000 + 1
    for _ in range(chunks):
        made.told(audio(1.0, 100_000), 1.0)
    assert made.state is GateState.SHUT
    assert made.dropped == 1


def test_a_lost_connection_ends_what_was_held() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    made.told(audio(1.0), 1.0)
    assert made.told(Lost("gone"), 1.1) == [Lost("gone")]
    made.understood("Earshot", 1.2)
    assert played(made.told(audio(3.0), 3.0)) == 1, "the next connection answers it"
