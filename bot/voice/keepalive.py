"""The UDP keepalive: without packets from us a NAT or the voice server forgets us, and the bot goes deaf."""

import asyncio
import logging
import struct
from collections.abc import Callable
from itertools import count

INTERVAL_S = 5.0  # Discord's own clients' figure

_COUNTER = struct.Struct("<Q")

logger = logging.getLogger(__name__)


async def keep_alive(send: Callable[[bytes], None]) -> None:
    """Send an 8-byte counter at once and then every 5 s, for ever; the server sends it back."""
    for number in count():
        try:
            send(_COUNTER.pack(number))
        except OSError as error:
            logger.debug("A UDP keepalive could not be sent: %s", error)
        await asyncio.sleep(INTERVAL_S)
