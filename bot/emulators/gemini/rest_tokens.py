"""How many tokens a request has: the published rates, applied to what was measured."""

import math
from collections.abc import Iterable

from bot.emulators.gemini.media_facts import (
    DocumentFacts,
    Facts,
    PictureFacts,
    SoundFacts,
    TextFacts,
    VideoFacts,
)

LETTERS = 4  # characters a token
_TILE = 258  # a tile of a picture, and a page of a document
_SMALL = 384  # pixels: a picture without a longer side is one tile
_TILE_SIDE = 768  # pixels of a tile of larger ones
_LOW_PICTURE = 64  # a picture in low resolution
_SOUND_S = 32
_FRAME = 263 - _SOUND_S  # a frame of video: a second at one frame, with its sound, is 263
_LOW_FRAME = 100 - _SOUND_S


def text_tokens(characters: int) -> int:
    """Return how many tokens so much text has."""
    return math.ceil(characters / LETTERS)


def media_tokens(facts: Facts, resolution: str, fps: float | None) -> tuple[str, int]:
    """Return the modality of a medium, as the bill names it, and its tokens."""
    low = resolution == "LOW"
    match facts:
        case PictureFacts():
            return "IMAGE", _LOW_PICTURE if low else _TILE * _tiles(facts)
        case VideoFacts():
            frames = (_LOW_FRAME if low else _FRAME) * (1.0 if fps is None else fps)
            return "VIDEO", math.ceil(facts.duration_s * (frames + _SOUND_S))
        case SoundFacts():
            return "AUDIO", math.ceil(facts.duration_s * _SOUND_S)
        case DocumentFacts():
            return "DOCUMENT", _TILE * len(facts.pages)
        case TextFacts():
            return "TEXT", text_tokens(len(facts.text))


def _tiles(facts: PictureFacts) -> int:
    if max(facts.width, facts.height) <= _SMALL:
        return 1
    return math.ceil(facts.width / _TILE_SIDE) * math.ceil(facts.height / _TILE_SIDE)


def by_modality(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the sums for each modality."""
    sums: dict[str, int] = {}
    for name, tokens in counted:
        sums[name] = sums.get(name, 0) + tokens
    return sums
