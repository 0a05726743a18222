"""What reached whom: compares the speech that was sent with the audio that the model was given.

Opus changes the waveform and delays it by a few ms, so equality is by correlation: the delay is found once
for an utterance, then every 20 ms frame must be found at exactly its own place with it. A frame that was
lost, doubled or out of order puts every later one off its place. Silence in place of one leaves all others
where they are, so 5 ms blocks that lost their level are looked for, too. What a decoder invents in place of a
lost frame is made to pass for speech: that is for the decoder's own counters to tell.
"""

from dataclasses import dataclass

import numpy as np

from bot.audio.pcm import FRAME_MS, LIVE_IN_HZ, Pcm16, level_dbfs

FRAME = LIVE_IN_HZ * FRAME_MS // 1000
MAX_DELAY = LIVE_IN_HZ * 15 // 1000  # Opus' look-ahead is 6.5 ms; a resampler adds up to 5
CONTEXT = FRAME  # a frame is compared with its neighbours, so that a quiet one has something to hold on to
SAME = 0.5  # correlation: through Opus at 64 kbit/s speech keeps over 0.9, another place of it has under 0.4
BLOCK = LIVE_IN_HZ * 5 // 1000  # a silenced frame holds two of them whole, wherever its borders lie
VANISHED_DB = 20.0  # through Opus, blocks of speech that are not quiet keep their level within 13 dB
QUIET_DBFS = -36.0  # below it a frame is breath or room noise, which Opus does not keep in shape


@dataclass(frozen=True, slots=True)
class Arrival:
    """How one utterance arrived at the model."""

    frames_sent: int
    frames_arrived: int
    frames_in_place: int
    frames_compared: int
    delay_ms: float
    level_difference_db: float

    @property
    def whole(self) -> bool:
        """Whether every frame arrived, once, in order, at the level at which it was sent."""
        return (
            self.frames_arrived == self.frames_sent
            and self.frames_in_place == self.frames_compared
            and abs(self.level_difference_db) <= 0.5
        )


def arrival(sent: Pcm16, heard: Pcm16) -> Arrival:
    """Compare an utterance with the audio of the turn that it became; both 16 kHz mono."""
    delay = _delay(sent, heard)
    aligned = heard[delay : delay + sent.size]
    overlap = min(sent.size, aligned.size)
    compared = in_place = 0
    for start in range(0, overlap - FRAME + 1, FRAME):
        if level_dbfs(sent[start : start + FRAME]) < QUIET_DBFS:
            continue
        window = slice(max(0, start - CONTEXT), min(overlap, start + FRAME + CONTEXT))
        compared += 1
        alike = _correlation(sent[window], aligned[window]) >= SAME
        in_place += alike and not _vanished(sent[start : start + FRAME], aligned[start : start + FRAME])
    level = level_dbfs(aligned[:overlap]) - level_dbfs(sent[:overlap]) if overlap else float("-inf")
    return Arrival(
        frames_sent=sent.size // FRAME,
        frames_arrived=round(heard.size / FRAME),
        frames_in_place=in_place,
        frames_compared=compared,
        delay_ms=delay * 1000 / LIVE_IN_HZ,
        level_difference_db=level,
    )


def _delay(sent: Pcm16, heard: Pcm16) -> int:
    """Return the delay in samples at which the two agree best."""
    span = min(sent.size, max(0, heard.size - MAX_DELAY))
    if span == 0:
        return 0
    reference = sent[:span].astype(np.float64)
    scores = [float(reference @ heard[delay : delay + span]) for delay in range(MAX_DELAY)]
    return int(np.argmax(scores))


def _vanished(sent: Pcm16, heard: Pcm16) -> bool:
    """Say whether there is next to nothing in place of a block that was not quiet."""
    for start in range(0, FRAME, BLOCK):
        level = level_dbfs(sent[start : start + BLOCK])
        if level >= QUIET_DBFS and level_dbfs(heard[start : start + BLOCK]) < level - VANISHED_DB:
            return True
    return False


def _correlation(a: Pcm16, b: Pcm16) -> float:
    x, y = a.astype(np.float64), b.astype(np.float64)
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm else 0.0
