"""What a failed request to Gemini means: a sentence, and whether to try again, and with what.

Codes: https://ai.google.dev/gemini-api/docs/troubleshooting; no I/O here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import aiohttp
import httpx2
from google.genai import errors

# What reaches us beside APIError: aiohttp's errors from the SDK's async half, httpx2's from its other half,
# time-outs, and KeyError or ValueError where the SDK can't make sense of an answer.
FAILURES = (
    errors.APIError,
    aiohttp.ClientError,
    httpx2.HTTPError,
    OSError,
    TimeoutError,
    ValueError,
    KeyError,
)

LONGEST_DELAY_S = 30.0  # of a delay that Gemini asks for; people don't wait longer than that, they come back
FIRST_DELAY_S = 1.0  # doubled with every attempt
LONGEST_MESSAGE = 200  # characters of what Gemini says
_BUSY = (500, 502, 503, 504)


class Way(Enum):
    """What may help."""

    RETRY = auto()
    """The same again, later; another model otherwise."""
    OTHER_MODEL = auto()
    FILE_GONE = auto()
    """Uploading the files anew, since Google has none of them any more."""
    NONE = auto()


@dataclass(frozen=True)
class Failure:
    """A judged failure."""

    sentence: str
    way: Way
    delay_s: float | None = None
    """What Gemini asks to wait; None where it does not say."""


def judge(error: BaseException, *, with_files: bool, on_youtube: bool = False) -> Failure:
    """Say what an error of FAILURES means for a request, with files that lie at Google or without.

    `on_youtube` says that one of these is a video there.
    """
    if not isinstance(error, errors.APIError):
        return _no_answer(error)
    message = str(error.message or "")
    if error.code == 429:
        return _too_many(error)
    if error.code in _BUSY:
        return Failure("Gemini is overloaded just now: try again in a few minutes.", Way.RETRY)
    if error.code in (400, 403, 404) and on_youtube:
        return Failure(
            "Gemini can't watch that video on YouTube: it must be public, and no live stream.", Way.NONE
        )
    if error.code in (403, 404) and with_files and "model" not in message.lower():
        return Failure("A file expired before Gemini could read it: ask again.", Way.FILE_GONE)
    if error.code in (401, 403):
        return Failure("Gemini refused the bot's key: tell whoever runs the bot.", Way.NONE)
    if error.code == 404:
        return Failure("The model is not offered any more: tell whoever runs the bot.", Way.OTHER_MODEL)
    return Failure(_refused(message), Way.NONE)


def pause_s(failure: Failure, attempt: int) -> float | None:
    """Return how long to wait before attempt 2, 3, ...; None where that would be too long."""
    if failure.delay_s is None:
        return FIRST_DELAY_S * float(2 ** (attempt - 2))
    return failure.delay_s if failure.delay_s <= LONGEST_DELAY_S else None


def _no_answer(error: BaseException) -> Failure:
    """Judge what is not of Gemini's saying."""
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        # The same again would keep people waiting for as long again.
        return Failure("Gemini did not answer in time: try again in a few minutes.", Way.OTHER_MODEL)
    if isinstance(error, (ValueError, KeyError)):
        return Failure("Gemini gave no answer that makes sense: ask again.", Way.RETRY)
    return Failure("Gemini could not be reached: try again in a minute.", Way.RETRY)


def _too_many(error: errors.APIError) -> Failure:
    delay_s = next(_delays(error.details), None)
    when = "in a minute" if delay_s is None else f"in {max(1, round(delay_s))} s"
    return Failure(f"Gemini's limit of requests is reached: try again {when}.", Way.RETRY, delay_s)


def _delays(details: Any) -> Iterator[float]:
    """Find google.rpc.RetryInfo: {"error": {"details": [{"@type": ..., "retryDelay": "12.5s"}]}}."""
    inner = details.get("error", details) if isinstance(details, dict) else {}
    listed = inner.get("details") if isinstance(inner, dict) else None
    for each in listed if isinstance(listed, list) else []:
        value = each.get("retryDelay") if isinstance(each, dict) else None
        try:
            yield max(0.0, float(str(value).removesuffix("s")))
        except ValueError:
            continue


def _refused(message: str) -> str:
    """Put a refusal of the request itself, as a rule code 400, into words."""
    lower = message.lower()
    if "api key" in lower:
        return "Gemini refused the bot's key: tell whoever runs the bot."
    if "unable to process input" in lower or "unsupported" in lower:
        return "Gemini could not read a file: post it in another format, such as PNG, MP4, MP3 or PDF."
    if "token count" in lower or "number of tokens" in lower:
        return "That is more than the model can look at in one request: post less, or ask with low detail."
    said = " ".join(message.split())[:LONGEST_MESSAGE] or "it did not say why"
    return f"Gemini refused the request ({said}): change it and try again."
