"""The generationConfig of a request: what is minded, and what is only checked."""

from dataclasses import dataclass
from typing import Any

from bot.emulators.gemini.models import Model
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_openapi import JsonSchema, from_openapi
from bot.emulators.gemini.wire import members, one_of, typed

_CONFIG = (
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "thinkingConfig",
    "mediaResolution",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "speechConfig",
    "enableEnhancedCivicAnswers",
    "audioTimestamp",
)
_RESOLUTIONS = tuple(f"MEDIA_RESOLUTION_{level}" for level in ("UNSPECIFIED", "LOW", "MEDIUM", "HIGH"))
_MOST_STOPS = 5  # stop sequences
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Config:
    """How to answer."""

    max_output_tokens: int
    """Thoughts count too."""
    stops: tuple[str, ...]
    json: bool
    schema: JsonSchema | None
    thinks: bool
    shows_thoughts: bool
    resolution: str
    """LOW, MEDIUM, HIGH or empty."""


def read_config(value: object, model: Model) -> Config:
    """Return a generationConfig; raise RestError or RefusedError for what is refused."""
    found = members(value, _CONFIG, "generation_config")
    if typed(found.get("candidateCount", 1), int, "candidate_count") != 1:
        raise RestError(400, "Multiple candidates is not enabled for this model")
    for one in typed(found.get("responseModalities", []), list, "response_modalities"):
        if one != "TEXT":
            raise RestError(400, "This model only supports text output.")
    _check_numbers(found)
    is_json, schema = _format(found)
    thinks, shows = _thinking(found.get("thinkingConfig", {}))
    resolution = found.get("mediaResolution", _RESOLUTIONS[0])
    level = one_of(resolution, _RESOLUTIONS, "media_resolution").removeprefix("MEDIA_RESOLUTION_")
    return Config(
        max_output_tokens=_max_output(found, model),
        stops=_stops(found.get("stopSequences", [])),
        json=is_json,
        schema=schema,
        thinks=thinks,
        shows_thoughts=shows,
        resolution="" if level == "UNSPECIFIED" else level,
    )


def _check_numbers(found: dict[str, Any]) -> None:
    for name, most in (("temperature", 2.0), ("topP", 1.0)):
        number = found.get(name, 0.0)
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0.0 <= number <= most:
            raise RestError(400, f"Invalid value at 'generation_config.{name}': 0 to {most} is expected.")


def _max_output(found: dict[str, Any], model: Model) -> int:
    limit = model.rest.output_tokens if model.rest is not None else 0
    most: int = typed(found.get("maxOutputTokens", limit), int, "max_output_tokens")
    if not 1 <= most <= limit:
        raise RestError(400, f"Unable to submit request: maxOutputTokens must be from 1 to {limit}.")
    return most


def _stops(value: object) -> tuple[str, ...]:
    stops = [typed(one, str, "stop_sequences") for one in typed(value, list, "stop_sequences")]
    if len(stops) > _MOST_STOPS or not all(stops):
        raise RestError(400, f"At most {_MOST_STOPS} stop sequences, none of them empty, are allowed.")
    return tuple(stops)


def _format(found: dict[str, Any]) -> tuple[bool, JsonSchema | None]:
    """Return whether JSON is asked for, and its schema."""
    mime_type = typed(found.get("responseMimeType", "text/plain"), str, "response_mime_type")
    if mime_type not in ("text/plain", _JSON):
        raise RestError(400, f"Response mime type {mime_type!r} is not supported: text/plain or {_JSON} is.")
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if name in found]
    if len(schemas) > 1:
        raise RestError(400, "Only one of response_schema and response_json_schema may be set.")
    if schemas and mime_type != _JSON:
        raise RestError(400, f"Function calling or a response schema needs the response mime type {_JSON!r}.")
    if "responseSchema" in found:
        return True, from_openapi(found["responseSchema"])
    schema = found.get("responseJsonSchema")
    if schema is not None and not isinstance(schema, dict):
        raise RestError(400, "Invalid value at 'response_json_schema': an object is expected.")
    return mime_type == _JSON, schema


def _thinking(value: object) -> tuple[bool, bool]:
    """Return whether the model thinks, and whether it shows its thoughts."""
    found = members(value, ("includeThoughts", "thinkingBudget", "thinkingLevel"), "thinking_config")
    if "thinkingBudget" in found and "thinkingLevel" in found:
        raise RestError(400, "You can only set only one of thinking budget and thinking level.")
    thinks = typed(found.get("thinkingBudget", -1), int, "thinking_budget") != 0
    return thinks, thinks and typed(found.get("includeThoughts", False), bool, "include_thoughts")
