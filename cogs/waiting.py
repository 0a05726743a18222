"""Waits that end when something happens, or after a while."""

import asyncio


async def happens(event: asyncio.Event, within_s: float) -> bool:
    """Wait for an event; return whether it came in time."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
