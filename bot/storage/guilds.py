"""The settings of a guild: its own where it has set one, the operator's otherwise."""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypedDict, Unpack

from sqlalchemy import RowMapping, select

from bot.storage.database import Database, upsert
from bot.storage.tables import guild_settings

Turns = Literal["discord", "model"]
Mode = Literal["everyone", "addressed", "push-to-talk"]
FloorKind = Literal["one", "mix"]
ConsentPolicy = Literal["ask", "notice"]


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """How the bot talks in a guild."""

    model: str
    voice: str
    turns: Turns
    """Who says where a turn ends: Discord's clients, which stop sending when silent, or the model."""
    language: str | None = None
    """BCP 47, such as de-DE; None lets the model follow the speaker."""
    persona: str = "assistant"
    """The name of a ready one, or `own`."""
    instruction: str | None = None
    """The system instruction, where the persona is the guild's own."""
    mode: Mode = "everyone"
    """Whom the bot answers."""
    floor: FloorKind = "one"
    """Whether one person at a time is heard, or the sum of all."""
    captions: bool = True
    consent: ConsentPolicy = "ask"
    """`ask`: who has agreed is heard; `notice`: who has not objected."""
    retention_days: int = 7
    """How long transcripts are kept; with 0 none are, here or at Google."""
    idle_minutes: int = 10
    """After so long with nobody speaking, or nobody there, the bot leaves."""
    join_roles: tuple[int, ...] = ()
    """Who may have the bot join, by the ids of roles; nobody named: everyone."""
    config_roles: tuple[int, ...] = ()
    """Who may change these settings, beside those who may manage the server."""


class GuildChanges(TypedDict, total=False):
    """What can be set for a guild; None goes back to the operator's setting."""

    model: str | None
    voice: str | None
    turns: Turns | None
    language: str | None
    persona: str | None
    instruction: str | None
    mode: Mode | None
    floor: FloorKind | None
    captions: bool | None
    consent: ConsentPolicy | None
    retention_days: int | None
    idle_minutes: int | None
    join_roles: tuple[int, ...] | None
    config_roles: tuple[int, ...] | None


class GuildStore:
    """The guilds' own settings: few, and asked for where nothing can wait, so they are in memory too."""

    def __init__(self, database: Database, defaults: GuildSettings, own: dict[int, dict[str, Any]]) -> None:
        self._database = database
        self._defaults = defaults
        self._own = own

    @classmethod
    async def load(cls, database: Database, defaults: GuildSettings) -> Self:
        """Read what guilds have set. Raises StorageError."""
        async with database.reading() as connection:
            rows = (await connection.execute(select(guild_settings))).mappings()
            return cls(database, defaults, {row["guild_id"]: _set(row) for row in rows})

    def get(self, guild_id: int) -> GuildSettings:
        """Return the settings that hold in a guild."""
        return replace(self._defaults, **self._own.get(guild_id, {}))

    async def change(self, guild_id: int, **changes: Unpack[GuildChanges]) -> None:
        """Change some of a guild's own settings; they hold once they are stored. Raises StorageError."""
        if not changes:
            return
        query = select(guild_settings).where(guild_settings.c.guild_id == guild_id)
        async with self._database.writing() as connection:
            await upsert(connection, guild_settings, {"guild_id": guild_id}, changes)
            row = (await connection.execute(query)).mappings().one()
        self._own[guild_id] = _set(row)


def _set(row: RowMapping) -> dict[str, Any]:
    """Return what a row sets, by the names of GuildSettings."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.items()
        if name != "guild_id" and value is not None
    }
