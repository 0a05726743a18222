"""How late voice frames are beside other work: on the send clock's thread, on the event loop, and elsewhere.

The third is a process of its own that does nothing else: what makes it late is the machine, not the bot.
`python media_voice.py` is that process.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

FRAME_S = 0.02


class Voice:
    """A call that speaks without end."""

    def __init__(self) -> None:
        from bot.voice.clock import SendClock

        self._clock = SendClock()
        self._loop_ms: list[float] = []

    def wake_at(self, now: float) -> float:
        return now

    def tick(self, now: float) -> None:
        pass

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[None]:
        self._clock.start()
        self._clock.register(self)
        task = asyncio.create_task(self._on_loop())
        try:
            yield
        finally:
            task.cancel()
            self._clock.close()

    async def _on_loop(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + FRAME_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            self._loop_ms.append((time.monotonic() - due) * 1e3)

    def taken(self) -> dict[str, list[float]]:
        """Return how late each frame was since the last call, in ms."""
        from bot.latency import Latency

        found = {"clock": list(self._clock.lateness.samples_ms), "loop": self._loop_ms}
        self._clock.lateness, self._loop_ms = Latency(), []
        return found


class Elsewhere:
    """The process that only ticks."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def taken(self) -> dict[str, list[float]]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return {"elsewhere": json.loads(self._process.stdout.readline())}


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    with subprocess.Popen([sys.executable, __file__], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin is not None
        try:
            yield Elsewhere(process)
        finally:
            process.stdin.close()


def tick() -> None:
    """Tick until stdin ends; print how late that was whenever a line comes."""
    late_ms: list[float] = []

    def ticking() -> None:
        due = time.monotonic()
        while True:
            due = max(due + FRAME_S, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            late_ms.append((time.monotonic() - due) * 1e3)

    threading.Thread(target=ticking, daemon=True).start()
    for _ in sys.stdin:
        print(json.dumps(late_ms), flush=True)
        late_ms.clear()


async def lateness(work: Callable[[], Awaitable[None]], rounds: int) -> dict[str, Any]:
    """Measure by turns while nothing is done and beside `work`, as long each time.

    `delayed_ms` is by how much the worst frame of a round was later than the worst elsewhere, in the round
    that went best.
    """
    found: dict[str, list[dict[str, list[float]]]] = {"alone": [], "beside": []}
    voice, took = Voice(), 1.0
    with elsewhere() as control:
        async with voice.speaking():
            for _ in range(rounds):
                for kind in ("alone", "beside"):
                    voice.taken(), control.taken()
                    began = time.perf_counter()
                    if kind == "alone":
                        await asyncio.sleep(took)
                    else:
                        await work()
                        took = time.perf_counter() - began
                    found[kind].append({**voice.taken(), **control.taken()})
    found_ms: dict[str, Any] = {
        where: {kind: spread([each[where] for each in found[kind]]) for kind in found}
        for where in ("clock", "loop", "elsewhere")
    }
    # A neighbour's load spoils some rounds. What the work itself does to a frame, it does in each.
    delayed = {
        where: min(max(each[where]) - max(each["elsewhere"]) for each in found["beside"])
        for where in ("clock", "loop")
    }
    return {**found_ms, "delayed_ms": {where: round(late, 2) for where, late in delayed.items()}}


def spread(rounds: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return percentiles over all rounds, in ms."""
    ordered = sorted(late for each in rounds for late in each)
    found = {"p50": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)], "max": ordered[-1]}
    return {**{name: round(value, 2) for name, value in found.items()}, "frames": len(ordered)}


if __name__ == "__main__":
    tick()
