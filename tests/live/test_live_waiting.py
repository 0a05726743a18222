"""What a call waits for, and for how long, when a connection is lost or to be left."""

from core_rig import UNREACHABLE, again, lose, ready, tell

from bot.live.core import MOVING
from bot.live.events import Lost, Ready, Recovered, Waiting
from bot.live.failures import Failure, Verdict
from bot.live.resumption import WORK_S


def test_a_handshake_that_timed_out_is_repeated_at_once() -> None:
    made = ready()
    lose(made, 10.0)
    now = again(made)
    made.attempt()
    lose(made, now + 4.0, Failure(Verdict.RETRY, "Silent."))
    assert (made.deadline() or 0.0) - (now + 4.0) <= 0.25


def test_a_long_silence_is_told_once_a_loss() -> None:
    made, told, now = ready(), [], 20.0
    for _ in range(2):
        told += lose(made, now)
        for _ in range(6):
            now = again(made)
            made.attempt()
            told += lose(made, now, UNREACHABLE)
        again(made)
        made.attempt()
        now += 200.0
        told += made.connected(now)
        now += 20.0
        told += made.poll(now)
    kinds = [type(event) for event in told]
    assert kinds == 2 * [Lost, Waiting, Ready, Recovered]
    assert told[1].reason == "No network."
    assert told[1].wait_s >= 1.0


def test_a_server_that_is_at_work_is_not_left_for_another_connection_yet() -> None:
    made = ready(handle="one")
    tell(made, 20.0, sessionResumptionUpdate={"resumable": False})
    tell(made, 20.0, goAway={"timeLeft": "60s"})
    assert made.poll(20.0) == []
    assert made.poll(22.0) == []
    tell(made, 22.0, sessionResumptionUpdate={"newHandle": "two", "resumable": True})
    assert made.poll(22.2) == [Lost(MOVING)]
    assert made.attempt().handle == "two"


def test_a_server_that_gives_no_handle_is_left_all_the_same() -> None:
    made = ready(handle="one")
    tell(made, 20.0, sessionResumptionUpdate={"resumable": False})
    tell(made, 20.0, goAway={"timeLeft": "60s"})
    made.poll(20.0)
    assert made.poll(20.0 + WORK_S) == [Lost(MOVING)]


def test_a_short_break_is_not_told() -> None:
    made = ready()
    assert lose(made, 20.0) == [Lost("Broke off.")]
    now = again(made)
    made.attempt()
    assert lose(made, now, UNREACHABLE) == []


def test_a_move_that_takes_long_is_told_from_its_beginning() -> None:
    made = ready()
    tell(made, 100.0, goAway={"timeLeft": "60s"})
    assert made.poll(100.0) == [Lost(MOVING)]
    made.attempt()
    assert lose(made, 101.0, UNREACHABLE) == []
    now = again(made)
    made.attempt()
    assert [type(event) for event in lose(made, now + 4.0, UNREACHABLE)] == [Waiting]
