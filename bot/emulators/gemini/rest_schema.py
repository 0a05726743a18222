"""Structured output: a value that validates by a schema, with what was measured wherever a name asks for it.

Optional members that nothing was measured for are left out and nullable ones are null, so that whatever an
answer holds is either measured or demanded by the schema. Minded are: type, properties, required, items,
prefixItems, enum, const, anyOf, oneOf, allOf, $ref, and the bounds of numbers, texts and arrays.
"""

from typing import Any

from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_findings import Findings, Member, Wanted
from bot.emulators.gemini.rest_openapi import DEEPEST, TOO_DEEP, JsonSchema
from bot.emulators.gemini.rest_records import MISSING, Record, same_value
from bot.emulators.gemini.rest_scalars import a_number, a_text, a_time

_MOST_ITEMS = 200  # of an array that has no bound of its own


def fill(schema: JsonSchema, findings: Findings) -> Any:
    """Return a value for the schema; raise RestError for a schema that can't be met."""
    return _Filler(schema, findings).demanded(schema, "", findings.all, 0)


def spoil(value: Any, schema: JsonSchema) -> Any:
    """Return a value that breaks the schema: the first required member is missing, or the type is another."""
    required = schema.get("required")
    if isinstance(value, dict) and isinstance(required, list) and required:
        return {name: one for name, one in value.items() if name != required[0]}
    return {} if isinstance(value, str) else "This is not what was asked for."


class _Filler:
    """Makes one answer; `root` is what references point into."""

    def __init__(self, root: JsonSchema, findings: Findings) -> None:
        self._root = root
        self._findings = findings

    def value(self, schema: Any, name: str, record: Record, depth: int) -> Any:
        """Return a value for the member `name` of something that `record` was measured of."""
        if depth > DEEPEST:
            raise RestError(400, TOO_DEEP)
        schema = self._plain(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice(schema["enum"], name, record)
        match self._type(schema):
            case "object":
                return self._object(schema, record, depth)
            case "array":
                return self._array(schema, name, record, depth)
            case "null":
                return None
            case kind:
                return self._scalar(kind, schema, name, record)

    def demanded(self, schema: Any, name: str, record: Record, depth: int) -> Any:
        """Return a value in any case: a measured one, else null, else the least that the schema takes."""
        value = self.value(schema, name, record, depth)
        if value is not MISSING:
            return value
        schema = self._plain(schema, depth)
        if "null" in _types(schema):
            return None
        match self._type(schema):
            case "boolean":
                return False
            case "number" | "integer" as kind:
                return a_number(0, schema, whole=kind == "integer")
            case _:
                return a_text(self._findings.summary, schema)

    def _plain(self, schema: Any, depth: int) -> JsonSchema:
        """Return a schema without references and alternatives: of these the first that is not null."""
        for _ in range(DEEPEST - depth + 1):
            if not isinstance(schema, dict):
                return {}
            if "$ref" in schema:
                schema = self._resolve(str(schema["$ref"]))
            elif "allOf" in schema:
                schema = _merged([{k: v for k, v in schema.items() if k != "allOf"}, *schema["allOf"]])
            elif choices := schema.get("anyOf") or schema.get("oneOf"):
                rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
                some = next((one for one in choices if _types(one) != ["null"]), choices[0])
                schema = _merged([rest, some])
            else:
                return schema
        raise RestError(400, TOO_DEEP)

    def _resolve(self, reference: str) -> Any:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else []:
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or step not in found:
                raise RestError(400, f"The specified schema refers to {reference!r}, which is not defined.")
            found = found[step]
        return found

    def _type(self, schema: JsonSchema) -> str:
        named = [one for one in _types(schema) if one != "null"]
        if named:
            return named[0]
        if _types(schema):
            return "null"
        if "properties" in schema:
            return "object"
        return "array" if "items" in schema else "string"

    def _choice(self, values: list[Any], name: str, record: Record) -> Any:
        """Return the value of an enum that was measured, else the first."""
        measured = record.find(name)
        return next((one for one in values if same_value(one, measured)), values[0] if values else None)

    def _object(self, schema: JsonSchema, record: Record, depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        found: dict[str, Any] = {}
        for name, inner in schema.get("properties", {}).items():
            if name in required:
                found[name] = self.demanded(inner, name, record, depth + 1)
            elif (value := self._optional(inner, name, record, depth + 1)) is not MISSING:
                found[name] = value
        for name in required:
            found.setdefault(name, self._findings.summary)
        return found

    def _optional(self, schema: Any, name: str, record: Record, depth: int) -> Any:
        """Return a value if it says something: no empty objects, and no schema within itself without end."""
        if depth > DEEPEST // 4:
            return MISSING
        value = self.value(schema, name, record, depth)
        return MISSING if value in ({}, [], None) else value

    def _array(self, schema: JsonSchema, name: str, record: Record, depth: int) -> Any:
        least, most = schema.get("minItems", 0), schema.get("maxItems", _MOST_ITEMS)
        if isinstance(prefix := schema.get("prefixItems"), list):
            return [self.demanded(one, name, record, depth + 1) for one in prefix]
        items = schema.get("items", {})
        measured = record.find(name)
        if isinstance(measured, list | tuple):
            values = [self._item(one, items, name) for one in measured]
        elif self._type(self._plain(items, depth)) == "object":
            inner = self._plain(items, depth)
            records = self._findings.records(self._wanted(name, inner, depth), record)
            values = [self.value(items, name, one, depth + 1) for one in records]
        else:
            value = self.value(items, name, record, depth + 1)
            values = [] if value is MISSING else [value]
        values = values[:most]
        while len(values) < least:
            values.append(self.demanded(items, name, record, depth + 1))
        return values

    def _wanted(self, name: str, schema: JsonSchema, depth: int) -> Wanted:
        """Return what an array of such objects asks for."""
        required = schema.get("required", [])
        members = []
        for member, inner in schema.get("properties", {}).items():
            plain = self._plain(inner, depth)
            scalar = self._type(plain) not in ("object", "array") and "null" not in _types(inner)
            choices = tuple(plain.get("enum", ()))
            members.append(Member(member, scalar, member in required, choices))
        return Wanted(name, tuple(members))

    def _item(self, value: Any, items: Any, name: str) -> Any:
        return self.demanded(items, name, Record({name: value}), 1)

    def _scalar(self, kind: str, schema: JsonSchema, name: str, record: Record) -> Any:
        """Return a measured value as that type; MISSING where none was measured."""
        found = record.find(name)
        match kind:
            case "boolean":
                return found if isinstance(found, bool) else MISSING
            case "number" | "integer":
                if isinstance(found, bool) or not isinstance(found, int | float):
                    return MISSING
                return a_number(found, schema, whole=kind == "integer")
            case "string":
                if found is MISSING:
                    return MISSING
                text = record.text(name)
                clocks = record.clocks(name)
                return a_text(a_time(text, clocks, schema) if clocks else text, schema)
            case _:
                raise RestError(400, f"The specified schema has an unknown type {kind!r}.")


def _types(schema: Any) -> list[str]:
    """Return the types that a schema names."""
    kind = schema.get("type", []) if isinstance(schema, dict) else []
    return [str(one).lower() for one in (kind if isinstance(kind, list) else [kind])]


def _merged(schemas: list[Any]) -> JsonSchema:
    """Return schemas that all hold as one."""
    merged: JsonSchema = {}
    for schema in schemas:
        for name, value in (schema if isinstance(schema, dict) else {}).items():
            if name == "properties":
                merged[name] = {**merged.get(name, {}), **value}
            elif name == "required":
                merged[name] = [*merged.get(name, []), *value]
            else:
                merged[name] = value
    return merged
