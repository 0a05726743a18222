"""What a session knows, what that costs, and the handles by which another connection takes it over.

Tokens by the published rates: 25 a second of audio each way (an audio token is 40 ms), 258 a picture, and of
text about one in four characters. Every turn bills the whole context again, as the real one does.
"""

import itertools
from collections import OrderedDict
from dataclasses import dataclass, replace

from bot.audio.pcm import LIVE_IN_HZ
from bot.emulators.gemini.live_pictures import Picture
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.setup import Compression
from bot.emulators.gemini.voice import SPEECH_HZ
from bot.emulators.gemini.wire import INTERNAL, POLICY, RefusedError

_TOKENS_PER_S = 25
_TOKENS_PER_PICTURE = 258
_CHARACTERS_PER_TOKEN = 4
_HANDLE_LIFE_S = 7200.0  # 2 hours after the session ended; here after it was issued
_MOST_PICTURES = 1000  # more than fit into any context: the oldest go first
_MOST_HANDLES = 4096  # those issued first go first


@dataclass
class Context:
    """What is kept from turn to turn, and over a resumption."""

    turns: int = 0
    speaker: str = ""
    """Who was last said to be speaking."""
    audio_tokens: float = 0.0
    text_tokens: float = 0.0
    image_tokens: float = 0.0
    pictures: tuple[Picture, ...] = ()
    """What was seen, and is still known."""

    def hear(self, samples: int) -> None:
        """Count audio that came in, silence too."""
        self.audio_tokens += samples / LIVE_IN_HZ * _TOKENS_PER_S

    def read(self, text: str) -> None:
        """Count text that came in."""
        self.text_tokens += len(text) / _CHARACTERS_PER_TOKEN

    def see(self, picture: Picture) -> None:
        """Keep a picture in mind, and count it."""
        self.pictures = (*self.pictures, picture)[-_MOST_PICTURES:]
        self.image_tokens += _TOKENS_PER_PICTURE

    def bill(self, spoken_bytes: int, compression: Compression | None) -> Message:
        """Return the usageMetadata of a turn in which so much was spoken, which then joins the context."""
        spoken = spoken_bytes / 2 / SPEECH_HZ * _TOKENS_PER_S
        prompt = {"AUDIO": self.audio_tokens, "TEXT": self.text_tokens, "IMAGE": self.image_tokens}
        usage = _usage({name: round(tokens) for name, tokens in prompt.items()}, round(spoken))
        self.audio_tokens += spoken
        self._compress(compression)
        return usage

    def _compress(self, compression: Compression | None) -> None:
        total = self.audio_tokens + self.text_tokens + self.image_tokens
        if compression is None or total <= compression.trigger:
            return
        share = compression.target / total
        self.audio_tokens *= share
        self.text_tokens *= share
        self.image_tokens *= share
        self.pictures = self.pictures[len(self.pictures) - int(len(self.pictures) * share) :]


def _usage(prompt: dict[str, int], spoken: int) -> Message:
    details = [{"modality": name, "tokenCount": count} for name, count in prompt.items() if count]
    total = sum(prompt.values())
    return {
        "promptTokenCount": total,
        "responseTokenCount": spoken,
        "totalTokenCount": total + spoken,
        "promptTokensDetails": details,
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": spoken}],
    }


@dataclass(frozen=True, slots=True)
class _Issued:
    context: Context
    session: str
    at: float


class Handles:
    """Resumption handles of all sessions of one emulator."""

    def __init__(self) -> None:
        self._issued: OrderedDict[str, _Issued] = OrderedDict()
        self._open: set[str] = set()
        self._numbers = itertools.count(1)

    def opened(self, session: str) -> None:
        """Note that the connection of a session is open."""
        self._open.add(session)

    def closed(self, session: str) -> None:
        """Note that it is closed: what it issued may be resumed."""
        self._open.discard(session)

    def issue(self, context: Context, session: str, now: float) -> str:
        """Return a new handle for the context as it is."""
        handle = f"{session}-handle-{next(self._numbers)}"
        self._issued[handle] = _Issued(replace(context), session, now)
        if len(self._issued) > _MOST_HANDLES:
            self._issued.popitem(last=False)
        return handle

    def resume(self, handle: str, now: float) -> Context:
        """Return the context; raise RefusedError if there is none (any more) or its connection is open."""
        issued = self._issued.get(handle)
        if issued is None or now - issued.at > _HANDLE_LIFE_S:
            raise RefusedError(POLICY, "BidiGenerateContent session not found")
        if issued.session in self._open:
            raise RefusedError(INTERNAL, "The session is in use by another connection.")
        return replace(issued.context)
