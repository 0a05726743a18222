"""What is done about a lost voice connection, by close code and by time."""

from itertools import pairwise

import pytest

from bot.voice.recovery import (
    GIVE_UP_S,
    RECOVERY_CALM_S,
    RECOVERY_MAX_S,
    REJOIN_FIRST_S,
    RETRY_MAX_S,
    STABLE_S,
    Remedy,
    Retries,
    closure,
    recovery_pace,
    rejoin_pace,
)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (-1, Remedy.RESUME),  # discord.py's word for none
        (1000, Remedy.RESUME),
        (1006, Remedy.RESUME),
        (4004, Remedy.REJOIN),
        (4006, Remedy.REJOIN),
        (4009, Remedy.REJOIN),
        (4014, Remedy.AWAIT),
        (4015, Remedy.RESUME),
        (4017, Remedy.END),
        (4021, Remedy.END),
        (4022, Remedy.AWAIT),
        (4999, Remedy.REJOIN),  # unknown
    ],
)
def test_each_close_code_has_a_way_out(code: int, remedy: Remedy) -> None:
    assert closure(code).remedy is remedy
    assert closure(code).reason


def test_the_first_retry_is_immediate_and_the_next_ones_wait_longer_up_to_a_bound() -> None:
    retries = Retries()
    delays = [retries.lost(now) for now in range(10)]
    assert delays[0] == 0.0
    assert delays[1:] == sorted(delays[1:], key=lambda delay: delay or 0.0)
    assert max(delay for delay in delays if delay is not None) == RETRY_MAX_S


def test_it_gives_up_in_the_end() -> None:
    retries = Retries()
    assert retries.lost(100.0) is not None
    assert retries.lost(100.0 + GIVE_UP_S - 1) is not None
    assert retries.lost(100.0 + GIVE_UP_S) is None


def test_a_connection_that_lasted_clears_the_record() -> None:
    retries = Retries()
    retries.lost(100.0)
    retries.lost(101.0)
    retries.connected(102.0)
    assert retries.lost(102.0 + STABLE_S) == 0.0


def test_one_that_breaks_at_once_each_time_is_given_up() -> None:
    retries = Retries()
    now, attempts = 0.0, 0
    while (delay := retries.lost(now)) is not None:
        attempts += 1
        retries.connected(now + delay)
        now += delay + 0.1
    assert now >= GIVE_UP_S
    assert attempts < 30


@pytest.mark.parametrize(("down_s", "up_s"), [(0.5, 21.0), (2.0, 21.0), (0.5, STABLE_S - 1)])
def test_one_that_breaks_often_and_is_soon_back_is_kept(down_s: float, up_s: float) -> None:
    retries, now = Retries(), 0.0
    while now < 1000.0:
        delay = retries.lost(now)
        assert delay is not None, f"given up {now:g} s on"
        now += delay + down_s
        retries.connected(now)
        now += up_s


def test_one_that_is_down_for_longer_than_it_is_up_is_given_up() -> None:
    retries, now = Retries(), 0.0
    while now < 1000.0 and retries.lost(now) is not None:
        retries.connected(now + 20.0)
        now += 25.0
    assert GIVE_UP_S < now < 3 * GIVE_UP_S


def test_one_that_breaks_often_is_tried_again_at_once() -> None:
    retries = Retries()
    for now in range(0, 1000, 21):
        assert retries.lost(now) == 0.0
        retries.connected(now + 1.0)


def test_recoveries_of_a_failing_group_never_become_a_storm() -> None:
    pace = recovery_pace()
    taken = [now / 10 for now in range(6000) if pace.wait(now / 10) == 0.0]
    gaps = [later - earlier for earlier, later in pairwise(taken)]
    assert taken[0] == 0.0
    assert gaps[0] < 2.5
    assert max(gaps) <= RECOVERY_MAX_S + 0.2
    assert len(taken) < 30


def test_after_a_calm_time_recovery_is_prompt_again() -> None:
    pace = recovery_pace()
    for now in (0.0, 2.0, 6.0, 14.0):
        assert pace.wait(now) == 0.0
    later = 14.0 + RECOVERY_MAX_S + RECOVERY_CALM_S
    assert pace.wait(later) == 0.0
    assert pace.wait(later + 1.5) == 0.0


def test_a_connection_that_looks_good_is_not_given_up_over_and_over() -> None:
    pace = rejoin_pace()
    taken = [now / 10 for now in range(36_000) if pace.wait(now / 10) == 0.0]
    assert len(taken) < 20  # in an hour
    assert taken[1] - taken[0] >= REJOIN_FIRST_S
