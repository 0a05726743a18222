"""Speaking: text to PCM in real words, offline, with espeak-ng out of the espeakng-loader wheel.

espeak-ng keeps its voice in global variables, so one lock covers choosing it and speaking. Ten seconds of
speech take some ten milliseconds; callers on an event loop still use a thread. The functions and constants
are those of espeak-ng's `speak_lib.h` (1.52).
"""

import ctypes
import functools
import threading

import espeakng_loader
import numpy as np
from scipy import signal

from bot.emulators.gemini.models import catalogue

SPEECH_HZ = 24_000  # what a Live model speaks
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: the callback is called in espeak_Synth
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: return an error where the library would end the process
_UTF8 = 1  # espeakCHARS_UTF8
_CHARACTERS = 1  # POS_CHARACTER: the position to start at is counted in characters
_PITCH = 3  # espeakPITCH: 0 to 100, 50 is normal
_EE_OK = 0

_ACCENTS = ("en-us", "en-gb-x-rp", "en-gb-scotland")
_FEMALE = ("f1", "f2", "f3", "f4", "f5")
_MALE = ("m1", "m2", "m3", "m4", "m5", "m7")
_PITCHES = (50, 42, 58)  # with each accent another, around the normal 50

_GAIN = 0.8  # the loudest of the voices would clip after resampling

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_lock = threading.Lock()


class VoiceError(Exception):
    """espeak-ng could not be started or could not speak."""


class _Engine:
    """The library, initialised; one a process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        data = espeakng_loader.get_data_path().encode()
        self.rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DONT_EXIT)
        if self.rate_hz <= 0:
            raise VoiceError("espeak-ng could not read its data.")
        self._spoken: list[bytes] = []
        self._callback = _Callback(self._take)  # kept: the library holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, pitch: int) -> bytes:
        """Return PCM16 mono at `rate_hz`."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != _EE_OK:
            raise VoiceError(f"espeak-ng has no voice {voice}.")
        self._library.espeak_SetParameter(_PITCH, pitch, 0)
        self._spoken.clear()
        data = text.replace("\0", " ").encode()
        if self._library.espeak_Synth(data, len(data) + 1, 0, _CHARACTERS, 0, _UTF8, None, None) != _EE_OK:
            raise VoiceError("espeak-ng could not speak.")
        return b"".join(self._spoken)

    def _take(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        if samples and count > 0:
            self._spoken.append(ctypes.string_at(samples, count * 2))
        return 0


@functools.cache
def _engine() -> _Engine:
    return _Engine()


def espeak_voice(name: str) -> tuple[str, int]:
    """Return the espeak voice and pitch that stand for a Gemini voice: another one for each."""
    known = catalogue()
    female = name in known.female_voices
    variants = _FEMALE if female else _MALE
    index = (known.female_voices if female else known.male_voices).index(name)
    accent = index // len(variants) % len(_ACCENTS)
    return f"{_ACCENTS[accent]}+{variants[index % len(variants)]}", _PITCHES[accent]


@functools.lru_cache(maxsize=64)
def speak(text: str, voice: str) -> bytes:
    """Return the words as PCM16LE mono at SPEECH_HZ, in the named Gemini voice; raise VoiceError."""
    with _lock:
        engine = _engine()
        spoken = engine.speak(text, *espeak_voice(voice))
        rate_hz = engine.rate_hz
    samples = np.frombuffer(spoken, "<i2").astype(np.float64)
    resampled = _GAIN * signal.resample_poly(samples, SPEECH_HZ, rate_hz)
    saturated: bytes = np.clip(np.rint(resampled), -32768, 32767).astype("<i2").tobytes()
    return saturated
