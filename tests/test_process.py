"""Signals end a real process with code 0, whatever it is doing."""

import asyncio
import signal
import subprocess
import sys
import time

import pytest

from bot import process
from bot.process import until

STARTS_S = 30.0  # a cold interpreter on a busy machine

_PROGRAM = """
import asyncio, sys, threading, time
from bot.process import Ending, until
ending = Ending()
print("ready", flush=True)
{body}
"""
_IMPORTING = "time.sleep(60)"
_RUNNING = """
async def main():
    stop = ending.attach()
    try:
        await until(stop, asyncio.sleep(60), name="x")
    finally:
        print("closed", flush=True)
asyncio.run(main())
"""
_HANGING = """
async def main():
    stop = ending.attach()
    threading.Thread(target=time.sleep, args=(60,)).start()  # as one that asks a dead name server
    await until(stop, asyncio.sleep(60), name="x")
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("body", "said"), [(_IMPORTING, ""), (_RUNNING, "closed\n"), (_HANGING, "")])
def test_a_signal_ends_the_process_with_code_0(number: signal.Signals, body: str, said: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(body=body)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    assert program.stdout.readline() == b"ready\n"
    time.sleep(0.3)  # into the sleep
    program.send_signal(number)
    out, err = program.communicate(timeout=STARTS_S)
    assert (program.returncode, out.decode()) == (0, said)
    assert b"Traceback" not in err


def test_the_deadline_leaves_the_5_s_that_are_promised() -> None:
    assert 0 < process.GRACE_S < 5


async def test_until_returns_what_the_work_returns_and_raises_what_it_raises() -> None:
    async def fails() -> int:
        raise LookupError

    async def works() -> int:
        return 7

    assert await until(asyncio.Event(), works(), name="x") == 7
    with pytest.raises(LookupError):
        await until(asyncio.Event(), fails(), name="x")


async def test_until_lets_cancelled_work_clean_up() -> None:
    stop = asyncio.Event()
    cleaned = False

    async def work() -> int:
        nonlocal cleaned
        stop.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            cleaned = True
        return 7

    assert await until(stop, work(), name="x") is None
    assert cleaned


async def test_until_is_itself_cancellable_and_leaves_no_task() -> None:
    waiting = asyncio.create_task(until(asyncio.Event(), asyncio.sleep(3600), name="x"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}
