"""What reached the model of a sentence, and when the person heard an answer: from what the emulators saw."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from loopback import is_notice
from scipy import signal

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.demo.measure import arrival
from bot.emulators.client.speech import Utterance
from bot.emulators.gemini.connection import Connection
from bot.emulators.gemini.log import Turn
from bot.emulators.gemini.server import GeminiEmulator

WHOLE = 0.98  # of the frames that are compared: of 70 one may be spoilt by a machine that is busy
CODEC = LIVE_IN_HZ // 125  # samples: the codec delays by less than 8 ms, which `arrival` finds
SOUGHT = LIVE_IN_HZ // 2  # samples of the sentence that are looked for: half a second is like no other


@dataclass(frozen=True)
class Sentence:
    """What a person said."""

    words: int
    utterance: Utterance
    voice_ended_at: float
    """When the last voiced frame went out; the client's gate stays open for another 200 ms."""

    def share_in(self, heard: Pcm16) -> float:
        """Return how much of it stands in what was heard, whole and in order: 0 to 1."""
        said = self.utterance.pcm16k
        if heard.size < SOUGHT:
            return 0.0
        sought = said[: min(said.size, SOUGHT)].astype(np.float64)
        found = int(np.argmax(signal.correlate(heard.astype(np.float64), sought, "valid", "fft")))
        result = arrival(said, heard[max(0, found - CODEC) :])
        compared = max(1, result.frames_compared)
        lost = max(0, result.frames_sent - result.frames_arrived)
        return max(0.0, (result.frames_in_place - lost) / compared)


@dataclass(frozen=True)
class Reached:
    """Where a sentence reached the model, and how much of it."""

    session: Connection
    turn: Turn
    share: float

    @property
    def whole(self) -> bool:
        """Whether all of it did."""
        return self.share >= WHOLE


def reached(gemini: GeminiEmulator, sentence: Sentence) -> list[Reached]:
    """Return the turns that hold something of a sentence, in order."""
    began = sentence.utterance.started_at
    return [
        Reached(session, turn, share)
        for session, turn in spoken_turns(gemini)
        if turn.at > began and (share := sentence.share_in(heard_in(session, turn))) > 0.1
    ]


def spoken_turns(gemini: GeminiEmulator) -> Iterator[tuple[Connection, Turn]]:
    """Yield the turns in which there was sound."""
    for session in gemini.sessions:
        for turn in session.log.turns:
            if turn.end_sample > turn.start_sample and not is_notice(turn):
                yield session, turn


def heard_in(session: Connection, turn: Turn) -> Pcm16:
    """Return the sound of a turn, 16 kHz mono."""
    return np.frombuffer(session.log.pcm(), np.int16)[turn.start_sample : turn.end_sample]
