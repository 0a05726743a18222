"""A responseSchema, which is a part of OpenAPI 3.0 in proto JSON, as JSON Schema."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.wire import members, typed

JsonSchema: TypeAlias = dict[str, Any]

_OPENAPI = (
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
    "additionalProperties",
)
_TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
_COUNTS = (
    "maxItems",
    "minItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
)  # int64 in JSON
DEEPEST = 32  # levels; a schema that refers to itself without an end is refused
TOO_DEEP = "The specified schema is nested too deeply or refers to itself without an end."


def from_openapi(value: object, depth: int = 0) -> JsonSchema:
    """Return a responseSchema as JSON Schema; raise RestError or RefusedError for what is refused."""
    if depth > DEEPEST:
        raise RestError(400, TOO_DEEP)
    found = members(value, _OPENAPI, "response_schema")
    schema: JsonSchema = {
        name: found[name] for name in ("enum", "format", "minimum", "maximum", "pattern") if name in found
    }
    schema |= {name: typed(found[name], int, name) for name in _COUNTS if name in found}
    if "type" in found:
        name = str(found["type"]).upper()
        if name not in _TYPES:
            raise RestError(400, f"Invalid value at 'response_schema.type': {found['type']!r}.")
        schema["type"] = name.lower()
    elif "anyOf" not in found:
        raise RestError(
            400, "* GenerateContentRequest.generation_config.response_schema.type: must be specified"
        )
    if found.get("nullable"):
        schema["type"] = [schema["type"], "null"] if "type" in schema else "null"
    if "items" in found:
        schema["items"] = from_openapi(found["items"], depth + 1)
    if "anyOf" in found:
        schema["anyOf"] = [from_openapi(one, depth + 1) for one in typed(found["anyOf"], list, "any_of")]
    if schema.get("type") in ("object", ["object", "null"]):
        schema |= _object(found, depth)
    return schema


def _object(found: Mapping[str, Any], depth: int) -> JsonSchema:
    properties = found.get("properties") or {}
    if not isinstance(properties, dict) or not properties:
        raise RestError(400, "* response_schema.properties: should be non-empty for OBJECT type")
    required = typed(found.get("required", []), list, "required")
    for name in required:
        if name not in properties:
            raise RestError(400, f"* response_schema.required: property {name!r} is not defined")
    return {
        "properties": {name: from_openapi(one, depth + 1) for name, one in properties.items()},
        "required": required,
    }
