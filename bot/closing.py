"""Closes the parts of the program, one after the other, whatever hangs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

logger = logging.getLogger(__name__)


def closing(stack: AsyncExitStack, what: str, close: Callable[[], Awaitable[None]], within_s: float) -> None:
    """Close a part at the end, and go on with the others if it hangs."""

    async def bounded() -> None:
        try:
            async with asyncio.timeout(within_s):
                await close()
        except TimeoutError:
            logger.warning("%s did not close within %s s and was given up", what, within_s)

    stack.push_async_callback(bounded)


async def close_both(one: Callable[[], Awaitable[None]], other: Callable[[], Awaitable[None]]) -> None:
    """Close two parts at once."""
    await asyncio.gather(one(), other())
