"""Whether a receipt adds up. Where it does not, it may have been misread, or be so: people are told."""

from typing import Any

from bot.media.task import Json
from bot.media.value import number, rows

# Cash is rounded to five cents in some countries, and printed lines to one cent each.
TOLERANCE = 0.055
_LINE_TOLERANCE = 0.015
_MOST_LINES = 3  # that are named one by one


def receipt_notes(value: Json) -> list[str]:
    """Return sentences on what does not add up in a whole receipt; none where it can't be told."""
    found = [*_lines(rows(value, "items")), *_total(value)]
    return [f"{each}: compare it with the receipt." for each in found]


def _lines(items: list[dict[str, Any]]) -> list[str]:
    wrong = []
    for index, item in enumerate(items, start=1):
        quantity, price, total = (number(item, name) for name in ("quantity", "unit_price", "total"))
        if quantity is None or price is None or total is None:
            continue
        if abs(quantity * price - total) > _LINE_TOLERANCE:
            wrong.append(f"Line {index} says {quantity:g} times {_money(price)} is {_money(total)}")
    if len(wrong) > _MOST_LINES:
        return [f"In {len(wrong)} lines, quantity and unit price don't make the line's total"]
    return wrong


def _total(value: Json) -> list[str]:
    total = number(value, "total")
    amounts = [number(item, "total") for item in rows(value, "items")]
    if total is None or not amounts or None in amounts:
        return []
    lines = sum(amount for amount in amounts if amount is not None)
    tax, discount, tip = (number(value, name) or 0.0 for name in ("tax", "discount", "tip"))
    expected = lines - discount + tip
    # Where it is not said whether the lines have the tax in them, either may be.
    included = value.get("tax_included") if isinstance(value, dict) else None
    with_tax, without = abs(expected - total), abs(expected + tax - total)
    if (included is not False and with_tax <= TOLERANCE) or (included is not True and without <= TOLERANCE):
        return []
    come_to = expected + tax if included is False else expected
    return [f"The lines come to {_money(come_to)}, and the total says {_money(total)}"]


def _money(amount: float) -> str:
    return f"{amount:.2f}"
