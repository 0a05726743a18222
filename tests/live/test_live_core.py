"""What the core decides, state by state; no clock, no socket."""

from typing import Any

import pytest
from core_rig import LATER, NEVER, PCM, RETRY, UNREACHABLE, again, audio, core, lose, ready, send_all, tell

from bot.live.attempts import STABLE_S
from bot.live.core import MOVE_EARLY_S, LiveCore
from bot.live.events import AnswerAudio, AnswerEnded, AnswerWhole, Failed, Lost, Ready, Waiting
from bot.live.exchange import QUIET_S, STRAY_S
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Text
from bot.live.recap import CUT_OFF
from bot.live.states import TRANSITIONS, LiveState, Step

# -- the table


def test_every_state_can_be_closed_and_only_the_last_two_are_ends() -> None:
    for state in LiveState:
        assert TRANSITIONS[state, Step.CLOSE] is LiveState.CLOSED
    ends = {state for state in LiveState if all(step is Step.CLOSE for s, step in TRANSITIONS if s is state)}
    assert ends == {LiveState.FAILED, LiveState.CLOSED}


def test_every_state_is_reached_from_idle() -> None:
    reached = {LiveState.IDLE}
    for _ in LiveState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(LiveState)


def test_what_the_table_does_not_hold_can_not_happen() -> None:
    made = core()
    made.attempt()
    made.connected(0.0)
    with pytest.raises(KeyError):
        made.connected(0.0)


# -- losing and finding a connection


def test_a_good_connection_that_breaks_off_is_made_anew_at_once() -> None:
    made = ready()
    assert lose(made, STABLE_S) == [Lost("Broke off.")]
    assert made.state is LiveState.BACKING_OFF
    due = made.deadline()
    assert due is not None
    assert STABLE_S <= due <= STABLE_S + 0.25
    made.poll(due - 0.001)
    assert made.deadline() == due
    again(made)


def test_connections_that_break_off_at_once_are_spaced_out() -> None:
    made, now, waits = ready(), 0.0, []
    for _ in range(5):
        lose(made, now)
        due = again(made)
        waits.append(due - now)
        now = due
        made.attempt()
        made.connected(now)
    assert waits[0] <= 0.25
    for n, wait in enumerate(waits[1:]):
        assert 2**n <= wait <= 2 ** (n + 1)


def test_a_lasting_connection_forgives_what_was_before() -> None:
    made = ready()
    for _ in range(3):
        lose(made, 0.0)
        again(made)
        made.attempt()
        made.connected(0.0)
    lose(made, STABLE_S)
    assert (made.deadline() or 0.0) - STABLE_S <= 0.25


def test_a_used_up_quota_waits_long_in_a_call_and_ends_a_start() -> None:
    made = ready()
    lose(made, 0.0)
    now = again(made)
    made.attempt()
    told = lose(made, now, LATER)
    wait_s = (made.deadline() or 0.0) - now
    assert told == [Waiting("Busy.", told[0].wait_s)]
    assert told[0].wait_s == pytest.approx(wait_s)
    assert 30.0 <= wait_s <= 60.0
    first = core()
    first.attempt()
    assert lose(first, 0.0, LATER) == [Failed("Busy.")]
    assert first.state is LiveState.FAILED


@pytest.mark.parametrize("state", ["connecting", "ready", "draining"])
def test_a_refusal_is_final(state: str) -> None:
    made = core()
    made.attempt()
    if state != "connecting":
        made.connected(0.0)
    if state == "draining":
        tell(made, 0.0, goAway={"timeLeft": "60s"})
    assert lose(made, 1.0, NEVER) == [Failed("Refused.")]
    assert made.state is LiveState.FAILED
    assert made.deadline() is None
    assert made.say(Text("Hello?", answer=True)) is False
    assert lose(made, 2.0) == []


# -- handles


def test_the_newest_handle_is_used_and_a_closed_door_drops_it() -> None:
    made = ready(handle="one")
    tell(made, 0.0, sessionResumptionUpdate={"newHandle": "two", "resumable": True})
    tell(made, 0.0, sessionResumptionUpdate={"newHandle": "", "resumable": True})
    tell(made, 0.0, serverContent={"inputTranscription": {"text": "I like rain."}})
    lose(made, 20.0)
    again(made)
    assert made.attempt().handle == "two"
    assert made.connected(20.0) == [Ready(resumed=True)]
    assert made.seed() is None
    tell(made, 21.0, sessionResumptionUpdate={"resumable": False})
    lose(made, 40.0)
    again(made)
    assert made.attempt().handle is None


@pytest.mark.parametrize("accepted", [True, False])
def test_a_refused_handle_gives_way_to_a_fresh_session_at_once(accepted: bool) -> None:
    made = ready(handle="one")
    tell(made, 1.0, serverContent={"inputTranscription": {"text": "I like rain."}})
    lose(made, 20.0)
    now = again(made)
    made.attempt()
    if accepted:
        made.connected(now)
    lose(made, now, NEVER)
    assert made.state is LiveState.BACKING_OFF
    assert made.deadline() == now
    again(made)
    assert made.attempt().handle is None
    assert "I like rain." in (made.seed() or "")
    assert made.connected(now) == [Ready(resumed=False)]


def test_a_handle_is_tried_twice_when_the_server_has_trouble_and_kept_when_it_is_not_reached() -> None:
    made = ready(handle="one")
    lose(made, 20.0)
    tries = [(UNREACHABLE, "one"), (UNREACHABLE, "one"), (LATER, "one"), (LATER, "one")]
    for failure, handle in [*tries, (RETRY, "one"), (RETRY, None)]:
        now = again(made)
        made.attempt()
        lose(made, now, failure)
        assert made._resumption.handle == handle


def test_a_refusal_after_the_session_went_on_is_not_the_handles_fault() -> None:
    made = ready(handle="one")
    lose(made, 20.0)
    now = again(made)
    made.attempt()
    made.connected(now)
    tell(made, now, serverContent=audio())
    lose(made, now, NEVER)
    assert made.state is LiveState.FAILED


def test_the_first_session_needs_no_recap() -> None:
    made = core()
    made.say(Text("[Anna is speaking now.]", answer=False))
    made.attempt()
    assert made.seed() is None


# -- the fence


def test_what_belongs_to_an_older_connection_is_dropped() -> None:
    made = ready()
    lose(made, 20.0)
    assert tell(made, 20.0, number=1, serverContent=audio()) == []
    again(made)
    made.attempt()
    assert tell(made, 21.0, number=1, serverContent=audio()) == []
    made.connected(21.0)
    assert tell(made, 21.0, number=1, serverContent=audio()) == []
    assert made.failed(1, NEVER, 21.0) == []
    assert made.state is LiveState.READY
    assert made.counters.fenced_messages == 3
    assert [type(event) for event in tell(made, 21.0, serverContent=audio())] == [AnswerAudio]


def test_nothing_is_told_once_it_is_closed() -> None:
    made = ready()
    made.close()
    assert tell(made, 1.0, serverContent=audio()) == []
    assert lose(made, 1.0) == []
    made.close()
    assert made.state is LiveState.CLOSED


# -- going away


def drain(made: LiveCore, at: float, time_left: str) -> None:
    tell(made, at, goAway={"timeLeft": time_left})
    assert made.state is LiveState.DRAINING
    assert made.deadline() == at


def test_it_moves_when_the_answer_has_ended() -> None:
    made = ready()
    made.say(ActivityStart())
    made.say(Audio(PCM, 0.0))
    send_all(made, 0.0)
    drain(made, 0.0, "60s")
    assert made.poll(0.0) == [], "somebody speaks"
    made.say(ActivityEnd())
    assert made.poll(0.5) == [], "the end waits to be sent"
    send_all(made, 0.5)
    assert made.poll(1.0) == [], "an answer is due"
    tell(made, 1.5, serverContent=audio())
    assert made.poll(2.0) == [], "the answer comes"
    assert [type(event) for event in tell(made, 2.5, serverContent={"turnComplete": True})] == [AnswerEnded]
    assert [type(event) for event in made.poll(2.7)] == [Lost]
    assert made.state is LiveState.CONNECTING
    made.attempt()
    made.connected(3.0)
    assert send_all(made, 3.0) == []


@pytest.mark.parametrize(
    ("time_left", "moves_at"), [("60s", 60 - MOVE_EARLY_S), ("2s", 0.0), ("0s", 0.0), ("", 0)]
)
def test_it_moves_before_the_server_closes_whatever_goes_on(time_left: str, moves_at: float) -> None:
    made = ready()
    made.say(ActivityStart())
    made.say(Audio(PCM, 0.0))
    send_all(made, 0.0)
    drain(made, 0.0, time_left)
    if moves_at:
        assert made.poll(moves_at - 0.01) == []
    assert [type(event) for event in made.poll(moves_at)] == [Lost]


def test_a_second_warning_only_makes_it_earlier() -> None:
    made = ready()
    made.say(ActivityStart())
    drain(made, 0.0, "60s")
    drain(made, 1.0, "10s")
    drain(made, 2.0, "50s")
    assert made.poll(5.9) == []
    assert made.poll(6.0) != []


def test_where_the_model_finds_the_turns_it_moves_after_some_quiet_and_says_nothing_twice() -> None:
    made = ready("model")
    made.say(Audio(PCM, 0.0))
    send_all(made, 0.0)
    drain(made, 0.0, "60s")
    assert made.poll(QUIET_S) == []
    assert made.poll(QUIET_S + 0.2) != []
    made.attempt()
    made.connected(3.0)
    assert send_all(made, 3.0) == []


# -- what was not answered is said again


def cut(made: LiveCore, at: float) -> list[Any]:
    """Lose the connection and return what is said over the next one."""
    lose(made, at)
    now = again(made)
    made.attempt()
    made.connected(now)
    return send_all(made, now)


def turn(made: LiveCore, at: float) -> list[Any]:
    items: list[Item] = [ActivityStart(), Audio(PCM, at), ActivityEnd()]
    for item in items:
        made.say(item)
    assert send_all(made, at) == items
    return items


def test_a_turn_without_an_answer_is_said_again() -> None:
    made = ready()
    items = turn(made, 0.0)
    assert cut(made, 1.0) == items


def test_a_turn_whose_answer_began_or_was_empty_is_not() -> None:
    for content, then in ((audio(), [Text(CUT_OFF, answer=True)]), ({"turnComplete": True}, [])):
        made = ready()
        turn(made, 0.0)
        tell(made, 1.0, serverContent=content)
        assert cut(made, 2.0) == then, "but it is gone on with"


def test_the_end_of_an_interrupted_answer_is_not_the_answer_to_the_interruption() -> None:
    made = ready()
    turn(made, 0.0)
    tell(made, 1.0, serverContent=audio())
    second = turn(made, 2.0)
    tell(made, 2.1, serverContent={"interrupted": True})
    tell(made, 2.1, serverContent={"turnComplete": True})
    assert cut(made, 3.0) == second


def test_what_still_comes_of_an_interrupted_answer_is_no_answer_to_the_interruption() -> None:
    made = ready()
    turn(made, 0.0)
    tell(made, 1.0, serverContent=audio())
    second = turn(made, 2.0)
    tell(made, 2.1, serverContent={"interrupted": True})
    assert tell(made, 2.2, serverContent=audio()) == []
    assert made.counters.stray_chunks == 1
    assert cut(made, 3.0) == second


def test_the_next_answer_is_told_when_the_interrupted_turn_has_ended_or_never_does() -> None:
    for end in ({"turnComplete": True}, {}):
        made = ready()
        tell(made, 1.0, serverContent=audio())
        tell(made, 2.0, serverContent={"interrupted": True})
        tell(made, 2.0, serverContent=end)
        at = 2.1 if end else 2.0 + STRAY_S
        assert [type(event) for event in tell(made, at, serverContent=audio())] == [AnswerAudio]


def test_an_interruption_of_nothing_holds_back_no_answer() -> None:
    made = ready()
    tell(made, 1.0, serverContent={"interrupted": True})
    assert [type(event) for event in tell(made, 1.1, serverContent=audio())] == [AnswerAudio]


def test_an_answer_that_is_whole_but_not_over_is_no_moment_to_move() -> None:
    made = ready()
    turn(made, 0.0)
    tell(made, 0.5, serverContent=audio())
    drain(made, 1.0, "60s")
    assert [type(event) for event in tell(made, 1.0, serverContent={"generationComplete": True})] == [
        AnswerWhole
    ]
    assert made.poll(1.0) == [], "it can still be interrupted"
    tell(made, 2.0, serverContent={"turnComplete": True})
    assert [type(event) for event in made.poll(2.0)] == [Lost]


def test_what_somebody_said_is_not_said_again_nor_told_to_a_new_session_once_they_withdrew() -> None:
    made = ready()
    for item in (ActivityStart(), Audio(PCM, 0.0, 1)):
        made.say(item)
    send_all(made, 0.0)
    tell(made, 0.5, serverContent={"inputTranscription": {"text": "My secret"}})
    made.forget(1)
    made.say(ActivityEnd())
    send_all(made, 0.6)
    tell(made, 0.7, serverContent={"inputTranscription": {"text": " is this."}})
    assert cut(made, 1.0) == []
    assert made.seed() is None


def test_an_old_question_is_not_asked_again() -> None:
    made = ready()
    turn(made, 0.0)
    assert cut(made, 60.0) == []
