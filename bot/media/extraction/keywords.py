"""Which keywords of JSON Schema are taken from people, and which of them Gemini takes.

Gemini's list: ai.google.dev/api/generate-content, `responseJsonSchema` of GenerationConfig. What it does not
take but can be checked quickly here, such as `minLength`, it is told in words. So is what it takes, and then
refuses as an "invalid argument" once there is too much of it in all: bounds of lists, and long enums.
https://github.com/googleapis/python-genai/issues/2170 and /2133, https://github.com/vercel/ai/issues/21192
"""

import json
from collections.abc import Iterable
from typing import Any

from bot.media.errors import MediaError, shown

_MAPS = {"properties", "$defs"}
_LISTS = {"anyOf", "oneOf", "prefixItems"}
_SINGLE = {"items", "additionalProperties"}
# In words to the model, and by the validator to us.
_TOLD = {
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
}
_ALIKE = {
    "type",
    "title",
    "description",
    "enum",
    "required",
    "minimum",
    "maximum",
    "format",
}
_KEPT = _ALIKE | set(_TOLD) | {"const"}
_REFUSED = {
    # A regular expression can take for ever, and hold everything up.
    "pattern",
    "patternProperties",
    "propertyNames",
    # The model can't be held to these, so that each answer would be a matter of luck.
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
    "additionalItems",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    # References that need more than the schema itself to be followed.
    "$dynamicRef",
    "$recursiveRef",
}
_FORMATS = {"date", "date-time", "time"}  # that Gemini knows
_DESCRIBING = ("title", "description")
_ENUM_LENGTH = 500  # characters of all values: the budget for all enums together seems to be some thousand
_OLD_DEFS = "#/definitions/"


def normal(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a schema of those keywords alone that are minded; `definitions` become `$defs`.

    What only describes is dropped. Raises MediaError, which calls the schema `name`, for what can't be used.
    Where a keyword has a value of a wrong type, that stays as it is.
    """
    return _Normal(schema, name).schema


def for_gemini(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a normal schema as Gemini takes it; each value that fits the schema fits this one too."""
    if "$ref" in schema:  # beside which Gemini takes nothing but definitions
        schema = {keyword: schema[keyword] for keyword in ("$ref", "$defs") if keyword in schema}
    made: dict[str, Any] = {}
    hints = []
    for keyword, value in schema.items():
        if keyword in _MAPS:
            made[keyword] = {name: for_gemini(each) for name, each in value.items()}
        elif keyword in _LISTS:
            made[keyword] = [for_gemini(each) for each in value]
        elif keyword == "items" and isinstance(value, bool):
            continue
        elif keyword in _SINGLE:
            made[keyword] = value if isinstance(value, bool) else for_gemini(value)
        elif keyword in _TOLD:
            hints.append(_TOLD[keyword].format(value))
        elif keyword == "const":
            made["enum"] = [value]
        elif keyword == "enum" and sum(len(str(each)) for each in value) > _ENUM_LENGTH:
            hints.append(f"one of {json.dumps(value, ensure_ascii=False)}")
        elif keyword == "format" and value not in _FORMATS:
            hints.append(f"format: {value}")
        else:
            made[keyword] = value
    if hints:
        made["description"] = f"{made.get('description', '')} ({'; '.join(hints)})".strip()
    return _without_null(made)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose enum has texts and numbers alone: Gemini takes no null in it."""
    values: list[Any] | None = schema.get("enum")
    if values is None:
        return schema
    plain = [each for each in values if isinstance(each, str | int | float) and not isinstance(each, bool)]
    if len(plain) == len(values):
        return schema
    rest = {keyword: value for keyword, value in schema.items() if keyword != "enum"}
    if not plain or any(each is not None and each not in plain for each in values):
        return rest  # true, false, lists or objects: the validator alone minds which
    types = schema.get("type")
    if isinstance(types, list):
        rest["type"] = [each for each in types if each != "null"]
    described: dict[str, Any] = {key: rest.pop(key) for key in _DESCRIBING if key in rest}
    return {**described, "anyOf": [{**rest, "enum": plain}, {"type": "null"}]}


class _Normal:
    """Walks one schema, and collects what is wrong with it before it says so."""

    def __init__(self, schema: dict[str, Any], name: str) -> None:
        self._name = name
        self._refused: set[str] = set()
        self._references: set[str] = set()
        defined = {keyword: schema[keyword] for keyword in ("definitions", "$defs") if keyword in schema}
        definitions: dict[str, Any] = {}
        for each in defined.values():
            if isinstance(each, dict):
                definitions |= {key: self._schema(value) for key, value in each.items()}
        self.schema: dict[str, Any] = self._schema(schema)
        if definitions:
            self.schema["$defs"] = definitions
        self._check(set(definitions))

    def _schema(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            if isinstance(schema, bool):
                self._refused.add("true or false in place of a schema")
            return schema
        made: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword in _REFUSED:
                self._refused.add(keyword)
            elif keyword == "$ref":
                made[keyword] = self._reference(value)
            elif keyword == "properties" and isinstance(value, dict):
                made[keyword] = {name: self._schema(each) for name, each in value.items()}
            elif keyword in _LISTS and isinstance(value, list):
                made[keyword] = [self._schema(each) for each in value]
            elif keyword in _SINGLE:
                made[keyword] = value if isinstance(value, bool) else self._schema(value)
            elif keyword in _KEPT or keyword in _LISTS or keyword == "properties":
                made[keyword] = value
        self._check_required(made)
        return made

    def _reference(self, reference: Any) -> Any:
        if isinstance(reference, str):
            if reference.startswith(_OLD_DEFS):
                reference = f"#/$defs/{reference.removeprefix(_OLD_DEFS)}"
            self._references.add(reference)
        return reference

    def _check_required(self, schema: dict[str, Any]) -> None:
        required, properties = schema.get("required"), schema.get("properties", {})
        if not isinstance(required, list) or not isinstance(properties, dict):
            return
        missing = [each for each in required if isinstance(each, str) and each not in properties]
        if missing:
            names = _listed(missing)
            raise MediaError(f"{self._name} requires {names}, which its properties don't have: add it there.")

    def _check(self, definitions: set[str]) -> None:
        if self._refused:
            raise MediaError(
                f"{self._name} uses {_listed(self._refused)}, which can't be used here: leave that out."
            )
        known = {f"#/$defs/{each}" for each in definitions}
        unknown = self._references - known
        if unknown:
            raise MediaError(
                f"{self._name} refers to {_listed(unknown)}, which is none of its own $defs: put it there."
            )
        if not self.schema.keys() & {"properties", "items", "prefixItems", "anyOf", "oneOf", "$ref"}:
            raise MediaError(f"{self._name} asks for nothing: give it properties, or items of a list.")


def _listed(names: Iterable[str]) -> str:
    """Return names for a sentence, a few of them."""
    found = [shown(each) for each in sorted(names)]
    if len(found) > 6:
        return f"{', '.join(found[:6])} and {len(found) - 6} more"
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
