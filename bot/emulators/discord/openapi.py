"""Checks REST requests and answers against Discord's published OpenAPI (3.1, JSON Schema 2020-12).

Used in tests only: jsonschema is not among the program's dependencies, so it is imported when asked for.
"""

import json
import re
from pathlib import Path
from typing import Any

from bot.emulators.discord.rest import JSON_TYPE, Answer

_PARAMETER = re.compile(r"\\\{\w+\\\}")
_REQUESTS, _ANSWERS = "urn:discord:requests", "urn:discord:answers"
_SHOWN = 400  # characters of a violation


class OpenApi:
    """The document, and what was found to break it."""

    def __init__(self, path: Path) -> None:
        from jsonschema import Draft202012Validator
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        self._document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        versions = {
            _ANSWERS: _for_answers(self._document),
            _REQUESTS: _for_requests(self._document),
        }
        resources = {
            uri: Resource.from_contents(version, default_specification=DRAFT202012)
            for uri, version in versions.items()
        }
        self._registry = Registry().with_resources(resources.items())
        self._make: Any = Draft202012Validator
        self._validators: dict[str, Any] = {}
        paths = sorted(self._document["paths"], key=lambda path: path.count("{"))
        self._paths: list[tuple[re.Pattern[str], str]] = [
            (re.compile(_PARAMETER.sub("[^/]+", re.escape(path))), str(path)) for path in paths
        ]
        self.violations: list[str] = []
        self.checked = 0
        """How many requests and answers were checked."""

    def check(self, method: str, path: str, *, content_type: str, body: Any, answer: Answer) -> None:
        """Check one request and its answer; what breaks the document is added to `violations`.

        A request that was refused needs no valid body.
        """
        template = self._template(path)
        operation = self._document["paths"].get(template, {}).get(method.lower())
        if operation is None:
            if answer.status != 404:
                self._add(f"{method} {path}", "is in no path of the document, and was served")
            return
        where = f"{method} {template}"
        pointer = f"/paths/{_escaped(template or '')}/{method.lower()}"
        self.checked += 1
        if answer.status < 400:
            self._check_request(where, pointer, operation, content_type, body)
        self._check_answer(where, pointer, operation, answer)

    def _template(self, path: str) -> str | None:
        for pattern, template in self._paths:
            if pattern.fullmatch(path):
                return template
        return None

    def _check_request(
        self, where: str, pointer: str, operation: dict[str, Any], content_type: str, body: Any
    ) -> None:
        request_body = operation.get("requestBody")
        if request_body is None:
            return
        if body is None:
            if request_body.get("required"):
                self._add(where, "needs a body")
            return
        if content_type not in request_body["content"]:
            self._add(where, f"does not take {content_type}")
            return
        schema = f"{_REQUESTS}#{pointer}/requestBody/content/{_escaped(content_type)}/schema"
        self._validate(f"{where} request", schema, body)

    def _check_answer(self, where: str, pointer: str, operation: dict[str, Any], answer: Answer) -> None:
        responses = operation["responses"]
        status = str(answer.status)
        key = status if status in responses else f"{status[0]}XX"
        if key not in responses:
            if answer.status < 500:
                self._add(where, f"answers no {status}")
            return
        response, place = self._resolved(responses[key], f"{pointer}/responses/{key}")
        content = response.get("content", {})
        if JSON_TYPE not in content:
            if answer.body is not None:
                self._add(f"{where} {status}", "has no body")
            return
        schema = f"{_ANSWERS}#{place}/content/{_escaped(JSON_TYPE)}/schema"
        self._validate(f"{where} answer {status}", schema, answer.body)

    def _resolved(self, node: dict[str, Any], place: str) -> tuple[dict[str, Any], str]:
        if "$ref" not in node:
            return node, place
        pointer = node["$ref"].removeprefix("#")
        found: Any = self._document
        for step in pointer.strip("/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        return found, pointer

    def _validate(self, where: str, schema: str, value: Any) -> None:
        if schema not in self._validators:
            self._validators[schema] = self._make({"$ref": schema}, registry=self._registry)
        for error in self._validators[schema].iter_errors(value):
            self._add(where, _deepest(error))

    def _add(self, where: str, what: str) -> None:
        self.violations.append(f"{where}: {what}"[:_SHOWN])


def _for_answers(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document mended: codes within `errors` are names such as BASE_TYPE_REQUIRED.

    The document has them as integers, against Discord's own documentation and what it sends.
    """
    text = {"type": "string"}
    properties = {"code": text, "message": text}
    errors = {
        "type": "array",
        "items": {"type": "object", "required": list(properties), "properties": properties},
    }
    mended = {"type": "object", "required": ["_errors"], "properties": {"_errors": errors}}
    return _with_schema(document, "InnerErrors", mended)


def _for_requests(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document for requests, where Discord takes snowflakes as integers, too, and says so."""
    snowflake = document["components"]["schemas"]["SnowflakeType"] | {"type": ["string", "integer"]}
    return _with_schema(document, "SnowflakeType", snowflake)


def _with_schema(document: dict[str, Any], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    components = document["components"]
    schemas = components["schemas"] | {name: schema}
    return document | {"components": components | {"schemas": schemas}}


def _escaped(step: str) -> str:
    """Return a key as JSON pointers in URIs carry it; `{` stays, since nothing decodes it."""
    return step.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _deepest(error: Any) -> str:
    """Say what broke where; of several alternatives, what the one that got furthest lacked."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    path = "/".join(str(step) for step in error.absolute_path)
    return f"at {path or '.'}: {error.message}"
