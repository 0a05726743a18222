"""What is said to the model: one ordered queue, from which nothing is lost when a connection is.

What was sent stays here until the model has answered it. When the connection breaks off, `rewind` puts it
before what waits, so that the next connection hears a turn from its beginning, and the new session answers
what the old one did not. Of what was sent 10 s of audio are kept, and of what is said without a connection;
the oldest goes first. What goes that no session may have heard is counted. Over a connection more may wait:
what several people said while another spoke is sent all at once. Pictures are bounded by themselves, so that
they never take the place of speech. Marks stay consistent: a turn that was begun is begun again, one of which
nothing is left is not sent at all, and no end comes without its begin.

Sans-I/O: the sender's task takes what `next` gives.
"""

from collections import deque
from dataclasses import dataclass, replace

from bot.audio.pcm import LIVE_IN_HZ
from bot.live import answered
from bot.live.entries import NEVER, Entry, drop_all_empty, drop_if_empty, is_of
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Picture, Text, ToolResult

BYTES_PER_S = LIVE_IN_HZ * 2
MAX_AUDIO_BYTES = 10 * BYTES_PER_S
MAX_BACKLOG_BYTES = 3 * MAX_AUDIO_BYTES  # waiting over a connection: three people's, see conversation.floor
MAX_TEXTS = 32  # waiting; in a gap, who spoke long ago is no use
# An answer begins some 2 s after its turn's end, and a stall is noticed after 14 s at most. What has none for
# longer is not asked again: an old question answered out of the blue is worse than one that was not.
UNANSWERED_S = 20.0
BACKLOG_BYTES = BYTES_PER_S // 5  # 200 ms: more than jitter ever lets wait
CATCH_UP = 10.0  # times real time: 10 s are sent within 1 s, and still as a stream of frames
MAX_PICTURE_BYTES = 8 * 1024 * 1024  # a minute of video at a frame a second, and some pictures beside it
PICTURE_PAUSE_S = 0.001  # encoding one takes the event loop a millisecond: others go in between


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An item to send now, and how many seconds to wait after it before the next one."""

    item: Item
    pause_s: float
    again: bool
    """Whether it was sent before, over a connection that broke off."""


class Outbox:
    """Orders, bounds and keeps what is said to the model."""

    def __init__(self) -> None:
        self._sent: deque[Entry] = deque()
        self._waiting: deque[Entry] = deque()
        self._sent_bytes = 0
        self._waiting_bytes = 0
        self._open = False
        self._gap_room: int | None = MAX_AUDIO_BYTES  # sent and waiting; None while there is a connection
        self.lost_bytes = 0
        """Audio that went for want of room, and that no connection bore, or one that was lost then."""
        self.forgotten_bytes = 0
        """Audio that went unsent because its speaker withdrew consent."""
        self.lost_pictures = 0
        """Pictures that went for want of room."""
        self.refused: tuple[bytes, ...] = ()
        """Pictures of which the model refused one, the last time that it did."""

    def counted(self) -> dict[str, int]:
        """Return what went unsent so far, by name."""
        return {
            "live_pictures_lost": self.lost_pictures,
            "live_audio_lost_ms": self.lost_bytes * 1000 // BYTES_PER_S,
            "live_audio_forgotten_ms": self.forgotten_bytes * 1000 // BYTES_PER_S,
        }

    @property
    def activity_open(self) -> bool:
        """Whether a turn was begun and not ended, sent or not."""
        return self._open

    @property
    def waiting(self) -> int:
        """The number of items to send."""
        return len(self._waiting)

    @property
    def settled(self) -> bool:
        """Whether nothing was begun, waits, or was said and not answered."""
        return not (self._open or self._waiting or any(entry.asks or entry.speaks for entry in self._sent))

    @property
    def results(self) -> int:
        """How many results of functions wait, or are kept until the model has answered them."""
        return sum(isinstance(e.item, ToolResult) for queue in (self._sent, self._waiting) for e in queue)

    @property
    def owes_result(self) -> bool:
        """Whether the model was, or is to be, given a function's result that it has not begun to tell."""
        return any(e.asks and e.is_result for queue in (self._sent, self._waiting) for e in queue)

    @property
    def asks_again(self) -> bool:
        """Whether something that was sent before, and is to be answered, waits to be sent again."""
        return any(entry.asks and entry.sent_at != NEVER for entry in self._waiting)

    @property
    def speaks_again(self) -> bool:
        """Whether people's speech that was sent before waits to be sent again."""
        return any(entry.speaks and entry.sent_at != NEVER for entry in self._waiting)

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
            case Picture(jpeg):
                self._make_room_for_picture(len(jpeg))
        self._waiting.append(Entry(item))
        drop_if_empty(self._waiting, len(self._waiting) - 1)
        self._make_room()

    def put_first(self, *items: Text | Picture) -> None:
        """Add what a new connection is to know before all that waits."""
        self._waiting.extendleft(Entry(item) for item in reversed(items))

    def holds(self, jpeg: bytes) -> bool:
        """Whether a picture waits to be sent, or to be sent again."""
        return any(isinstance(e.item, Picture) and e.item.jpeg == jpeg for e in self._waiting)

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
        self._make_room()
        behind = self._waiting_bytes > BACKLOG_BYTES
        pause_s = entry.size / BYTES_PER_S / CATCH_UP if behind else 0.0
        return Outgoing(entry.item, PICTURE_PAUSE_S if entry.picture_size else pause_s, again)

    def answered(self, *, by_marks: bool, running: bool = False) -> None:
        """Let go of what an answer that begins is to; `answered.by_beginning` says what that is."""
        self._release(answered.by_beginning(self._sent, by_marks=by_marks, running=running))

    def answered_whole(
        self, began_at: float, *, by_marks: bool, running: bool = False, undisturbed: bool
    ) -> None:
        """Let go of what the answer was to that began then; `answered.by_being_whole` says what that is."""
        self._release(
            answered.by_being_whole(
                self._sent, began_at, by_marks=by_marks, running=running, undisturbed=undisturbed
            )
        )

    def _release(self, count: int) -> None:
        """Drop the oldest of what was sent; a turn that goes on stays."""
        kept = answered.going_on(self._sent, count)
        self._let_go(count)
        if kept:
            begin = self._sent.popleft()
            self._sent.extendleft(reversed(kept))
            self._sent.appendleft(begin)
            self._sent_bytes += sum(entry.size for entry in kept)

    def forget(self, speaker: int) -> None:
        """Let go of all that a person said, wrote or showed, sent or not: none of it is sent, or again."""
        self.forgotten_bytes += sum(e.size for e in self._waiting if is_of(speaker, e))
        for queue in (self._sent, self._waiting):
            kept = [entry for entry in queue if not is_of(speaker, entry)]
            queue.clear()
            queue.extend(kept)
        self._sent_bytes = sum(entry.size for entry in self._sent)
        self._waiting_bytes = sum(entry.size for entry in self._waiting)
        drop_all_empty(self._waiting)

    def reword(self, text: Text, words: str) -> Text:
        """Have a text say something else, if it is sent at all, or again; return it as it is now."""
        reworded = replace(text, text=words)
        for queue in (self._sent, self._waiting):
            for entry in queue:
                if entry.item is text:
                    entry.item = reworded
        return reworded

    def refuse_pictures(self) -> None:
        """Let go of all pictures: the model ended the connection for what it was sent, and would again."""
        queues = (self._sent, self._waiting)
        self.refused = tuple(e.item.jpeg for queue in queues for e in queue if isinstance(e.item, Picture))
        self._sent, self._waiting = (
            deque(entry for entry in queue if not isinstance(entry.item, Picture)) for queue in queues
        )
        drop_all_empty(self._waiting)

    def cut_off(self, now: float) -> None:
        """Take in that there is no connection from now on: what was sent and not answered ages no more."""
        self._forget(now)
        self._gap_room = MAX_AUDIO_BYTES + self._waiting_bytes

    def rewind(self) -> None:
        """Make ready for a new connection: what was sent and not answered is to be sent again, first."""
        self._gap_room = None
        # A new connection has not asked for what an older one did; it hears the turn again, and asks anew.
        self._sent, self._waiting = (
            deque(entry for entry in queue if not entry.bound) for queue in (self._sent, self._waiting)
        )
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()
        self._waiting_bytes += self._sent_bytes
        self._sent_bytes = 0
        drop_all_empty(self._waiting)

    def _make_room(self) -> None:
        room = MAX_AUDIO_BYTES + MAX_BACKLOG_BYTES if self._gap_room is None else self._gap_room
        while self._sent_bytes > MAX_AUDIO_BYTES or self._sent_bytes + self._waiting_bytes > room:
            queue = self._sent if self._sent_bytes else self._waiting
            index = next(i for i, entry in enumerate(queue) if entry.size)
            entry = queue[index]
            del queue[index]
            drop_if_empty(queue, index)
            heard = queue is self._sent and self._gap_room is None
            self.lost_bytes += 0 if heard else entry.size
            if queue is self._sent:
                self._sent_bytes -= entry.size
            else:
                self._waiting_bytes -= entry.size

    def _make_room_for_text(self) -> None:
        texts = [index for index, entry in enumerate(self._waiting) if isinstance(entry.item, Text)]
        if len(texts) >= MAX_TEXTS:
            del self._waiting[texts[0]]
            drop_if_empty(self._waiting, texts[0])

    def _make_room_for_picture(self, size: int) -> None:
        """Let the oldest pictures go: those that were sent first, since a new connection may do without."""
        for queue in (self._sent, self._waiting):
            while self._picture_bytes() + size > MAX_PICTURE_BYTES:
                oldest = next((index for index, entry in enumerate(queue) if entry.picture_size), None)
                if oldest is None:
                    break
                self.lost_pictures += queue[oldest].sent_at == NEVER
                del queue[oldest]
                drop_if_empty(queue, oldest)

    def _picture_bytes(self) -> int:
        return sum(entry.picture_size for queue in (self._sent, self._waiting) for entry in queue)

    def _forget(self, now: float) -> None:
        """Let go of the turns that ended too long ago, and of what is in none and was sent before that."""
        if not self._sent or now - self._sent[0].sent_at <= UNANSWERED_S:
            return
        old, turns = 0, [number for number, entry in enumerate(self._sent, 1) if entry.asks]
        for number in [*turns, *range(turns[-1] + 1 if turns else 1, len(self._sent) + 1)]:
            if now - self._sent[number - 1].sent_at <= UNANSWERED_S:
                break
            old = number
        self._let_go(old)

    def _let_go(self, count: int) -> None:
        """Drop the oldest of what was sent; the begin of a turn that goes on stays."""
        begin: Entry | None = None
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
