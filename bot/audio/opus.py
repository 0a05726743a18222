"""libopus by ctypes: one codec state an object, buffers reused, and no package of the system needed.

The library is the one that PyAV's wheel carries. ctypes releases the GIL during each call, so a codec object
must not be used by two threads at once; different objects may be. The states live in memory that Python owns
(`opus_*_init` into a buffer), so they go with their object and nothing can be freed twice or used after.

Source: opus.h, opus_defines.h and RFC 6716.
"""

import ctypes
import ctypes.util
import functools
import importlib.util
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_int32, c_void_p
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from bot.audio.pcm import Pcm16
from bot.errors import EarshotError, SetupError

MAX_FRAME_MS = 120  # the longest packet that Opus knows, and the most that libopus conceals at once
MAX_PACKET_BYTES = 4000  # what opus.h recommends for an encoder's output

Application: TypeAlias = Literal["voip", "audio", "lowdelay"]
Signal: TypeAlias = Literal["auto", "voice", "music"]

_APPLICATION: dict[Application, int] = {"voip": 2048, "audio": 2049, "lowdelay": 2051}
_SIGNAL: dict[Signal, int] = {"auto": -1000, "voice": 3001, "music": 3002}
_SET_BITRATE, _SET_INBAND_FEC, _SET_LOSS_PERCENT, _SET_SIGNAL, _RESET_STATE = 4002, 4012, 4014, 4024, 4028
_BAD_ARG, _INVALID_PACKET = -1, -4

_SIGNATURES: dict[str, tuple[list[Any], Any]] = {
    "opus_strerror": ([c_int], c_char_p),
    "opus_decoder_get_size": ([c_int], c_int),
    "opus_decoder_init": ([c_void_p, c_int32, c_int], c_int),
    "opus_decode": ([c_void_p, c_char_p, c_int32, c_void_p, c_int, c_int], c_int),
    "opus_encoder_get_size": ([c_int], c_int),
    "opus_encoder_init": ([c_void_p, c_int32, c_int, c_int], c_int),
    "opus_encode": ([c_void_p, c_char_p, c_int, c_void_p, c_int32], c_int32),
    # The ctl functions are variadic. Only the fixed arguments stand here: ctypes passes what comes beyond
    # argtypes by the platform's variadic convention, which differs from the plain one on Apple's arm64.
    "opus_decoder_ctl": ([c_void_p, c_int], c_int),
    "opus_encoder_ctl": ([c_void_p, c_int], c_int),
    "opus_packet_get_nb_samples": ([c_char_p, c_int32, c_int32], c_int),
    "opus_packet_has_lbrr": ([c_char_p, c_int32], c_int),
}


class OpusError(EarshotError):
    """libopus refused a packet or an argument; the codec object stays usable."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Opus: {_library().opus_strerror(code).decode()}.")
        self.code = code


def library_path() -> Path:
    """Return the path of the libopus to load: PyAV's own, else the system's; raise SetupError without one."""
    spec = importlib.util.find_spec("av")
    for package in (spec.submodule_search_locations or []) if spec else []:
        # auditwheel and delvewheel put libraries beside the package, delocate inside it.
        folders = (Path(package).with_name("av.libs"), Path(package) / ".dylibs")
        found = [path for folder in folders for path in sorted(folder.glob("*opus*")) if path.is_file()]
        if found:
            return found[0]
    if name := ctypes.util.find_library("opus"):
        return Path(name)
    raise SetupError("No libopus was found: install PyAV from its wheel (pip install av), which carries it.")


@functools.cache
def _library() -> ctypes.CDLL:
    path = library_path()
    try:
        library = ctypes.CDLL(str(path))
        for name, (arguments, result) in _SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
    except OSError as error:
        raise SetupError(
            f"libopus at {path} can't be loaded ({error}): reinstall PyAV (pip install av)."
        ) from error
    except AttributeError as error:
        raise SetupError(f"libopus at {path} is older than 1.5: install PyAV from its wheel.") from error
    return library


def _checked(result: int) -> int:
    if result < 0:
        raise OpusError(result)
    return result


def packet_samples(packet: bytes, rate_hz: int) -> int:
    """Return how many samples per channel the packet gives at a rate; raise OpusError if it is malformed."""
    if not packet:
        raise OpusError(_INVALID_PACKET)
    return _checked(_library().opus_packet_get_nb_samples(packet, len(packet), rate_hz))


def packet_has_lbrr(packet: bytes) -> bool:
    """Return whether the packet carries a copy of the frame before it (in-band FEC), for `decode_fec`."""
    if not packet:
        raise OpusError(_INVALID_PACKET)
    return bool(_checked(_library().opus_packet_has_lbrr(packet, len(packet))))


class Decoder:
    """Opus to PCM at 8, 12, 16, 24 or 48 kHz; libopus converts rate and channels inside the codec.

    Results are int16 arrays that the caller owns: shape (samples,) for mono, (samples, 2) for stereo.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        library = _library()
        self.rate_hz, self.channels = rate_hz, channels
        self._decode: Callable[..., int] = library.opus_decode
        self._ctl: Callable[..., int] = library.opus_decoder_ctl
        self._state = ctypes.create_string_buffer(max(1, library.opus_decoder_get_size(channels)))
        _checked(library.opus_decoder_init(self._state, rate_hz, channels))
        self._capacity = rate_hz * MAX_FRAME_MS // 1000
        shape = (self._capacity,) if channels == 1 else (self._capacity, channels)
        self._out: Pcm16 = np.empty(shape, np.int16)
        self._out_address = self._out.ctypes.data

    def decode(self, packet: bytes) -> Pcm16:
        """Decode one packet of 2.5 to 120 ms; raise OpusError if it is corrupt or empty."""
        if not packet:  # libopus would take it for a loss and give up to 120 ms of concealment
            raise OpusError(_INVALID_PACKET)
        return self._run(packet, self._capacity, fec=0)

    def decode_fec(self, packet: bytes, samples: int) -> Pcm16:
        """Recover the `samples` lost just before `packet` from the copy in it; conceal what it has not.

        `samples` is a multiple of 2.5 ms. The packet itself must be decoded after this, as usual.
        """
        if not packet:
            raise OpusError(_INVALID_PACKET)
        return self._run(packet, samples, fec=1)

    def conceal(self, samples: int) -> Pcm16:
        """Invent `samples` (a multiple of 2.5 ms, at most 120 ms) in place of what was lost."""
        return self._run(None, samples, fec=0)

    def reset(self) -> None:
        """Forget all that was decoded, as after a talkspurt of someone else."""
        _checked(self._ctl(self._state, _RESET_STATE))

    def _run(self, packet: bytes | None, samples: int, *, fec: int) -> Pcm16:
        if samples > self._capacity:
            raise OpusError(_BAD_ARG)
        size = len(packet) if packet else 0
        given = _checked(self._decode(self._state, packet, size, self._out_address, samples, fec))
        return self._out[:given].copy()


class Encoder:
    """PCM at 8, 12, 16, 24 or 48 kHz to Opus; the bitrate is in bit/s, variable around that figure."""

    def __init__(
        self,
        rate_hz: int,
        channels: int,
        *,
        bitrate: int = 64_000,
        fec: bool = False,
        loss_percent: int = 0,
        application: Application = "audio",
        signal: Signal = "auto",
    ) -> None:
        library = _library()
        self.rate_hz, self.channels = rate_hz, channels
        self._encode: Callable[..., int] = library.opus_encode
        self._ctl: Callable[..., int] = library.opus_encoder_ctl
        self._state = ctypes.create_string_buffer(max(1, library.opus_encoder_get_size(channels)))
        _checked(library.opus_encoder_init(self._state, rate_hz, channels, _APPLICATION[application]))
        self._out = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._set(_SET_BITRATE, bitrate)
        self._set(_SET_INBAND_FEC, int(fec))
        self._set(_SET_LOSS_PERCENT, loss_percent)
        self._set(_SET_SIGNAL, _SIGNAL[signal])

    def _set(self, request: int, value: int) -> None:
        _checked(self._ctl(self._state, request, c_int32(value)))

    def encode(self, pcm: bytes) -> bytes:
        """Encode one frame of 2.5, 5, 10, 20, 40 or 60 ms: int16 in native order, channels interleaved."""
        samples, rest = divmod(len(pcm), 2 * self.channels)
        if rest:
            raise OpusError(_BAD_ARG)
        size = _checked(self._encode(self._state, pcm, samples, self._out, MAX_PACKET_BYTES))
        return ctypes.string_at(self._out, size)

    def reset(self) -> None:
        """Forget all that was encoded; the settings stay."""
        _checked(self._ctl(self._state, _RESET_STATE))
