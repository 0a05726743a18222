"""The model's answer on its way to the channel: where it stands, and what a barge-in does to it.

The model sends an answer faster than it plays. When the floor is taken, what is buffered is dropped at once;
but the rest of that answer is still on its way, until the model says that it was interrupted or has ended.
Until then it is fenced: it is not played. Whoever asks for quiet before the first sound of an answer refuses
it: it is fenced from its beginning. And what comes while the bot is muted is unheard, to its end.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from typing import TypeAlias

from bot.audio.pcm import FRAME_MS, LIVE_OUT_HZ
from bot.audio.ratepath import SpeechEncoder
from bot.conversation.voicing import Voicing
from bot.live.events import AnswerAudio
from bot.tasks import release
from bot.voice.playout import Playout

logger = logging.getLogger(__name__)

# 10 frames: half a millisecond of encoding before the event loop may do something else.
SLICE_BYTES = 10 * FRAME_MS * LIVE_OUT_HZ // 1000 * 2
# What waits for the encoder, which is 50 times as fast as speech: it piles up while the loop is held. Two
# minutes of speech, and so many slices, since chunks may be small: what comes beyond either is dropped.
QUEUE_BYTES = 120 * LIVE_OUT_HZ * 2
QUEUE = 4096
KEPT_PACKETS = 10  # 200 ms are heard as they were when the loudness changes: time to encode what follows


class _End:
    """Stands after the last slice of an answer."""


_Slice: TypeAlias = AnswerAudio | _End


class AnswerState(Enum):
    """Where the answer stands."""

    NONE = "none"  # the model is not answering
    COMING = "coming"  # its audio arrives and is played
    PLAYING = "playing"  # it has arrived whole; the rest of it is played
    FENCED = "fenced"  # it was cut off; what still arrives of it is not played
    REFUSED = "refused"  # none has come, and the one that is waited for is not to be played
    UNHEARD = "unheard"  # it began while the bot was muted, and is not played


class AnswerEvent(Enum):
    """What happens to it."""

    AUDIO = "audio"  # a chunk arrived
    WHOLE = "whole"  # all of it has arrived
    ENDED = "ended"  # the model says that its turn is over
    INTERRUPTED = "interrupted"  # the model says that it stopped
    BARGE_IN = "barge-in"  # a person took the floor
    LOST = "lost"  # the connection that it came from is gone
    MUTED_AUDIO = "audio, muted"  # a chunk arrived, while the bot is muted
    REFUSAL = "refusal"  # quiet is asked for, while an answer is waited for
    ASKED = "asked"  # something else is asked, by voice or in writing


_N, _C, _P, _F = AnswerState.NONE, AnswerState.COMING, AnswerState.PLAYING, AnswerState.FENCED
_R, _U = AnswerState.REFUSED, AnswerState.UNHEARD

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
    (_R, AnswerEvent.AUDIO): _F,
    (_R, AnswerEvent.WHOLE): _R,
    (_R, AnswerEvent.ENDED): _N,
    (_R, AnswerEvent.INTERRUPTED): _N,
    (_R, AnswerEvent.BARGE_IN): _N,
    (_R, AnswerEvent.LOST): _R,  # the next connection is asked the same, and answers
    (_U, AnswerEvent.AUDIO): _U,  # not the second half of a sentence
    (_U, AnswerEvent.WHOLE): _U,
    (_U, AnswerEvent.ENDED): _N,
    (_U, AnswerEvent.INTERRUPTED): _N,
    (_U, AnswerEvent.BARGE_IN): _F,
    (_U, AnswerEvent.LOST): _N,
    (_N, AnswerEvent.MUTED_AUDIO): _U,
    (_C, AnswerEvent.MUTED_AUDIO): _F,
    (_P, AnswerEvent.MUTED_AUDIO): _U,
    (_F, AnswerEvent.MUTED_AUDIO): _F,
    (_R, AnswerEvent.MUTED_AUDIO): _F,
    (_U, AnswerEvent.MUTED_AUDIO): _U,
    (_N, AnswerEvent.REFUSAL): _R,
    (_C, AnswerEvent.REFUSAL): _F,
    (_P, AnswerEvent.REFUSAL): _R,
    (_F, AnswerEvent.REFUSAL): _F,
    (_R, AnswerEvent.REFUSAL): _R,
    (_U, AnswerEvent.REFUSAL): _F,
    # No word of the model ends a refusal where it chose not to answer; what is asked next does.
    (_R, AnswerEvent.ASKED): _N,
    **{(state, AnswerEvent.ASKED): state for state in (_N, _C, _P, _F, _U)},
}


class Answer:
    """Encodes answers as they arrive and fills the playout buffer; the model's events go in."""

    def __init__(
        self, encoder: SpeechEncoder, playout: Playout, *, name: str, on_failure: Callable[[], None]
    ) -> None:
        """Begin to encode; `on_failure` is called if the encoder fails, since the call would be mute then."""
        self.state = AnswerState.NONE
        self.muted = False
        """Whether nothing is to be heard, until that ends."""
        self._voicing = Voicing(encoder)
        self._playout = playout
        self._on_failure = on_failure
        self._again: deque[_Slice] = deque()  # what is encoded again, first: no more than playout holds
        self._slices: deque[_Slice] = deque()
        self._waiting_bytes = 0  # of what comes; what was put back takes no room from it
        self._dropping = False  # some of this answer was dropped, which is logged once
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._encode(), name=f"{name}-encoder")
        self._task.add_done_callback(release)
        self._task.add_done_callback(self._ended)

    @property
    def encoding(self) -> bool:
        """Whether some of the answer is not in the playout buffer yet."""
        return bool(self._again or self._slices)

    @property
    def gain(self) -> float:
        """What amplitudes are multiplied with."""
        return self._voicing.gain

    def set_gain(self, gain: float) -> None:
        """Be louder or softer: what is still to be played is encoded again, without a click."""
        whole = self._voicing.whole
        again = self._voicing.turn(gain, self._playout.take_back(KEPT_PACKETS, self._voicing.encoded))
        if not again:
            return
        slices: list[_Slice] = list(_slices(AnswerAudio(again, LIVE_OUT_HZ, time.monotonic())))
        self._again.extendleft(reversed([*slices, _End()] if whole else slices))
        self._more.set()

    def close(self) -> None:
        """Stop encoding."""
        self._task.cancel()

    def audio(self, chunk: AnswerAudio) -> bool:
        """Take in a chunk; return whether it is played."""
        event = AnswerEvent.MUTED_AUDIO if self.muted else AnswerEvent.AUDIO
        played = self._advance(event) is AnswerState.COMING
        if played:
            for each in _slices(chunk):
                self._queue(each)
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

    def hush(self, at: float, *, awaited: bool) -> None:
        """Drop the rest and what still comes of it; `awaited` says that an answer is due, and refused."""
        self._advance(AnswerEvent.REFUSAL if awaited else AnswerEvent.BARGE_IN)
        self._drop(at)

    def asked(self) -> None:
        """Take in that something is asked, which may be answered."""
        self._advance(AnswerEvent.ASKED)

    def _finish(self, event: AnswerEvent) -> None:
        was_coming = self.state is AnswerState.COMING
        self._advance(event)
        if was_coming:
            self._queue(_End())

    def _advance(self, event: AnswerEvent) -> AnswerState:
        self.state = TRANSITIONS[self.state, event]
        return self.state

    def _queue(self, item: _Slice) -> None:
        size = len(item.pcm) if isinstance(item, AnswerAudio) else 0
        full = len(self._slices) >= QUEUE or self._waiting_bytes + size > QUEUE_BYTES
        if full and isinstance(item, AnswerAudio):
            if not self._dropping:
                logger.warning("The encoder is too far behind; a part of the answer is dropped")
            self._dropping = True
            return
        self._dropping = False
        self._slices.append(item)
        self._waiting_bytes += size
        self._more.set()

    def _drop(self, at: float) -> None:
        """Drop what is left, encoded or not; nothing of it leaves after this."""
        self._again.clear()
        self._slices.clear()
        self._waiting_bytes = 0
        self._voicing.reset()
        self._playout.drop(at)

    async def _encode(self) -> None:
        """Encode in slices, so that a burst of the answer never holds up the loop."""
        while True:
            while self.encoding:
                self._encode_next()
                await asyncio.sleep(0)
            self._more.clear()
            await self._more.wait()

    def _encode_next(self) -> None:
        fresh = not self._again
        item = (self._slices if fresh else self._again).popleft()
        if isinstance(item, _End):
            self._playout.push(self._voicing.flush(), time.monotonic())
            self._playout.finish()
            return
        if fresh:
            self._waiting_bytes -= len(item.pcm)
        self._playout.push(self._voicing.feed(item.pcm), item.at)
        self._voicing.keep(round(self._playout.buffered_ms / FRAME_MS))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("The encoder of the answer failed", exc_info=error)
            self._on_failure()


def _slices(chunk: AnswerAudio) -> Iterator[AnswerAudio]:
    for at in range(0, len(chunk.pcm), SLICE_BYTES):
        yield replace(chunk, pcm=chunk.pcm[at : at + SLICE_BYTES])
