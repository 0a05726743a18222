"""JSON Schemas that people give: read, bounded, and made into what can be kept, asked and checked quickly.

What could make checking an answer slow, or look outside, never gets in: regular expressions, references to
elsewhere or in circles, alternatives without number. What is left takes linear time.
"""

import json
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from bot.media.errors import MediaError, shown
from bot.media.extraction.keywords import normal
from bot.media.extraction.measures import check_measures

MAX_BYTES = 64 * 1024
"""Of a schema: it goes along with each request, and is kept for a guild."""
# Deeper than the deepest schema that is taken, in JSON's own levels: a property takes two.
_DEEPEST_JSON = 64
_NOT_OBJECTS = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def read_schema(data: bytes, filename: str) -> dict[str, Any]:
    """Return the schema in a file, with nothing in it that is not minded.

    Raises MediaError, which says what is wrong with it. For a thread: a large one takes a second.
    """
    name = shown(filename)
    schema = _object(_parsed(data, name), name)
    kept = normal(schema, name)
    try:
        Draft202012Validator.check_schema(kept)
    except SchemaError as error:
        place = shown("/".join(map(str, error.absolute_path))) or "its top"
        raise MediaError(
            f"{name} is not a valid JSON Schema (2020-12): at {place}, {shown(error.message)}."
        ) from error
    check_measures(kept, name)
    return kept


def check_size(size: int, filename: str) -> None:
    """Raise MediaError for a file that is too large for a schema, by its size in bytes."""
    if size > MAX_BYTES:
        limit = MAX_BYTES // 1024
        raise MediaError(f"{shown(filename)} is larger than {limit} KiB, the limit for a schema: shorten it.")


def _parsed(data: bytes, name: str) -> Any:
    check_size(len(data), name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MediaError(f"{name} is not text in UTF-8: save it as a JSON file.") from error
    if not text.strip():
        raise MediaError(f"{name} is empty: put a JSON Schema into it.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MediaError(
            f"{name} is not JSON: in line {error.lineno}, column {error.colno}, {_lowered(error.msg)}."
        ) from error
    except RecursionError as error:
        raise MediaError(f"{name} is nested too deeply: make it flatter.") from error
    except ValueError as error:  # a constant of JavaScript, or a number of thousands of digits
        raise MediaError(f"{name} is not JSON: {shown(str(error))}.") from error
    if _depth(value) > _DEEPEST_JSON:
        raise MediaError(f"{name} is nested too deeply: make it flatter.")
    return value


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number there")


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        what = _NOT_OBJECTS.get(type(value), "a number")
        raise MediaError(f"{name} holds {what}, and a JSON Schema is an object: put it between {{ and }}.")
    return value


def _depth(value: Any) -> int:
    """Return how many levels of lists and objects there are, without Python's own stack."""
    depth = 0
    level = [value]
    while level and depth <= _DEEPEST_JSON:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level = [each for each in inner if isinstance(each, dict | list)]
        depth += 1
    return depth


def _lowered(message: str) -> str:
    """Return one of the parser's messages as it can stand within a sentence."""
    return shown(message[:1].lower() + message[1:])
