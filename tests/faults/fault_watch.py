"""What a row leaves behind: errors in the log, exceptions that nobody handled, tasks, threads, sockets."""

import asyncio
import logging
import re
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_PROC = Path("/proc")
# Connections of HTTP that are kept for some seconds, single messages that are waited for, and pools' threads.
_PASSING = ("emulated proxy", "ConnectProxy", "RequestHandler", "fault-wire", "ClientWebSocketResponse")
_POOLED = ("asyncio_", "gemini-")
_EMULATED = ("aiohttp.server",)  # it logs that a client which was reset has gone
# Pools of the bot, by how large they may become.
_POOLS = {"thread Thread-# (_connection_worker_thread)": 5}


class ErrorLog(logging.Handler):
    """Collects what is logged as an error, and what the loop could not hand to anybody."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name in _EMULATED:
            return
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({_last_line(record.exc_info[1])})"
        self.found.append(text)

    def unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what the loop's exception handler is given."""
        error = context.get("exception")
        self.found.append(f"loop: {context.get('message')}" + (f" ({_last_line(error)})" if error else ""))

    def watch(self) -> None:
        """Begin; on the running loop."""
        logging.getLogger().addHandler(self)
        asyncio.get_running_loop().set_exception_handler(self.unhandled)

    def stop(self) -> None:
        """End."""
        logging.getLogger().removeHandler(self)
        asyncio.get_running_loop().set_exception_handler(None)


def _last_line(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {Path(place[0].filename).name}:{place[0].lineno}" if place else ""
    return f"{type(error).__name__}: {error}{where}"


@dataclass(frozen=True)
class Standing:
    """What there was at a moment, by kind: names with their numbers taken out."""

    counts: Counter[str]
    connections: Callable[[], int]
    """How many connections the Live server has."""

    @classmethod
    def now(cls, connections: Callable[[], int]) -> Self:
        """Return what there is now."""
        return cls(_counted(connections), connections)

    def surplus(self) -> list[str]:
        """Return what is there now and was not then."""
        found = _counted(self.connections)
        more = found - self.counts
        return [f"{more[what]} {what}" for what in sorted(more) if found[what] > _POOLS.get(what, 0)]


def _counted(connections: Callable[[], int]) -> Counter[str]:
    me = asyncio.current_task()
    tasks = [_named(task) for task in asyncio.all_tasks() if task is not me and not task.done()]
    threads = [_bare(each.name) for each in threading.enumerate()]
    found = [f"task {name}" for name in tasks if not name.startswith(_PASSING)]
    found += [f"thread {name}" for name in threads if not name.startswith(_POOLED)]
    return Counter([*found, *["UDP socket"] * _udp_sockets(), *["Live connection"] * connections()])


def _named(task: asyncio.Task[Any]) -> str:
    """Return a task's name, or what it runs where nobody gave it one."""
    unnamed = re.fullmatch(r"Task-\d+", task.get_name())
    return f"{getattr(task.get_coro(), '__qualname__', task)}" if unnamed else _bare(task.get_name())


def _bare(name: str) -> str:
    return re.sub(r"0x[0-9a-f]+|\d+", "#", name)


def _udp_sockets() -> int:
    """Return how many this process has: those of voice, the bot's and the emulators'."""
    table = _PROC / "self" / "net" / "udp"
    if not table.exists():
        return 0
    mine = {link.removeprefix("socket:[").removesuffix("]") for link in _links()}
    return sum(line.split()[9] in mine for line in table.read_text().splitlines()[1:])


def _links() -> list[str]:
    links = []
    for entry in (_PROC / "self" / "fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:  # it was closed meanwhile
            continue
    return [link for link in links if link.startswith("socket:")]
