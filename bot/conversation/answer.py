"""The model's answer on its way to the channel: where it stands, and what a barge-in does to it.

The model sends an answer faster than it plays. When the floor is taken, what is buffered is dropped at once;
but the rest of that answer is still on its way, until the model says that it was interrupted or has ended.
Until then it is fenced: it is not played.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from bot.audio.pcm import FRAME_MS, LIVE_OUT_HZ
from bot.audio.ratepath import SpeechEncoder
from bot.live.events import AnswerAudio
from bot.voice.playout import Playout

logger = logging.getLogger(__name__)

# 10 frames: half a millisecond of encoding before the event loop may do something else.
SLICE_BYTES = 10 * FRAME_MS * LIVE_OUT_HZ // 1000 * 2
# Chunks that wait for the encoder, which is 50 times as fast as speech: they pile up while the loop is held.
QUEUE = 4096


class _End:
    """Stands after the last chunk of an answer."""


_Chunk: TypeAlias = AnswerAudio | _End


class AnswerState(Enum):
    """Where the answer stands."""

    NONE = "none"  # the model is not answering
    COMING = "coming"  # its audio arrives and is played
    PLAYING = "playing"  # it has arrived whole; the rest of it is played
    FENCED = "fenced"  # it was cut off; what still arrives of it is not played


class AnswerEvent(Enum):
    """What happens to it."""

    AUDIO = "audio"  # a chunk arrived
    WHOLE = "whole"  # all of it has arrived
    ENDED = "ended"  # the model says that its turn is over
    INTERRUPTED = "interrupted"  # the model says that it stopped
    BARGE_IN = "barge-in"  # a person took the floor
    LOST = "lost"  # the connection that it came from is gone


_N, _C, _P, _F = AnswerState.NONE, AnswerState.COMING, AnswerState.PLAYING, AnswerState.FENCED

# An answer in PLAYING ends unseen from here: audio is then the next answer's, a barge-in cuts what plays.
TRANSITIONS: dict[tuple[AnswerState, AnswerEvent], AnswerState] = {
    (_N, AnswerEvent.AUDIO): _C,
    (_N, AnswerEvent.WHOLE): _N,
    (_N, AnswerEvent.ENDED): _N,
    (_N, AnswerEvent.INTERRUPTED): _N,
    (_N, AnswerEvent.BARGE_IN): _N,
    (_N, AnswerEvent.LOST): _N,
    (_C, AnswerEvent.AUDIO): _C,
    (_C, AnswerEvent.WHOLE): _P,
    (_C, AnswerEvent.ENDED): _P,
    (_C, AnswerEvent.INTERRUPTED): _N,
    (_C, AnswerEvent.BARGE_IN): _F,
    (_C, AnswerEvent.LOST): _P,
    (_P, AnswerEvent.AUDIO): _C,
    (_P, AnswerEvent.WHOLE): _P,
    (_P, AnswerEvent.ENDED): _P,
    (_P, AnswerEvent.INTERRUPTED): _N,
    (_P, AnswerEvent.BARGE_IN): _N,
    (_P, AnswerEvent.LOST): _P,
    (_F, AnswerEvent.AUDIO): _F,
    (_F, AnswerEvent.WHOLE): _F,  # what comes after it is the turn's end, not audio
    (_F, AnswerEvent.ENDED): _N,
    (_F, AnswerEvent.INTERRUPTED): _N,
    (_F, AnswerEvent.BARGE_IN): _F,
    (_F, AnswerEvent.LOST): _N,
}


class Answer:
    """Encodes answers as they arrive and fills the playout buffer; the model's events go in."""

    def __init__(
        self, encoder: SpeechEncoder, playout: Playout, *, name: str, on_failure: Callable[[], None]
    ) -> None:
        """Begin to encode; `on_failure` is called if the encoder fails, since the call would be mute then."""
        self.state = AnswerState.NONE
        self._encoder = encoder
        self._playout = playout
        self._on_failure = on_failure
        self._number = 0  # fences the slices of an answer that was dropped between two of them
        self._chunks: asyncio.Queue[_Chunk] = asyncio.Queue(QUEUE)
        self._busy = False  # with a chunk that was taken from the queue
        self._task = asyncio.create_task(self._encode(), name=f"{name}-encoder")
        self._task.add_done_callback(self._ended)

    @property
    def encoding(self) -> bool:
        """Whether some of the answer is not in the playout buffer yet."""
        return self._busy or not self._chunks.empty()

    def close(self) -> None:
        """Stop encoding."""
        self._task.cancel()

    def audio(self, chunk: AnswerAudio) -> bool:
        """Take in a chunk; return whether it is played."""
        if chunk.rate_hz != LIVE_OUT_HZ:
            logger.error("The model speaks at %d Hz, and only %d can be encoded", chunk.rate_hz, LIVE_OUT_HZ)
            self._on_failure()
            return False
        played = self._advance(AnswerEvent.AUDIO) is AnswerState.COMING
        if played:
            self._queue(chunk)
        return played

    def whole(self) -> None:
        """Play the rest to its end: no more of this answer comes."""
        self._finish(AnswerEvent.WHOLE)

    def ended(self) -> None:
        """Take the model's word that the answer is over: none of it comes, or plays as far as it knows."""
        self._finish(AnswerEvent.ENDED)

    def lost(self) -> None:
        """Play what there is: the connection that the rest would have come from is gone."""
        self._finish(AnswerEvent.LOST)

    def interrupted(self, at: float) -> None:
        """Drop the rest: the model has stopped its answer."""
        self._advance(AnswerEvent.INTERRUPTED)
        self._drop(at)

    def barge_in(self, at: float) -> None:
        """Drop the rest, and fence what still comes of it: a person has taken the floor."""
        self._advance(AnswerEvent.BARGE_IN)
        self._drop(at)

    def _finish(self, event: AnswerEvent) -> None:
        was_coming = self.state is AnswerState.COMING
        self._advance(event)
        if was_coming:
            self._queue(_End())

    def _advance(self, event: AnswerEvent) -> AnswerState:
        self.state = TRANSITIONS[self.state, event]
        return self.state

    def _queue(self, item: _Chunk) -> None:
        try:
            self._chunks.put_nowait(item)
        except asyncio.QueueFull:
            logger.warning("The encoder is %d chunks behind; a chunk of the answer is dropped", QUEUE)

    def _drop(self, at: float) -> None:
        """Drop what is left, encoded or not; nothing of it leaves after this."""
        while not self._chunks.empty():
            self._chunks.get_nowait()
        self._number += 1
        self._encoder.reset()
        self._playout.drop(at)

    async def _encode(self) -> None:
        """Encode in slices, so that a burst of the answer never holds up the loop."""
        while True:
            self._busy = False
            item = await self._chunks.get()
            self._busy = True
            if isinstance(item, _End):
                self._playout.push(self._encoder.flush(), time.monotonic())
                self._playout.finish()
                continue
            number = self._number
            for start in range(0, len(item.pcm), SLICE_BYTES):
                if number != self._number:
                    break
                self._playout.push(self._encoder.feed(item.pcm[start : start + SLICE_BYTES]), item.at)
                await asyncio.sleep(0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("The encoder of the answer failed", exc_info=error)
            self._on_failure()
