"""Discord's own errors, in its own words and numbers, and ours for what a person can't do in the world."""

from collections.abc import Mapping
from typing import Any

from bot.emulators.discord.model import Json


class ActError(Exception):
    """A person can't do that in the emulated Discord: the client would not offer it, or Discord refuses."""


class RestError(Exception):
    """An answer of Discord's REST API that is no success.

    Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes
    """

    def __init__(self, status: int, code: int, message: str, *, errors: Json | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> Json:
        """Return the body of the answer."""
        body: Json = {"message": self.message, "code": self.code}
        return body | ({"errors": self.errors} if self.errors else {})


def unknown(what: str, code: int) -> RestError:
    """Return the 404 for something that does not exist, or is not visible."""
    return RestError(404, code, f"Unknown {what}")


def not_found() -> RestError:
    """Return the 404 for a path that no route serves."""
    return RestError(404, 0, "404: Not Found")


def unauthorized() -> RestError:
    """Return the 401 for a missing or wrong token."""
    return RestError(401, 0, "401: Unauthorized")


def missing_access() -> RestError:
    """Return the 403 for what lies in a channel or guild that can't be seen."""
    return RestError(403, 50001, "Missing Access")


def missing_permissions() -> RestError:
    """Return the 403 for what can be seen but not done."""
    return RestError(403, 50013, "Missing Permissions")


def too_large() -> RestError:
    """Return the 413 for a file beyond the limit."""
    return RestError(413, 40005, "Request entity too large")


def empty_message() -> RestError:
    """Return the 400 for a message with nothing in it."""
    return RestError(400, 50006, "Cannot send an empty message")


def invalid_form(problems: Mapping[str, tuple[str, str]]) -> RestError:
    """Return the 400 that lists what is wrong where: {"components.0.label": (code, message)}."""
    errors: dict[str, Any] = {}
    for path, (code, message) in problems.items():
        node = errors
        for step in path.split("."):
            node = node.setdefault(step, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
    return RestError(400, 50035, "Invalid Form Body", errors=errors)


def too_long(path: str, limit: int) -> RestError:
    """Return the 400 for a text of more than `limit` characters."""
    return invalid_form({path: ("BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")})
