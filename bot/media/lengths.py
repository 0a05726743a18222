"""How long a recording may be: as long as the model can look at in one request.

Nothing is cut out of a longer file here. The model is told which part to look at, so times in its answer are
those of the whole, and whoever asks about another part needs no second upload.
"""

import math

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.errors import UnfitError
from bot.media.recordings import Recording

# Of a model with a context of 1,048,576 tokens, less some for the question and the answer. By
# ai.google.dev/gemini-api/docs/video-understanding: so many tokens a frame, and a second of sound.
TOKENS = 1_044_000
FRAME_TOKENS: dict[Detail | None, int] = {None: 258, "high": 258, "medium": 258, "low": 66}
SOUND_TOKENS = 32
FPS = 1.0  # where nothing else was asked for
# With low detail /summarize has the model look at a frame every two seconds: enough to follow four hours.
LOW_FPS = 0.5
MAX_AUDIO_S = 8 * 3600.0


def check_length(recording: Recording, detail: Detail | None, clip: Clip | None, name: str) -> None:
    """Raise MediaError, which calls it `name`, where a recording, or the clip of it, is too long or empty."""
    clip = clip or Clip()
    whole_s = recording.duration_s
    if clip.start_s and clip.start_s >= whole_s:
        raise UnfitError(
            f"{name} is only {lasting(whole_s)} long, and {clock(clip.start_s)} is after its end: "
            "ask about an earlier time."
        )
    if recording.video is None:
        if whole_s > MAX_AUDIO_S:
            raise UnfitError(f"{_too_long(name, whole_s, MAX_AUDIO_S)}: cut it into parts.")
        return
    part_s = min(whole_s, clip.end_s if clip.end_s is not None else whole_s) - clip.start_s
    if part_s <= 0:
        raise UnfitError(f"The part of {name} that you asked about ends before it begins: swap the times.")
    limit_s = video_limit_s(detail, clip.fps)
    if part_s > limit_s:
        what = name if part_s == whole_s else f"The part of {name} that you asked about"
        raise UnfitError(f"{_too_long(what, part_s, limit_s)}: {_ways(detail, limit_s)}.")


def video_limit_s(detail: Detail | None, fps: float | None) -> float:
    """Return how many seconds of video fit, at so many frames a second."""
    return TOKENS / (FRAME_TOKENS[detail] * (fps or FPS) + SOUND_TOKENS)


def lasting(seconds: float, *, up: bool = False) -> str:
    """Return a length in words: `45 s`, `12 min`, `1 h 30 min`; what is left is dropped, or counted `up`."""
    rounded = math.ceil if up else math.floor
    if seconds < 60:
        return f"{rounded(seconds)} s"
    hours, minutes = divmod(rounded(seconds / 60), 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes))


def clock(seconds: float) -> str:
    """Return a time as players show it: `0:45`, `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _too_long(what: str, part_s: float, limit_s: float) -> str:
    return f"{what} is {lasting(part_s, up=True)} long, and {lasting(limit_s)} is the limit"


def _ways(detail: Detail | None, limit_s: float) -> str:
    low_s = video_limit_s("low", LOW_FPS)
    if limit_s > low_s:
        return "cut it into parts"  # /summarize takes no more, and of a transcript it makes no part
    ways = [f"give `/summarize` a time range as `focus`, such as 0:00-{clock(limit_s)}"]
    if detail != "low":
        ways.append(f"set its `detail` to low (up to {lasting(low_s)})")
    return ", ".join([*ways, "or cut it into parts"])
