"""What waits while the event loop is late, and for how long."""

import asyncio
import time

import pytest

from bot.conversation.overload import CAPTIONS_S, LATE_S, PICTURES_S, STILL_S, Load, LoopWatch, Overload


def test_a_loop_in_time_sheds_nothing() -> None:
    overload = Overload()
    for tenth in range(100):
        overload.late(LATE_S * 0.99, tenth / 10)
    assert overload.load(10.0) is Load.FINE
    assert overload.counters() == {"loop_late": 0, "captions_shed": 0, "pictures_shed": 0}


def test_captions_wait_at_once_and_come_back_last() -> None:
    overload = Overload()
    overload.late(0.3, 10.0)
    assert overload.load(10.0) is Load.CAPTIONS
    overload.late(0.3, 10.0 + STILL_S - 0.1)
    assert overload.load(11.0) is Load.CAPTIONS, "a moment is no reason to let pictures wait"
    late = 10.0 + STILL_S
    overload.late(0.3, late)
    assert overload.load(late) is Load.PICTURES
    assert overload.load(late + PICTURES_S - 0.01) is Load.PICTURES
    assert overload.load(late + PICTURES_S) is Load.CAPTIONS
    assert overload.captions_at == late + CAPTIONS_S
    assert overload.load(late + CAPTIONS_S) is Load.FINE


def test_a_new_spell_begins_with_captions_and_is_counted() -> None:
    overload = Overload()
    for at in (10.0, 11.5, 30.0):
        overload.late(0.06, at)
    assert overload.load(30.0) is Load.CAPTIONS
    assert overload.counters() == {"loop_late": 3, "captions_shed": 2, "pictures_shed": 1}


def test_lateness_while_pictures_wait_makes_them_wait_on_and_is_one_spell() -> None:
    overload = Overload()
    for tenth in range(100):
        overload.late(0.1, tenth / 10)
    assert overload.load(9.9 + PICTURES_S - 0.01) is Load.PICTURES
    assert overload.counters() == {"loop_late": 100, "captions_shed": 1, "pictures_shed": 1}


@pytest.mark.parametrize("blocked_s", [0.0, 0.3])
async def test_the_loop_is_watched(blocked_s: float) -> None:
    looks: list[float] = []
    watch = LoopWatch(lambda by_s, _now: looks.append(by_s))
    try:
        await asyncio.sleep(0.05)
        time.sleep(blocked_s)  # noqa: ASYNC251 - the fault
        await asyncio.sleep(0.3)
    finally:
        await watch.close()
    assert looks
    assert (max(looks) > 0.15) == (blocked_s > 0.0), looks


async def test_the_loop_is_watched_on_where_a_look_fails(caplog: pytest.LogCaptureFixture) -> None:
    looks: list[float] = []

    def late(by_s: float, _now: float) -> None:
        looks.append(by_s)
        if len(looks) == 1:
            raise KeyError("a bug")

    watch = LoopWatch(late)
    await asyncio.sleep(0.5)
    await watch.close()
    assert len(looks) > 1
    assert "KeyError: 'a bug'" in caplog.text
