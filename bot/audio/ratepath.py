"""The two ways between Discord's rate and Live's, behind one interface.

`native` lets libopus convert: it decodes at 16 kHz mono and encodes from 24 kHz mono. No delay is added,
and it costs about half. `resample` runs the codec at Discord's 48 kHz stereo and converts with our own
filter, which folds nothing back into the band. Samples are counted at 16 kHz in both. See fir.py for the
delays.
"""

from collections.abc import Callable
from typing import Literal, Protocol

from bot.audio.fir import Down48StereoTo16Mono, Up24MonoTo48Stereo
from bot.audio.opus import Decoder, Encoder
from bot.audio.pcm import DISCORD_HZ, FRAME_MS, LIVE_IN_HZ, LIVE_OUT_HZ, Pcm16

BITRATE = 64_000  # Discord's default for a voice channel, above which speech gains nothing audible
FRAME_BYTES = LIVE_OUT_HZ * FRAME_MS // 1000 * 2  # of 24 kHz mono in one packet


class SpeechDecoder(Protocol):
    """One person's Opus stream to 16 kHz mono. Each method raises OpusError for what can't be decoded."""

    def decode(self, packet: bytes) -> Pcm16:
        """Decode one packet."""
        ...

    def decode_fec(self, packet: bytes, samples: int) -> Pcm16:
        """Recover the `samples` at 16 kHz lost just before `packet`, which is decoded after this."""
        ...

    def conceal(self, samples: int) -> Pcm16:
        """Invent `samples` at 16 kHz in place of what was lost."""
        ...

    def reset(self) -> None:
        """Start a new stream."""
        ...


class SpeechEncoder(Protocol):
    """24 kHz mono PCM16LE to packets of 20 ms."""

    def feed(self, pcm: bytes) -> list[bytes]:
        """Return the packets that are complete; the rest of any chunking, an odd byte too, waits."""
        ...

    def flush(self) -> list[bytes]:
        """Return the last, partial frame, filled with silence, if there is one."""
        ...

    def reset(self) -> None:
        """Drop what waits and forget what was encoded: a new answer begins."""
        ...


class RatePath(Protocol):
    """A way of converting, which makes a decoder for each person and an encoder for each call."""

    @property
    def name(self) -> str:
        """Return the name by which it is chosen."""
        ...

    def decoder(self) -> SpeechDecoder:
        """Return a decoder for one SSRC."""
        ...

    def encoder(self) -> SpeechEncoder:
        """Return an encoder for the bot's speech."""
        ...


class _ResamplingDecoder:
    def __init__(self) -> None:
        self._opus = Decoder(DISCORD_HZ, 2)
        self._down = Down48StereoTo16Mono()

    def decode(self, packet: bytes) -> Pcm16:
        return self._down.feed(self._opus.decode(packet).tobytes())

    def decode_fec(self, packet: bytes, samples: int) -> Pcm16:
        return self._down.feed(self._opus.decode_fec(packet, samples * DISCORD_HZ // LIVE_IN_HZ).tobytes())

    def conceal(self, samples: int) -> Pcm16:
        return self._down.feed(self._opus.conceal(samples * DISCORD_HZ // LIVE_IN_HZ).tobytes())

    def reset(self) -> None:
        self._opus.reset()
        self._down.reset()


class _FrameEncoder:
    """Cuts 24 kHz mono into frames of 20 ms and gives each to `encode`."""

    def __init__(self, encode: Callable[[bytes], bytes], forget: Callable[[], None]) -> None:
        self._encode, self._forget = encode, forget
        self._rest = b""

    def feed(self, pcm: bytes) -> list[bytes]:
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        return [self._encode(data[at : at + FRAME_BYTES]) for at in range(0, whole, FRAME_BYTES)]

    def flush(self) -> list[bytes]:
        rest, self._rest = self._rest[: len(self._rest) & ~1], b""  # half a sample can't be played
        return [self._encode(rest.ljust(FRAME_BYTES, b"\0"))] if rest else []

    def reset(self) -> None:
        self._rest = b""
        self._forget()


class _Native:
    name = "native"

    def decoder(self) -> SpeechDecoder:
        return Decoder(LIVE_IN_HZ, 1)

    def encoder(self) -> SpeechEncoder:
        opus = Encoder(LIVE_OUT_HZ, 1, bitrate=BITRATE)
        return _FrameEncoder(opus.encode, opus.reset)


class _Resample:
    name = "resample"

    def decoder(self) -> SpeechDecoder:
        return _ResamplingDecoder()

    def encoder(self) -> SpeechEncoder:
        opus = Encoder(DISCORD_HZ, 2, bitrate=BITRATE)
        up = Up24MonoTo48Stereo()

        def encode(frame: bytes) -> bytes:
            return opus.encode(up.feed(frame).tobytes())

        def forget() -> None:
            opus.reset()
            up.reset()

        return _FrameEncoder(encode, forget)


def rate_path(name: Literal["native", "resample"]) -> RatePath:
    """Return the path of that name."""
    return _Native() if name == "native" else _Resample()
