"""Checking values by JSON Schemas, in bounded time.

The schema and the value may both come from somebody who means ill: a thousand choices for each of a hundred
thousand values keep the validator busy for minutes, and it is written in Python, so a thread of it holds the
GIL against the voice.
"""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import ValidationError

from bot.media.errors import MediaError
from bot.media.task import Json

CPU_S = 4.0  # the largest answer of a model, some 30,000 cells of a table, takes half a second
_TOO_MUCH = (
    "What was found is too much to be checked by that schema: make the schema simpler, or ask about a part "
    "of the file."
)

_Check = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]

# One check at a time: many threads that compute would wait for each other's GIL, and the event loop for all.
_TURN = threading.Lock()
_thread = threading.local()


def faults(
    schema: dict[str, Any], value: Json, most: int, formats: FormatChecker | None = None
) -> list[ValidationError]:
    """Return where a value does not fit a schema, the first `most` of it.

    Raises MediaError where that takes more than CPU_S of the processor. For a thread.
    """
    with _TURN:
        _thread.until_s = time.thread_time() + CPU_S
        return list(islice(_BOUNDED(schema, format_checker=formats).iter_errors(value), most))


def _bounded(check: _Check) -> _Check:
    """Return the check of one keyword, made to look at the clock before it and after each of its errors."""

    def bounded(validator: Any, keyword: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        _look_at_clock()
        for error in check(validator, keyword, value, schema) or ():
            yield error
            _look_at_clock()

    return bounded


def _look_at_clock() -> None:
    if time.thread_time() > _thread.until_s:
        raise MediaError(_TOO_MUCH)


_BOUNDED = validators.extend(
    Draft202012Validator,
    {keyword: _bounded(check) for keyword, check in Draft202012Validator.VALIDATORS.items()},
)
