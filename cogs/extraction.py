"""The front door of what is taken out of files: /read, /extract and /inspect, and the schemas of a server."""

import asyncio
import json
import re
from typing import Literal, NoReturn, cast

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import EarshotError
from bot.media.detail import Detail
from bot.media.errors import shown
from bot.media.extraction.given import check_size, read_schema
from bot.media.extraction.ready import Kind
from bot.media.tasks.extract import Extract
from bot.media.tasks.inspect import Inspect
from bot.media.tasks.read import Read
from bot.storage.errors import StorageError
from bot.storage.schemas import MOST, SchemaStore, TooManyError
from bot.text.escape import escaped
from cogs.answer import Answers
from cogs.media_request import CONTEXTS, INSTALLS, anywhere, request_of, source_of

LANGUAGE_LENGTH = 40  # characters of a language's name
NAME_LENGTH = 32
_NAME = re.compile(rf"[a-z0-9-]{{1,{NAME_LENGTH}}}")
_OFFERED = 25  # choices: Discord shows no more

_FILE = "A picture or PDF."
_NO_SERVER = "Schemas are kept only for servers: here, give /extract your schema as schema_file."
_ONE_SCHEMA = "Say what to extract: give exactly one of the options kind, schema and schema_file."
_NOT_FETCHED = "{name} could not be fetched from Discord: try again in a minute."
_NO_RIGHT = "Only people with the Manage Server permission can change this server's schemas: ask one of them."


class Extraction(commands.Cog):
    """Commands that take text and data out of files."""

    schema = app_commands.Group(
        name="schema",
        description="JSON Schemas that this server keeps for /extract.",
        allowed_contexts=CONTEXTS,
        allowed_installs=INSTALLS,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, answers: Answers, schemas: SchemaStore) -> None:
        self._answers = answers
        self._schemas = schemas

    @app_commands.command(description="Write down the text of a picture or PDF, with its layout.")
    @app_commands.describe(
        file=_FILE,
        translate="A language, such as German: the text as it is, and below it the translation.",
    )
    @anywhere
    async def read(
        self,
        interaction: discord.Interaction,
        file: discord.Attachment,
        translate: app_commands.Range[str, 1, LANGUAGE_LENGTH] | None = None,
    ) -> None:
        """Write down what stands in a file."""
        await interaction.response.defer(thinking=True)
        task = Read(" ".join(translate.split()) or None if translate else None, _closeness(file))
        request = request_of(interaction, [source_of(file)], task, about=translate)
        await self._answers.give(interaction, request)

    @app_commands.command(description="Take data out of a file by a schema, as a table, JSON and CSV.")
    @app_commands.describe(
        file="A picture or PDF; text, recordings and videos do too.",
        kind="What the file is.",
        schema="One of this server's own schemas.",
        schema_file="A JSON Schema as a file, of at most 64 KiB.",
        output="JSON alone, or CSV too, for spreadsheets.",
    )
    @app_commands.rename(output="format")
    @anywhere
    async def extract(
        self,
        interaction: discord.Interaction,
        file: discord.Attachment,
        kind: Kind | None = None,
        schema: app_commands.Range[str, 1, NAME_LENGTH] | None = None,
        schema_file: discord.Attachment | None = None,
        output: Literal["json", "csv"] = "json",
    ) -> None:
        """Take out of a file what a schema asks for."""
        await interaction.response.defer(thinking=True)
        csv, closeness = output == "csv", _closeness(file)
        if [kind, schema, schema_file].count(None) != 2:
            raise EarshotError(_ONE_SCHEMA)
        if kind is not None:
            task = Extract.of_kind(kind, csv=csv, closeness=closeness)
        elif schema is not None:
            wanted = await self._kept(interaction, schema)
            task = Extract(schema, wanted, csv=csv, closeness=closeness)
        else:
            given = cast(discord.Attachment, schema_file)
            task = Extract(shown(given.filename), await _given(given), csv=csv, closeness=closeness)
        await self._answers.give(
            interaction, request_of(interaction, [source_of(file)], task, about=task.title)
        )

    @extract.autocomplete("schema")
    async def _offer(self, interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        """Offer the server's schemas, those that begin as what was typed first."""
        if interaction.guild_id is None:
            return []
        try:
            kept = await self._schemas.names(interaction.guild_id)
        except StorageError:
            return []  # choices are a comfort: a name can be typed without
        typed = current.strip().lower()
        names = [name for name in kept if typed in name]
        names.sort(key=lambda name: not name.startswith(typed))
        return [app_commands.Choice(name=name, value=name) for name in names[:_OFFERED]]

    @app_commands.command(description="Inspect a product's pictures against its specification.")
    @app_commands.describe(
        specification="What the product ought to be, as a PDF.",
        image1="A picture of the product: PNG, JPEG, WEBP, HEIC or GIF.",
        video="A video of the product.",
        **{f"image{number}": "Another picture of it." for number in range(2, 6)},
    )
    @anywhere
    async def inspect(
        self,
        interaction: discord.Interaction,
        specification: discord.Attachment,
        image1: discord.Attachment,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
        image4: discord.Attachment | None = None,
        image5: discord.Attachment | None = None,
        video: discord.Attachment | None = None,
    ) -> None:
        """Say whether a product is as it ought to be."""
        await interaction.response.defer(thinking=True)
        # Pictures come first, so that their numbers are those of the options.
        given = (image1, image2, image3, image4, image5, specification, video)
        sources = [source_of(each) for each in given if each is not None]
        await self._answers.give(interaction, request_of(interaction, sources, Inspect()))

    @schema.command(description="Keep a JSON Schema for this server; one of the same name is replaced.")
    @app_commands.describe(
        name="What /extract calls it: small letters, digits and hyphens.",
        file="The JSON Schema, of at most 64 KiB.",
    )
    async def add(
        self,
        interaction: discord.Interaction,
        name: app_commands.Range[str, 1, NAME_LENGTH],
        file: discord.Attachment,
    ) -> None:
        """Keep a schema."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = _managed(interaction)
        if _NAME.fullmatch(name) is None:
            raise EarshotError(
                "A schema's name has small letters, digits and hyphens alone: take one such as “invoice-2”."
            )
        text = json.dumps(await _given(file), ensure_ascii=False)
        try:
            replaced = await self._schemas.add(guild_id, name, text, interaction.user.id)
        except TooManyError as error:
            raise EarshotError(
                f"This server keeps {MOST} schemas, the most it can: remove one with /schema remove."
            ) from error
        what = "takes the place of the schema that was kept" if replaced else "is kept"
        await _say(interaction, f"{shown(file.filename)} {what} as `{name}`: use it with /extract schema.")

    @schema.command(name="list", description="List the schemas that this server keeps.")
    async def list_(self, interaction: discord.Interaction) -> None:
        """Tell which schemas there are."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        names = await self._schemas.names(_guild(interaction))
        if not names:
            await _say(interaction, "This server keeps no schema: add one with /schema add.")
            return
        listed = ", ".join(f"`{name}`" for name in names)
        await _say(interaction, f"For /extract schema ({len(names)} of at most {MOST}): {listed}")

    @schema.command(description="Remove one of this server's schemas.")
    @app_commands.describe(name="The schema to remove.")
    async def remove(
        self, interaction: discord.Interaction, name: app_commands.Range[str, 1, NAME_LENGTH]
    ) -> None:
        """Forget a schema."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not await self._schemas.remove(_managed(interaction), name):
            _unknown(name)
        await _say(interaction, f"`{name}` is removed.")

    remove.autocomplete("name")(_offer)

    async def _kept(self, interaction: discord.Interaction, name: str) -> dict[str, object]:
        found = await self._schemas.find(_guild(interaction), name)
        if found is None:
            _unknown(name)
        schema: dict[str, object] = json.loads(found)
        return schema


def _guild(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise EarshotError(_NO_SERVER)
    return interaction.guild_id


def _managed(interaction: discord.Interaction) -> int:
    """Return the server that a person may manage; raise EarshotError where that is not so."""
    guild_id = _guild(interaction)
    # A server can open the command to anybody; what it keeps for all is changed by who manages it.
    if not interaction.permissions.manage_guild:
        raise EarshotError(_NO_RIGHT)
    return guild_id


def _unknown(name: str) -> NoReturn:
    raise EarshotError(f"This server keeps no schema “{escaped(shown(name))}”: see /schema list.")


def _closeness(file: discord.Attachment) -> Detail | None:
    """Return how closely to look: a page of a PDF is read well without, and of many the model takes fewer."""
    return "high" if (file.content_type or "").startswith("image/") else None


async def _given(file: discord.Attachment) -> dict[str, object]:
    """Return the schema in a file. Raises MediaError, or EarshotError where there is no way to it."""
    check_size(file.size, file.filename)
    try:
        data = await file.read()
    except (discord.DiscordException, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise EarshotError(_NOT_FETCHED.format(name=shown(file.filename))) from error
    return await asyncio.to_thread(read_schema, data, file.filename)


async def _say(interaction: discord.Interaction, text: str) -> None:
    await interaction.edit_original_response(content=text, allowed_mentions=discord.AllowedMentions.none())
