"""One microphone's gate, for clients that have none: what they send without a voice in it goes nowhere.

Discord's clients gate speech themselves, and while they do, all that they send is passed: a soft word is
theirs to judge. A client that goes on sending for a second with no voice in it, far longer than any client
holds its gate open, is an open microphone. From then on voices are looked for here: the gate closes, with the
same word of silence as a client's, and opens with the 300 ms before the voice was recognized. A word of
silence, or a stop, from the client itself ends that: what comes next has passed the client's gate.

Sans-I/O: what one person's client sends goes in, what is to be taken for speech comes out.
"""

from collections import deque
from dataclasses import replace

from bot.audio.pcm import LIVE_IN_HZ
from bot.audio.vad import VoiceDetector
from bot.voice.events import Heard, Hushed

PROOF_S = 1.0  # without a voice: a sung note or a soft word through a client's own gate must not close this
HOLD_S = 0.2  # after the last voice, of a microphone that is known to be open: as long as clients hold
PREROLL_S = 0.3  # what a voice begins with before it is clear: a soft consonant, and the onset itself
STOPPED_S = 0.5  # without any packet: the client's gate was closed, its word of it was lost


class Mic:
    """The gate of one person's microphone."""

    def __init__(self) -> None:
        self._detector = VoiceDetector()
        self._ungated = False  # the client sends all the time
        self._open = True
        self._at: float | None = None
        self._voiceless = 0  # samples since the last voice
        self._preroll: deque[Heard] = deque()
        self._kept = 0  # samples in it

    def heard(self, frame: Heard) -> list[Heard | Hushed]:
        """Take in a frame; return what there is to be heard by now."""
        if self._at is not None and frame.at - self._at > STOPPED_S:
            self.hushed()
        self._at = frame.at
        voiced = self._detector.voiced(frame.pcm)
        self._voiceless = 0 if voiced else self._voiceless + frame.pcm.size
        if self._open and self._voiceless < (HOLD_S if self._ungated else PROOF_S) * LIVE_IN_HZ:
            return [frame]
        if voiced:
            return self._begin(frame)
        self._keep(frame)
        if self._open:
            self._open, self._ungated = False, True
            return [Hushed(frame.user_id, frame.at)]
        return []

    def hushed(self) -> None:
        """Take in that the client has closed its own gate: what waited was no voice."""
        self._open, self._ungated = True, False
        self._voiceless = 0
        self._forget()

    def _begin(self, frame: Heard) -> list[Heard | Hushed]:
        """Open; what came before is said now, as far as anybody who waits for it can tell."""
        self._open = True
        before = [replace(kept, at=frame.at) for kept in self._preroll]
        self._forget()
        return [*before, frame]

    def _keep(self, frame: Heard) -> None:
        self._preroll.append(frame)
        self._kept += frame.pcm.size
        while self._kept > PREROLL_S * LIVE_IN_HZ:
            self._kept -= self._preroll.popleft().pcm.size

    def _forget(self) -> None:
        self._preroll.clear()
        self._kept = 0
