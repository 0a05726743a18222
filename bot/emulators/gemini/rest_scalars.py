"""Numbers and texts that fit the bounds of a schema."""

import math
import re
from typing import Any

from bot.emulators.gemini.rest_errors import RestError

_FORMATS = {  # what is demanded and was not measured has to look like something
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "nobody@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
_CANDIDATES = (
    "0",
    "00",
    "000",
    "0000",
    "A",
    "AA",
    "AAA",
    "a",
    "0.00",
    "00:00",
    "00:00:00",
    "00:00:00,000",
    "#000000",
    "",
)


def a_number(value: float, schema: dict[str, Any], *, whole: bool) -> float:
    """Return the number of the schema that is nearest to a value; raise RestError if there is none."""
    low, high = (
        _bound(schema, "minimum", "exclusiveMinimum", 1),
        _bound(schema, "maximum", "exclusiveMaximum", -1),
    )
    step = schema.get("multipleOf") or (1 if whole else 0)
    number = min(max(float(value) if math.isfinite(value) else low if low > -math.inf else 0.0, low), high)
    if step:
        number = round(number / step) * step
        number += step if number < low else -step if number > high else 0
    if not low <= number <= high:
        raise RestError(400, "The specified schema has a number between bounds that exclude each other.")
    if whole or number == round(number):
        return round(number)
    short = round(number, 6)
    return short if low <= short <= high else number


def _bound(schema: dict[str, Any], inclusive: str, exclusive: str, sign: int) -> float:
    """Return a bound; `sign` is 1 for the lower, -1 for the upper."""
    bound = -math.inf * sign
    if isinstance(given := schema.get(inclusive), int | float):
        bound = float(given)
    if isinstance(given := schema.get(exclusive), int | float) and not isinstance(given, bool):
        inside = math.nextafter(float(given), math.inf * sign)
        bound = max(bound, inside) if sign > 0 else min(bound, inside)
    return bound


def a_time(clock: str, clocks: dict[str, str], schema: dict[str, Any]) -> str:
    """Return a time as the schema's description or pattern asks for it; `clocks` has other ways."""
    told = str(schema.get("description", ""))
    named = next((clocks[name] for name in clocks if name in told), clock)
    pattern = str(schema.get("pattern", ""))
    try:
        return next((one for one in (named, clock, *clocks.values()) if re.search(pattern, one)), named)
    except re.error:
        return named  # which is refused where the text is made


def a_text(value: str, schema: dict[str, Any]) -> str:
    """Return the value as far as the schema lets it; raise RestError for a pattern that is not met."""
    if (form := schema.get("format")) in _FORMATS:
        return _FORMATS[form]
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    fitted = (value if most is None else value[: int(most)]).ljust(least, ".")
    pattern = schema.get("pattern")
    if pattern is None:
        return fitted
    try:
        found = next((one for one in (fitted, *_CANDIDATES) if re.search(str(pattern), one)), None)
    except re.error:
        raise RestError(400, f"The specified schema has a pattern that is none: {pattern!r}.") from None
    if found is None:
        raise RestError(400, f"The specified schema has a pattern that is too complex: {pattern!r}.")
    return found
