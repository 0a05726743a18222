"""Ready-made schemas by what people call such files, and what can be said of values by them."""

import json
from pathlib import Path
from typing import Any, Literal, get_args

from bot.media.extraction.receipts import receipt_notes
from bot.media.task import Json
from bot.media.value import rows

KINDS = Path(__file__).with_name("kinds")

Kind = Literal["receipt", "product", "business card", "table", "form"]
_FILES: dict[Kind, str] = {
    "receipt": "receipt.json",
    "product": "product.json",
    "business card": "card.json",
    "table": "table.json",
    "form": "form.json",
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    kind: json.loads((KINDS / _FILES[kind]).read_text("utf-8")) for kind in get_args(Kind)
}


def schema_of(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of a kind."""
    return _SCHEMAS[kind]


def kind_problems(kind: str | None, value: Json) -> list[str]:
    """Return what is wrong with a value of a kind though it fits the schema."""
    if kind != "table":
        return []
    found = []
    for index, table in enumerate(rows(value, "tables")):
        width = len(_listed(table.get("columns")))
        for at, row in enumerate(_listed(table.get("rows"))):
            if len(row) != width:
                found.append(
                    f"tables[{index}].rows[{at}] has {len(row)} cells, and the table has {width} columns"
                )
    return found


def kind_notes(kind: str | None, value: Json) -> list[str]:
    """Return what people ought to know of a whole value of a kind, such as totals that don't add up."""
    return receipt_notes(value) if kind == "receipt" else []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
