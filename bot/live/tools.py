"""What a model is told that it may ask the program to do: function declarations, as the API takes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.genai import types


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that the model may call; it goes on talking meanwhile."""

    name: str
    description: str
    """When to call it, and what it gives: the model reads nothing else about it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The JSON Schema of each argument, by name."""
    required: tuple[str, ...] = ()

    def declaration(self) -> types.FunctionDeclaration:
        """Return the SDK's form of it."""
        schema = {"type": "object", "properties": dict(self.parameters), "required": list(self.required)}
        return types.FunctionDeclaration(
            name=self.name,
            description=self.description,
            parameters_json_schema=schema if self.parameters else None,
            behavior=types.Behavior.NON_BLOCKING,
        )


def tools_of(functions: tuple[FunctionSpec, ...], *, search: bool) -> list[types.Tool]:
    """Return the tools of a setup: search, and the functions."""
    tools = []
    if search:
        tools.append(types.Tool(google_search=types.GoogleSearch()))
    if functions:
        tools.append(types.Tool(function_declarations=[each.declaration() for each in functions]))
    return tools
