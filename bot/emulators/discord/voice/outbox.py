"""What the server sends on one voice session: numbered, kept for RESUME, queued for the websocket of now."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.messages import Op

Frame: TypeAlias = str | bytes
"""A text or binary websocket message."""

BACKLOG = 256  # messages that a RESUME can ask for again
QUEUE = 1024  # messages that a websocket may lag behind; beyond that it is cut
_UNNUMBERED = {Op.HELLO, Op.HEARTBEAT_ACK, Op.RESUMED}  # they belong to a websocket, not to the session


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The last thing in a websocket's queue: close it so. A code of 1006 cuts it without a closing frame."""

    code: int


Queue: TypeAlias = asyncio.Queue[Frame | Goodbye]


@dataclass
class Outbox:
    """Numbers messages with `seq`, a uint16 that JSON and binary messages share."""

    _queue: Queue | None = None
    _next_seq: int = 0
    _backlog: deque[tuple[int, Frame]] = field(default_factory=lambda: deque(maxlen=BACKLOG))

    def uses(self, queue: Queue) -> bool:
        """Whether this is the websocket of now."""
        return self._queue is queue

    @property
    def attached(self) -> bool:
        """Whether there is a websocket to send on."""
        return self._queue is not None

    def attach(self, queue: Queue) -> None:
        """Send on this websocket from now on; one that was there before is closed."""
        self.close(1000)
        self._queue = queue

    def detach(self, queue: Queue) -> None:
        """Send no more on this websocket."""
        if self.uses(queue):
            self._queue = None

    def close(self, code: int) -> None:
        """Close the websocket, after what is queued."""
        if self._queue is not None:
            self._put(self._queue, Goodbye(code))
            self._queue = None

    def send(self, op: int, data: dict[str, Any] | bytes) -> None:
        """Send a message: JSON for a dict, binary for bytes (what follows the opcode)."""
        if op in _UNNUMBERED:
            self._enqueue(json.dumps({"op": op, "d": data}))
            return
        seq = self._next_seq
        self._next_seq = (seq + 1) % 2**16
        frame: Frame
        if isinstance(data, bytes):
            frame = seq.to_bytes(2, "big") + bytes((op,)) + data
        else:
            frame = json.dumps({"op": int(op), "d": data, "seq": seq})
        self._backlog.append((seq, frame))
        self._enqueue(frame)

    def send_raw(self, text: str) -> None:
        """Send any text at all, unnumbered."""
        self._enqueue(text)

    def check_resumable(self, seq_ack: int) -> None:
        """Raise `RefusedError` unless everything after that number can be sent again."""
        self._after(seq_ack)

    def replay(self, seq_ack: int) -> None:
        """Send again what came after that number."""
        for frame in self._after(seq_ack):
            self._enqueue(frame)

    def _after(self, seq_ack: int) -> list[Frame]:
        entries = list(self._backlog)
        for index in range(len(entries) - 1, -1, -1):
            if entries[index][0] == seq_ack:
                return [frame for _, frame in entries[index + 1 :]]
        if seq_ack == -1 and len(entries) < BACKLOG:
            return [frame for _, frame in entries]
        raise RefusedError(f"a resume from {seq_ack}, which is not kept")

    def _enqueue(self, frame: Frame) -> None:
        if self._queue is not None:
            self._put(self._queue, frame)

    def _put(self, queue: Queue, item: Frame | Goodbye) -> None:
        try:
            queue.put_nowait(item)
        except asyncio.QueueFull:  # a client that does not read: cut it; it may resume
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(Goodbye(1006))
            self._queue = None
