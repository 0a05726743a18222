"""What a person hears, with times: decoded when asked, so that listening costs the event loop little."""

import bisect
from collections import Counter
from dataclasses import dataclass

import discord.opus
import numpy as np

from bot.audio.opus import library_path
from bot.audio.pcm import DISCORD_HZ, Pcm16
from bot.emulators.client.dave import SILENCE

SPURT_S = 0.2  # further from its RTP timeline than this, a frame begins a new talkspurt


@dataclass(frozen=True)
class HeardFrame:
    """One Opus frame of someone, decrypted and decoded."""

    at: float
    """When its datagram arrived, `time.monotonic()` seconds."""
    seq: int
    """RTP sequence number, unwrapped: it never goes back to 0."""
    timestamp: int
    """RTP timestamp at 48 kHz, unwrapped."""
    pcm: Pcm16
    """48 kHz stereo, shape (samples, 2)."""
    silence: bool
    """Whether it was the explicit silence frame F8 FF FE."""


@dataclass(frozen=True, order=True)
class _Arrived:
    seq: int
    timestamp: int
    at: float
    packet: bytes


class _Stream:
    """One SSRC: what arrived in the order of its sequence numbers, each number once."""

    def __init__(self) -> None:
        self.arrived: list[_Arrived] = []
        self._decoded: list[HeardFrame] = []
        self._decoder: discord.opus.Decoder | None = None
        self.corrupt = 0

    def add(self, sequence: int, timestamp: int, packet: bytes, at: float) -> None:
        if self.arrived:
            last = self.arrived[-1]
            sequence = _unwrapped(sequence, last.seq, 16)
            timestamp = _unwrapped(timestamp, last.timestamp, 32)
        arrived = _Arrived(sequence, timestamp, at, packet)
        place = bisect.bisect_left(self.arrived, sequence, key=lambda each: each.seq)
        if place < len(self.arrived) and self.arrived[place].seq == sequence:
            return
        self.arrived.insert(place, arrived)
        if place < len(self._decoded):  # it overtook: a codec's output depends on the order
            self._decoded.clear()
            self._decoder = None

    def frames(self) -> list[HeardFrame]:
        if self._decoder is None:
            self.corrupt = 0
            self._decoder = _decoder()
        for each in self.arrived[len(self._decoded) :]:
            pcm, silence = self._pcm(each.packet, self._decoder), each.packet == SILENCE
            self._decoded.append(HeardFrame(each.at, each.seq, each.timestamp, pcm, silence))
        return list(self._decoded)

    def _pcm(self, packet: bytes, decoder: discord.opus.Decoder) -> Pcm16:
        try:
            data = decoder.decode(packet, fec=False)
        except discord.opus.OpusError:
            self.corrupt += 1
            data = b""
        return np.frombuffer(data, np.int16).reshape(-1, 2)


class Hearing:
    """All that a person heard, by who said it."""

    def __init__(self) -> None:
        self._streams: dict[tuple[int, int], _Stream] = {}
        self.counts: Counter[str] = Counter()
        """Datagrams by what became of them: "heard", "silence", and the reasons why others were not heard."""

    def add(self, user_id: int, ssrc: int, sequence: int, timestamp: int, packet: bytes, at: float) -> None:
        """Take a decrypted Opus packet."""
        self.counts["silence" if packet == SILENCE else "heard"] += 1
        self._streams.setdefault((user_id, ssrc), _Stream()).add(sequence, timestamp, packet, at)

    def forget(self) -> None:
        """Forget the sound that was heard; the counts stay."""
        self._streams.clear()

    @property
    def users(self) -> set[int]:
        """Who was heard."""
        return {user for user, _ in self._streams}

    def frames(self, user_id: int) -> list[HeardFrame]:
        """Return what was heard of someone, SSRC after SSRC, in the order in which it was said."""
        return [
            frame for (user, _), each in self._streams.items() if user == user_id for frame in each.frames()
        ]

    def recording(self, start: float, end: float, user_id: int | None = None) -> Pcm16:
        """Return what was heard from `start` to `end` at 48 kHz mono: of everyone, or of one person.

        A frame is placed by its RTP timestamp, counted from the arrival of the first of its talkspurt, as a
        player does; so the jitter of single datagrams is not heard. What is lost is silence.
        """
        line = np.zeros(max(0, round((end - start) * DISCORD_HZ)), np.float64)
        for (user, _), stream in self._streams.items():
            if user_id in (None, user):
                for at, frame in _placed(stream.frames()):
                    _mix(line, round((at - start) * DISCORD_HZ), frame.pcm.mean(axis=1))
        return np.clip(np.rint(line), -32768, 32767).astype(np.int16)


def _placed(frames: list[HeardFrame]) -> list[tuple[float, HeardFrame]]:
    """Return frames with the times at which they are played; silence frames, which say nothing, left out."""
    placed = []
    anchor: HeardFrame | None = None
    was_silent = False
    for frame in frames:
        due = anchor.at + (frame.timestamp - anchor.timestamp) / DISCORD_HZ if anchor else frame.at
        if anchor is None or was_silent or abs(frame.at - due) > SPURT_S:
            anchor, due = frame, frame.at
        was_silent = frame.silence
        if not frame.silence and len(frame.pcm):
            placed.append((due, frame))
    return placed


def _mix(line: np.ndarray[tuple[int], np.dtype[np.float64]], at: int, pcm: object) -> None:
    samples = np.asarray(pcm, np.float64)
    skip = max(0, -at)
    room = line[at + skip : at + len(samples)] if at + len(samples) > 0 else line[:0]
    room += samples[skip : skip + len(room)]


def _unwrapped(value: int, near: int, bits: int) -> int:
    """Return the number that is `value` in its low bits and lies nearest to `near`."""
    half, size = 1 << (bits - 1), 1 << bits
    return near + ((value - near + half) % size) - half


def _decoder() -> discord.opus.Decoder:
    load_codec()
    return discord.opus.Decoder()  # type: ignore[no-untyped-call]


def load_codec() -> None:
    """Let discord.py's own binding find libopus, unless it has one."""
    if not discord.opus.is_loaded():
        discord.opus.load_opus(str(library_path()))
