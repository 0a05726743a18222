"""What goes on after a function was answered: tasks with an owner, and an end."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from bot.errors import EarshotError

logger = logging.getLogger(__name__)

MOST = 64  # over all calls: each is a request or two to Discord


class Background:
    """Tasks that nobody waits for; `close` ends them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin a task; with too many running already it is not begun."""
        if len(self._tasks) >= MOST:
            work.close()
            logger.warning("Too much is going on, so this is left out: %s", name)
            return
        task = asyncio.create_task(_guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop all of them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _guarded(work: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await work
    except EarshotError as error:
        logger.info("%s: %s", name, error)
    except Exception:  # the edge of the task: nobody waits for it who could hear of it
        logger.exception("%s failed", name)
