"""What the REST half refuses: a status of HTTP, Google's name for it, and a sentence."""

from typing import Any

from bot.emulators.gemini import rest

_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestError(Exception):
    """A request is answered with an error."""

    def __init__(self, status: int, message: str, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.details = details

    @property
    def body(self) -> dict[str, Any]:
        """The error as it stands in an answer, or in the middle of a stream."""
        return rest.error_body(self.status, _NAMES.get(self.status, "UNKNOWN"), self.message, self.details)


def retry_info(delay_s: float) -> dict[str, Any]:
    """Return the detail of a 429 that says when to come back."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{delay_s:g}s"}
