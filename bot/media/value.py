"""Reading a model's JSON of which anything may be missing, or be something else than was asked for."""

import math
from typing import Any


def text(value: Any, *names: str) -> str:
    """Return a text by its way through objects, on one line; numbers as they are written; else nothing."""
    found = _at(value, names)
    if isinstance(found, str):
        return " ".join(found.split())
    if isinstance(found, int | float) and not isinstance(found, bool):
        return f"{found:g}" if isinstance(found, float) else str(found)
    return ""


def number(value: Any, *names: str) -> float | None:
    """Return a finite number by its way through objects."""
    found = _at(value, names)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        real = float(found)
    except OverflowError:  # JSON's integers have no end
        return None
    return real if math.isfinite(real) else None


def rows(value: Any, *names: str) -> list[dict[str, Any]]:
    """Return the objects of an array by its way through objects; whatever else it holds is left out."""
    found = _at(value, names)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def texts(value: Any, *names: str) -> list[str]:
    """Return the texts of an array by its way through objects, each on one line, empty ones left out."""
    found = _at(value, names)
    items = [text(each) for each in found] if isinstance(found, list) else []
    return [each for each in items if each]


def _at(value: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
