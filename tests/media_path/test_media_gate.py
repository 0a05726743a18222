"""The queue of requests: bounded, never idle while somebody waits, fair, and lossless."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import eventually

from bot.media.errors import MediaError
from bot.media.gate import Gate, RoundRobin

SLOTS, WAITING = 3, 8


class Model:
    """What must hold, kept apart from the code."""

    def __init__(self) -> None:
        self.running: dict[Hashable, int] = {}
        self.waiting: defaultdict[int, deque[Hashable]] = defaultdict(deque)

    def granted(self, ticket: Hashable) -> None:
        key = next(key for key, queue in self.waiting.items() if ticket in queue)
        load = Counter(self.running.values())
        assert load[key] == min(load[other] for other, queue in self.waiting.items() if queue)
        assert self.waiting[key].popleft() == ticket  # first come, first served within a key
        self.running[ticket] = key


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.randoms(use_true_random=False)), max_size=60))
def test_slots_are_bounded_busy_and_fair(steps: list[tuple[int, bool, object]]) -> None:
    order, model = RoundRobin(SLOTS, WAITING), Model()
    for number, (key, leaves, random) in enumerate(steps):
        everybody = [*model.running, *(ticket for queue in model.waiting.values() for ticket in queue)]
        if leaves and everybody:
            ticket = random.choice(everybody)  # type: ignore[attr-defined]
            was_running = model.running.pop(ticket, None) is not None
            for queue in model.waiting.values():
                if ticket in queue:
                    queue.remove(ticket)
            following = order.leave(ticket)
            if following is not None:
                assert was_running
                model.granted(following)
        else:
            full = sum(map(len, model.waiting.values())) >= WAITING
            try:
                at_once = order.ask(key, number)
            except MediaError:
                assert full
                continue
            if at_once:
                model.running[number] = key
            else:
                model.waiting[key].append(number)
        waiting = sum(map(len, model.waiting.values()))
        assert (order.running, order.waiting) == (len(model.running), waiting)
        assert order.running <= SLOTS
        assert order.running == SLOTS or not waiting


def test_a_guild_that_asks_a_lot_waits_for_itself() -> None:
    order = RoundRobin(1, 100)
    order.ask("greedy", 0)
    for number in range(1, 20):
        order.ask("greedy", number)
    order.ask("modest", "m")
    assert [order.leave(0), order.leave(1), order.leave("m")] == [1, "m", 2]


async def test_a_cancelled_turn_goes_to_the_next() -> None:
    gate = Gate(slots=1)
    done: list[str] = []
    release = asyncio.Event()

    async def take(name: str) -> None:
        async with gate.turn(name):
            done.append(name)
            await release.wait()

    tasks = {name: asyncio.create_task(take(name)) for name in "abc"}
    await eventually(lambda: done == ["a"])
    tasks["b"].cancel()
    tasks["a"].cancel()  # grants b, whose cancellation is on its way
    await eventually(lambda: done == ["a", "c"])
    release.set()
    await tasks["c"]
    async with gate.turn("d"):
        pass


async def test_a_turn_that_came_with_the_cancellation_is_not_lost() -> None:
    gate = Gate(slots=1)
    async with gate.turn("a"):
        waiting = asyncio.create_task(gate.turn("b").__aenter__())
        await asyncio.sleep(0)
    waiting.cancel()  # it has its slot, but has not run since
    await asyncio.wait({waiting})
    async with asyncio.timeout(5), gate.turn("c"):
        pass


async def test_too_many_waiting_are_refused() -> None:
    gate = Gate(slots=1, waiting=1)
    async with gate.turn("a"):
        waiting = asyncio.create_task(gate.turn("b").__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(MediaError, match="Too many requests"):
            await gate.turn("c").__aenter__()
        waiting.cancel()
        await asyncio.wait({waiting})
