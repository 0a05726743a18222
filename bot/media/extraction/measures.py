"""How much work a schema can make: its references followed, as the validator follows them.

Each reference to a definition counts as that definition anew: five definitions that refer to the next one
ten times each are 100,000 schemas.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.media.errors import MediaError

MOST_SCHEMAS = 2_000  # a form of 500 fields with four members each
DEEPEST = 16
# A value is checked by each schema that may be its own, at about 30 µs: this bounds a whole check.
MOST_ALTERNATIVES = 16
MOST_CHOICES = 1_000  # of one enum, which is searched from its beginning


@dataclass(frozen=True)
class _Measure:
    schemas: int
    depth: int
    alternatives: int
    """Schemas that one value, here or within, may be checked by; at most."""


def check_measures(schema: dict[str, Any], name: str) -> None:
    """Raise MediaError, which calls the schema `name`, where a valid normal schema is too much."""
    whole = _Measurer(schema, name).measure(schema)
    for found, limit, what in (
        (whole.schemas, MOST_SCHEMAS, "members"),
        (whole.depth, DEEPEST, "levels"),
        (whole.alternatives, MOST_ALTERNATIVES, "alternatives for one value"),
    ):
        if found > limit:
            raise MediaError(f"{name} has more than {limit:,} {what}, its $refs followed: make it simpler.")


class _Measurer:
    def __init__(self, root: dict[str, Any], name: str) -> None:
        self._definitions: dict[str, Any] = root.get("$defs", {})
        self._name = name
        self._known: dict[str, _Measure] = {}
        self._within: set[str] = set()

    def measure(self, schema: Any) -> _Measure:
        if isinstance(schema, bool):
            return _Measure(1, 1, 1)
        if len(schema.get("enum", ())) > MOST_CHOICES:
            raise MediaError(f"{self._name} has an enum of more than {MOST_CHOICES:,} values: shorten it.")
        within = [self.measure(each) for each in _within(schema)]
        same = [self.measure(each) for name in ("anyOf", "oneOf") for each in schema.get(name, ())]
        if "$ref" in schema:
            same.append(self._referred(schema["$ref"].removeprefix("#/$defs/")))
        # Members and items are different values; alternatives, and what is within them, look at the same.
        return _Measure(
            schemas=1 + sum(each.schemas for each in (*within, *same)),
            depth=1 + max((each.depth for each in (*within, *same)), default=0),
            alternatives=max((each.alternatives for each in within), default=1)
            + sum(each.alternatives for each in same),
        )

    def _referred(self, definition: str) -> _Measure:
        if definition in self._within:
            raise MediaError(
                f"{self._name} refers to itself in a circle: write out as many levels as you need."
            )
        if len(self._within) > DEEPEST:
            raise MediaError(
                f"{self._name} refers from one definition to the next too often: make it flatter."
            )
        if definition not in self._known:
            self._within.add(definition)
            self._known[definition] = self.measure(self._definitions[definition])
            self._within.discard(definition)
        return self._known[definition]


def _within(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the schemas of what is within a value."""
    yield from schema.get("properties", {}).values()
    yield from schema.get("prefixItems", ())
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield schema[keyword]
