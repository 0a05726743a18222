"""What is said to the model: one ordered queue, from which nothing is lost when a connection is.

What was sent stays here until the model has answered it. When the connection breaks off, `rewind` puts it
before what waits, so that the next connection hears a turn from its beginning, and the new session answers
what the old one did not. Audio is bounded to 10 s, sent and waiting together: the oldest goes first, and what
goes unsent is counted. Marks stay consistent: a turn that was begun is begun again, one of which nothing is
left is not sent at all, and no end comes without its begin.

Sans-I/O: the sender's task takes what `next` gives.
"""

import itertools
import math
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from bot.audio.pcm import LIVE_IN_HZ

BYTES_PER_S = LIVE_IN_HZ * 2
MAX_AUDIO_BYTES = 10 * BYTES_PER_S
MAX_TEXTS = 32  # waiting; in a gap, who spoke long ago is no use
# An answer begins some 2 s after its turn's end; what has none after this is not asked again: an old question
# answered out of the blue is worse than one that was not.
UNANSWERED_S = 15.0
BACKLOG_BYTES = BYTES_PER_S // 5  # 200 ms: more than jitter ever lets wait
CATCH_UP = 10.0  # times real time: 10 s are sent within 1 s, and still as a stream of frames
NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class Audio:
    """PCM16 little-endian, 16 kHz mono; `at` is when it was received."""

    pcm: bytes
    at: float
    speaker: int | frozenset[int] | None = None
    """Whose speech it is, or whose it is the sum of; None for silence."""
    direct: bool = True
    """Whether it is sent as it arrives, and so measured: silence, and what waited for its turn, is not."""


@dataclass(frozen=True, slots=True)
class ActivityStart:
    """A person's turn begins."""


@dataclass(frozen=True, slots=True)
class ActivityEnd:
    """The turn is over: the model may answer."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words for the model; `answer` says whether it is to answer them."""

    text: str
    answer: bool


Item: TypeAlias = Audio | ActivityStart | ActivityEnd | Text


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An item to send now, and how many seconds to wait after it while the queue is being caught up."""

    item: Item
    pause_s: float
    again: bool
    """Whether it was sent before, over a connection that broke off."""


@dataclass(slots=True)
class _Entry:
    item: Item
    sent_at: float = NEVER

    @property
    def size(self) -> int:
        return len(self.item.pcm) if isinstance(self.item, Audio) else 0

    @property
    def asks(self) -> bool:
        """Whether the model is to answer after it."""
        return isinstance(self.item, ActivityEnd) or (isinstance(self.item, Text) and self.item.answer)


class Outbox:
    """Orders, bounds and keeps what is said to the model."""

    def __init__(self) -> None:
        self._sent: deque[_Entry] = deque()
        self._waiting: deque[_Entry] = deque()
        self._sent_bytes = 0
        self._waiting_bytes = 0
        self._open = False
        self.lost_bytes = 0
        self.forgotten_bytes = 0
        """Audio that went for want of room before any connection bore it."""

    @property
    def activity_open(self) -> bool:
        """Whether a turn was begun and not ended, sent or not."""
        return self._open

    @property
    def waiting(self) -> int:
        """The number of items to send."""
        return len(self._waiting)

    def unanswered(self, now: float) -> bool:
        """Whether the model was asked something, not long ago, that it has not begun to answer."""
        self._forget(now)
        return any(entry.asks for entry in self._sent)

    def put(self, item: Item) -> None:
        """Add an item; a mark that changes nothing is left out."""
        match item:
            case ActivityStart() if self._open:
                return
            case ActivityEnd() if not self._open:
                return
            case ActivityStart():
                self._open = True
            case ActivityEnd():
                self._open = False
            case Audio(pcm):
                self._waiting_bytes += len(pcm)
            case Text():
                self._make_room_for_text()
        self._waiting.append(_Entry(item))
        _drop_if_empty(self._waiting, len(self._waiting) - 1)
        self._make_room()

    def next(self, now: float) -> Outgoing | None:
        """Take the next item to send, None while there is none."""
        self._forget(now)
        if not self._waiting:
            return None
        entry = self._waiting.popleft()
        again, entry.sent_at = entry.sent_at != NEVER, now
        self._sent.append(entry)
        self._waiting_bytes -= entry.size
        self._sent_bytes += entry.size
        behind = self._waiting_bytes > BACKLOG_BYTES
        return Outgoing(entry.item, entry.size / BYTES_PER_S / CATCH_UP if behind else 0.0, again)

    def answered(self, *, by_marks: bool) -> None:
        """Let go of what the model has answered: with marks, all up to the last end; without, all sent."""
        last = len(self._sent)
        while by_marks and last and not self._sent[last - 1].asks:
            last -= 1
        self._let_go(last)

    def forget(self, speaker: int) -> None:
        """Let go of all speech of a person, sent or not: none of it is sent any more, or again."""
        self.forgotten_bytes += sum(e.size for e in self._waiting if _is_speech_of(speaker, e))
        for queue in (self._sent, self._waiting):
            kept = [entry for entry in queue if not _is_speech_of(speaker, entry)]
            queue.clear()
            queue.extend(kept)
        self._sent_bytes = sum(entry.size for entry in self._sent)
        self._waiting_bytes = sum(entry.size for entry in self._waiting)
        _drop_all_empty(self._waiting)

    def rewind(self, now: float) -> None:
        """Make ready for a new connection: what was sent and not answered is to be sent again, first."""
        self._forget(now)
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()
        self._waiting_bytes += self._sent_bytes
        self._sent_bytes = 0
        _drop_all_empty(self._waiting)

    def _make_room(self) -> None:
        while self._sent_bytes + self._waiting_bytes > MAX_AUDIO_BYTES:
            queue = self._sent if self._sent_bytes else self._waiting
            index = next(i for i, entry in enumerate(queue) if entry.size)
            entry = queue[index]
            del queue[index]
            _drop_if_empty(queue, index)
            if queue is self._sent:
                self._sent_bytes -= entry.size
                continue
            self._waiting_bytes -= entry.size
            if entry.sent_at == NEVER:
                self.lost_bytes += entry.size

    def _make_room_for_text(self) -> None:
        texts = [index for index, entry in enumerate(self._waiting) if isinstance(entry.item, Text)]
        if len(texts) >= MAX_TEXTS:
            del self._waiting[texts[0]]
            _drop_if_empty(self._waiting, texts[0])

    def _forget(self, now: float) -> None:
        """Let go of what was sent too long ago."""
        old = itertools.takewhile(lambda entry: now - entry.sent_at > UNANSWERED_S, self._sent)
        self._let_go(sum(1 for _ in old))

    def _let_go(self, count: int) -> None:
        """Drop the oldest of what was sent; the begin of a turn that goes on stays."""
        begin: _Entry | None = None
        for _ in range(count):
            entry = self._sent.popleft()
            self._sent_bytes -= entry.size
            match entry.item:
                case ActivityStart():
                    begin = entry
                case ActivityEnd():
                    begin = None
        if begin is not None:
            self._sent.appendleft(begin)


def _is_speech_of(speaker: int, entry: _Entry) -> bool:
    if not isinstance(entry.item, Audio):
        return False
    whose = entry.item.speaker
    return speaker in whose if isinstance(whose, frozenset) else speaker == whose


def _drop_all_empty(queue: deque[_Entry]) -> None:
    """Take out every turn with nothing in it."""
    for index in reversed(range(1, len(queue))):
        _drop_if_empty(queue, index)


def _drop_if_empty(queue: deque[_Entry], end: int) -> None:
    """Take out the end of a turn at this index and its begin, where nothing is between them."""
    if not 0 < end < len(queue):
        return
    begin, finish = queue[end - 1].item, queue[end].item
    if isinstance(begin, ActivityStart) and isinstance(finish, ActivityEnd):
        del queue[end]
        del queue[end - 1]
