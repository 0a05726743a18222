"""Which models there are and what each takes, read from models.json: they age, so they are data.

The retired models are not in the table: the server does not know them any more, and says so.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.emulators.gemini.wire import POLICY, RefusedError

LIVE_METHOD = "bidiGenerateContent"


@dataclass(frozen=True, slots=True)
class LiveTraits:
    """What a Live model takes and what it refuses."""

    thinking: str
    """`refused` or `required`: what it does about a thinking_config."""
    proactive_audio: str
    """`always`: proactive whether asked or not, and asking for the opposite is an error. Else `optional`."""
    affective_dialog: bool
    client_content: str
    """`always`, or `history`: only before the first realtime input."""
    audio_stream_end: bool
    """Whether it ends the turn; false: it is ignored."""
    tool_behavior: str
    """`BLOCKING` or `NON_BLOCKING`: of a function that does not say."""
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestTraits:
    """What a model takes that answers requests with text."""

    output_tokens: int
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One model; `live` is None for those that are only for REST, `rest` for those with no text to answer."""

    name: str
    methods: tuple[str, ...]
    input_tokens: int | None
    """The limit, where it is known."""
    live: LiveTraits | None
    rest: RestTraits | None

    def resource(self) -> dict[str, Any]:
        """Return what the REST API tells about it."""
        limit = {} if self.input_tokens is None else {"inputTokenLimit": self.input_tokens}
        if self.rest is not None:
            limit["outputTokenLimit"] = self.rest.output_tokens
        return {
            "name": f"models/{self.name}",
            "version": "001",
            "displayName": self.name.replace("-", " ").title(),
            "supportedGenerationMethods": list(self.methods),
            **limit,
        }


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every model by name, and every voice."""

    models: dict[str, Model]
    female_voices: tuple[str, ...]
    male_voices: tuple[str, ...]

    @property
    def voices(self) -> tuple[str, ...]:
        """Every voice."""
        return self.female_voices + self.male_voices

    def live(self, resource: str) -> Model:
        """Return the Live model `models/NAME`; raise RefusedError as the server does for any other."""
        model = self.models.get(resource.removeprefix("models/"))
        if model is None or model.live is None:
            raise RefusedError(
                POLICY,
                f"{resource} is not found for API version v1beta, or is not supported for {LIVE_METHOD}.",
            )
        return model


@functools.cache
def catalogue() -> Catalogue:
    """Return the table of models.json."""
    table = json.loads(Path(__file__).with_name("models.json").read_text("utf-8"))
    models = {name: _model(name, entry) for name, entry in table["models"].items()}
    return Catalogue(models, tuple(table["voices"]["female"]), tuple(table["voices"]["male"]))


def _model(name: str, entry: dict[str, Any]) -> Model:
    live, rest = entry.get("live"), entry.get("rest")
    return Model(
        name=name,
        methods=tuple(entry["methods"]),
        input_tokens=entry.get("input_tokens"),
        live=LiveTraits(**{**live, "tools": tuple(live["tools"])}) if live else None,
        rest=RestTraits(**{**rest, "tools": tuple(rest["tools"])}) if rest else None,
    )
