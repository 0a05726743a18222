"""What is asked of the model in one request."""

from dataclasses import dataclass
from typing import Any, Literal

from bot.media.sources import Source

Detail = Literal["low", "medium", "high"]


@dataclass(frozen=True)
class MediaRequest:
    """One question about some files."""

    guild_id: int | None
    """None in a direct message; requests are served fairly among guilds, and among people there."""
    user_id: int
    sources: tuple[Source, ...]
    prompt: str
    system: str = ""
    detail: Detail | None = None
    """How closely the model looks; less costs fewer tokens. None leaves it to the model."""
    schema: dict[str, Any] | None = None
    """A JSON Schema that the answer shall follow; None for prose."""
    model: str | None = None
    """None for the operator's model."""
