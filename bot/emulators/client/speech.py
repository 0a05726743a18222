"""Speaking in real time: frames of 20 ms at their due times, as a client's microphone thread sends them."""

import asyncio
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import discord.opus
import numpy as np

from bot.audio.pcm import FRAME_MS, LIVE_IN_HZ, Pcm16
from bot.emulators.client.dave import SILENCE
from bot.emulators.client.gate import FRAME, Script
from bot.emulators.client.hearing import load_codec

FRAME_S = FRAME_MS / 1000
_NARROW = LIVE_IN_HZ * FRAME_MS // 1000

Send = Callable[[bytes, int, int], bool]
"""Opus packet, RTP sequence number, RTP timestamp -> whether it was sent."""


@dataclass(frozen=True, slots=True)
class SentFrame:
    """One frame of speech that went out."""

    index: int
    """Its place in the speech, in frames of 20 ms."""
    seq: int
    """RTP sequence number, not wrapped around."""
    timestamp: int
    """RTP timestamp at 48 kHz, not wrapped around."""
    at: float
    """`time.monotonic()` seconds."""
    voiced: bool
    """Louder than the gate; the others went out within the gate's hold, or because there was no gate."""


@dataclass(frozen=True)
class Utterance:
    """What a person said, and when."""

    user_id: int
    started_at: float
    """When the first frame was due."""
    ended_at: float
    """When the last frame, a silence frame as a rule, had gone out."""
    frames: list[SentFrame]
    silence_frames: int
    withheld: int
    """Frames that could not be encrypted yet, and so were not sent."""
    pcm16k: Pcm16
    """The samples of `frames`, 20 ms each, at 16 kHz mono: what a perfect listener hears."""


@dataclass
class Voice:
    """The sending side of one connection: RTP numbering, which goes on from utterance to utterance."""

    user_id: int
    send: Send
    epoch: float = field(default_factory=time.monotonic)
    _sequence: int = 0
    _timestamp: int = 0

    def __post_init__(self) -> None:
        """Start anywhere, as RFC 3550 asks, but the same for the same account.

        In the lower half, so that what was sent compares with what a late listener heard for 10 minutes.
        """
        mixed = zlib.crc32(str(self.user_id).encode())
        self._sequence, self._timestamp = mixed % 2**15, mixed % 2**31

    async def say(self, script: Script) -> Utterance:
        """Send a script at its pace; the clock of the RTP timestamps runs on while nothing is sent."""
        packets = await asyncio.to_thread(_encoded, script)
        started = time.monotonic()
        frames: list[SentFrame] = []
        silences = withheld = 0
        base = self._timestamp + round((started - self.epoch) / FRAME_S) * FRAME
        for step in script.steps:
            await asyncio.sleep(started + step.slot * FRAME_S - time.monotonic())
            packet = SILENCE if step.index is None else packets[step.index]
            timestamp = base + step.slot * FRAME
            if not self.send(packet, self._sequence, timestamp):
                withheld += 1
                continue
            if step.index is None:
                silences += 1
            else:
                now = time.monotonic()
                frames.append(SentFrame(step.index, self._sequence, timestamp, now, step.voiced))
            self._sequence += 1
        pcm = _picked(script.pcm16k, frames)
        return Utterance(self.user_id, started, time.monotonic(), frames, silences, withheld, pcm)


def _encoded(script: Script) -> list[bytes]:
    load_codec()
    encoder = discord.opus.Encoder()
    return [encoder.encode(frame, FRAME) for frame in script.frames]


def _picked(pcm16k: Pcm16, frames: list[SentFrame]) -> Pcm16:
    cut = pcm16k.reshape(-1, _NARROW)
    return np.concatenate([cut[frame.index] for frame in frames] or [np.zeros(0, np.int16)])
