"""The UDP keepalive, and what becomes of it: whether datagrams still get through to us.

Without packets from us a NAT or the voice server forgets us, and the bot goes deaf. The server sends the 8
bytes back, as a rule: it is documented nowhere, and since 2023 some servers don't (discord.js, issue 9185,
and pull request 9202, which took out a check that relied on it). So silence on the line means nothing until
this server has answered once on this socket. What isn't echoed is asked for by IP discovery, which is
documented, and which puts right an address that a NAT changed.
"""

import asyncio
import logging
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0  # Discord's own clients' figure
LOOK_S = 1.0  # an answer takes 0.3 s round the world; then a lost one is asked for again
# Five questions of either kind, all lost: no network is that bad and still carries speech.
DEAD_S = 5.0
# A person's first SPEAKING comes with their first packets; if it comes alone, those are lost on the way.
SPEAKING_S = 3.0

_COUNTER = struct.Struct("<Q")
_DISCOVERY_REPLY = b"\x00\x02\x00\x46"


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be sent now."""

    counter: bool
    discovery: bool


class PathWatch:
    """Decides what to ask and when the path is dead; sans-I/O, one for each socket.

    `inbound` may be called on another thread.
    """

    def __init__(self, now: float) -> None:
        self._inbound_at = now
        self._counter_at = float("-inf")
        self._asked_at: float | None = None  # the first question that nothing came after
        self._answers = False  # it is known that this server answers
        self._discovered = False  # we sent a discovery, and so a reply to one is an answer
        self._spoke_at: float | None = None

    def inbound(self, datagram: bytes, at: float) -> None:
        """Note a datagram, of whatever kind."""
        self._inbound_at = at
        discovery = self._discovered and datagram.startswith(_DISCOVERY_REPLY)
        self._answers = self._answers or discovery or len(datagram) == _COUNTER.size

    def speaking(self, at: float) -> None:
        """Note that the voice gateway says that somebody speaks."""
        if self._spoke_at is None:
            self._spoke_at = at

    def question(self, now: float) -> Question:
        """Return what to send; ask once in LOOK_S."""
        if self._asked_at is not None and self._inbound_at >= self._asked_at:
            self._asked_at = None
        doubtful = self._asked_at is not None
        due = now - self._counter_at >= INTERVAL_S - LOOK_S / 2
        # A server that never answered is asked no more often: most likely it never will.
        counter = due or (doubtful and self._answers)
        if counter:
            self._counter_at = now
            self._asked_at = now if self._asked_at is None else self._asked_at
        self._discovered = self._discovered or (counter and doubtful)
        return Question(counter, discovery=counter and doubtful)

    def dead(self, now: float) -> bool:
        """Whether nothing comes in any more, as far as that can be known."""
        spoke = self._spoke_at
        if spoke is not None and now - spoke >= SPEAKING_S:
            self._spoke_at = None
            if self._inbound_at < spoke - SPEAKING_S:
                return True
        asked = self._asked_at
        return self._answers and asked is not None and self._inbound_at < asked and now - asked >= DEAD_S


async def keep_alive(
    watch: PathWatch, send: Callable[[bytes], None], discovery: bytes, dead: Callable[[], None]
) -> None:
    """Keep a socket's path open, for ever; call `dead` once a second while it is dead."""
    count = 0
    while True:
        now = time.monotonic()
        question = watch.question(now)
        try:
            if question.counter:
                send(_COUNTER.pack(count))
                count += 1
            if question.discovery:
                send(discovery)
        except OSError as error:
            logger.debug("A UDP keepalive could not be sent: %s", error)
        if watch.dead(now):
            dead()
        await asyncio.sleep(LOOK_S)
