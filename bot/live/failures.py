"""Why a connection failed, whether another attempt makes sense, and what people are told: one table.

A failure shows as a close code of the websocket (RFC 6455 section 7.4), as an HTTP status of its upgrade, or
as an exception of the network. Where Google says more in the reason of a close, the reason decides: a used-up
quota and a refused key come under codes that mean other things too.
"""

import re
import ssl
from dataclasses import dataclass, replace
from enum import Enum

from google.genai import errors
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

NO_CLOSE_FRAME = 1006  # RFC 6455: the connection ended without one
LOGGED_REASON = 200  # characters of the server's reason that are logged
_SECONDS = re.compile(r"\s*([0-9]{1,6})\s*")

# What the SDK raises for a message that is not JSON, nested without end, not of the protocol, or not of its
# types.
UNREADABLE = (TypeError, ValueError, AttributeError, RecursionError)


class StrangeAnswerError(Exception):
    """The setup was answered with something else than setupComplete."""


class Verdict(Enum):
    """What is to be done about a failure."""

    RETRY = "retry"
    LATER = "retry later"  # a quota is used up: trying at once makes it worse
    NEVER = "never with this setup"


@dataclass(frozen=True, slots=True)
class Failure:
    """A classified failure: `sentence` is for people, `detail` for the log."""

    verdict: Verdict
    sentence: str
    detail: str = ""
    model_at_fault: bool = False
    """Whether another model may be had where this one is refused."""
    setup_read: bool = True
    """Whether the server may have read the setup; False where it was not reached, or refused the upgrade."""
    delay_s: float | None = None
    """After how many seconds to come again, where the server says so."""


_LOST = Failure(Verdict.RETRY, "The connection to Gemini broke off.")
_TROUBLE = Failure(Verdict.RETRY, "Gemini has trouble at the moment.")
_BUSY = Failure(Verdict.LATER, "Gemini's quota is used up for now; wait some minutes, or raise the quota.")
_KEY = Failure(Verdict.NEVER, "Gemini refused the API key; the operator must check GEMINI_API_KEY.")
_SETUP = Failure(
    Verdict.NEVER,
    "Gemini refused how the call is set up; the operator should check the Live model's settings.",
    model_at_fault=True,
)
_POLICY = Failure(
    Verdict.NEVER,
    "Gemini refused the call: the model may be gone, or not allowed for this key or content.",
    model_at_fault=True,
)
_NO_MODEL = Failure(
    Verdict.NEVER,
    "Gemini does not know this Live model; the operator must choose another.",
    model_at_fault=True,
)
_SILENT = Failure(Verdict.RETRY, "Gemini did not answer in time.")
_STRANGE = Failure(Verdict.RETRY, "Gemini answered with something that I don't understand.")
_UNTRUSTED = Failure(
    Verdict.NEVER,
    "Gemini's certificate is not trusted; the operator should check SSL_CERT_FILE.",
    setup_read=False,
)
_UNREACHABLE = Failure(
    Verdict.RETRY, "Gemini can't be reached; the network or its address may be wrong.", setup_read=False
)
_BROKEN = Failure(Verdict.RETRY, "Something went wrong in the connection to Gemini.")

# Close codes from 1000, HTTP statuses below; a code that is not here is read by its class in `_by_code`.
TABLE: dict[int, Failure] = {
    400: _SETUP,
    401: _KEY,
    403: _KEY,
    404: _NO_MODEL,
    408: _TROUBLE,
    429: _BUSY,
    1000: _LOST,
    1001: _LOST,
    1006: _LOST,
    1007: _SETUP,
    1008: _POLICY,
    1011: _TROUBLE,
    1012: _TROUBLE,
    1013: _TROUBLE,
}

# What Google writes into reasons, in lower case, and which failure that is.
REASONS: tuple[tuple[str, Failure], ...] = (
    ("api key", _KEY),
    ("quota", _BUSY),
    ("resource_exhausted", _BUSY),
    ("resource has been exhausted", _BUSY),
    ("is not found for api version", _NO_MODEL),
)


def classify(error: BaseException) -> Failure:
    """Return what the exception of an attempt, a send or a receive means."""
    match error:
        case errors.APIError():
            # Its details are the reason of a close; or a whole message, in which anybody's words may stand.
            told = error.message if isinstance(error.message, str) else error.details
            return _by_code(error.code, told if isinstance(told, str) else "")
        case ConnectionClosed():
            frame = error.rcvd
            return _by_code(frame.code, frame.reason) if frame else _by_code(NO_CLOSE_FRAME, "")
        case InvalidStatus():
            delay_s = _delay_s(error.response.headers.get("Retry-After", ""))
            return replace(_by_code(error.response.status_code, ""), setup_read=False, delay_s=delay_s)
    found = _by_kind(error)
    return replace(found, detail=type(error).__name__)


def _by_code(code: int | None, reason: str) -> Failure:
    told = next((failure for words, failure in REASONS if words in reason.lower()), None)
    found = told or TABLE.get(code or 0) or _by_class(code or 0)
    return replace(found, detail=f"{code} {reason[:LOGGED_REASON]}".strip())


def _delay_s(told: str) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3); a date says nothing: clocks differ."""
    found = _SECONDS.fullmatch(told)
    return float(found[1]) if found else None


def _by_class(code: int) -> Failure:
    """Read a code that the table does not hold: requests that are refused stay refused."""
    return _SETUP if 300 <= code < 500 else _TROUBLE


def _by_kind(error: BaseException) -> Failure:
    match error:
        case TimeoutError():  # also an OSError, so it comes first
            return _SILENT
        case ssl.SSLCertVerificationError():
            return _UNTRUSTED
        case OSError():
            return _UNREACHABLE
        case WebSocketException() | EOFError():
            return _LOST
        case StrangeAnswerError():
            return _STRANGE
    return _BROKEN
