"""How tasks outlive what goes wrong in them, and how they are brought to their end, so that nothing stays."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from bot.errors import EarshotError

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def going_on(trouble: str) -> Iterator[None]:
    """Log what is raised within, and let the task go on: at the edge of one round of work that is repeated.

    `trouble` is what the log says of it; a bug's traceback is kept. The wait between two rounds belongs
    outside: a round that fails at once would else be tried again without end.
    """
    try:
        yield
    except EarshotError as error:
        logger.warning("%s: %s", trouble, error)
    except Exception:  # the edge of a round: a bug in one must not end those to come
        logger.exception("%s", trouble)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; what it raised stays in it."""
    # Libraries may swallow a cancellation (wait_for does in Python 3.11): so once may not do.
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=1.0)
    release(task)


def release(task: asyncio.Task[Any]) -> None:
    """Let go of what cancelled a task that has ended; also to be called by the task itself, when it is done.

    The cancellation's traceback has all that the task used, its owner too: together they would wait for
    Python's garbage collector, sockets, buffers and codecs with them. Looked at, it is let go of; and asyncio
    doesn't complain of what the task may have raised.
    """
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
