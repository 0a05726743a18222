"""`/config`: one panel for a guild's settings. Its components work whenever the panel was opened."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, cast

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.conversation.personas import OWN
from bot.conversation.speech import speech
from bot.errors import EarshotError
from bot.media.errors import shown
from bot.storage.guilds import GuildChanges, GuildSettings, GuildStore
from bot.storage.settings_file import FILE_NAME, MAX_BYTES, TOO_LARGE, exported, imported
from bot.storage.settings_rules import Choices, SettingError, checked
from cogs.config_forms import FORMS, VALUE, form, import_form, typed
from cogs.config_ids import PREFIX, Act, Page, Pressed, parse
from cogs.config_panels import OpenPanels
from cogs.config_rights import MANAGERS_ONLY, RightsError, check_may_configure, guild_of, is_manager
from cogs.config_view import ConfigView
from cogs.config_words import TITLES, value_of
from cogs.errors import answer_error
from cogs.modal_fields import FILES, files_of, text_of

FETCH_S = 10.0  # for 64 KiB

_OLD_PANEL = "This panel is of another version of me: open /config again."
_EXPORTED = "These are this server's settings. Import takes them back, here or in another server."


class Speaker(Protocol):
    """Who speaks in calls."""

    async def speak(self, guild_id: int, user_id: int, text: str) -> None:
        """Have a text read aloud, as a person asks. Raises EarshotError where there is no call."""


class Config(commands.Cog):
    """Shows and changes the settings of guilds."""

    def __init__(
        self,
        guilds: GuildStore,
        choices: Choices,
        *,
        paid: bool,
        speaker: Speaker,
        check: Callable[[GuildSettings], object],
        applied: Callable[[int], None],
    ) -> None:
        """Make the front door of the settings.

        `check(settings)` raises an EarshotError where settings do not go together; `applied(guild_id)` is
        called whenever a guild's have changed, and has the running call go by them.
        """
        self._guilds = guilds
        self._choices = choices
        self._paid = paid
        self._speaker = speaker
        self._check = check
        self._applied = applied
        self._panels = OpenPanels(self._view)
        # What was checked must still hold when it is stored; few people set a bot up at the same time.
        self._in_order = asyncio.Lock()

    @app_commands.command(description="Set me up for this server: persona, voice, privacy, who may do what.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def config(self, interaction: discord.Interaction) -> None:
        """Open the panel."""
        guild = guild_of(interaction)
        check_may_configure(interaction, self._guilds.get(guild.id))
        view = self._view(interaction, Page.CHARACTER)
        await interaction.response.send_message(
            view=view, ephemeral=True, allowed_mentions=discord.AllowedMentions.none()
        )
        self._panels.note(interaction, Page.CHARACTER)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the panels and their modals, also those that were opened before a restart."""
        if interaction.type not in (
            discord.InteractionType.component,
            discord.InteractionType.modal_submit,
        ):
            return
        name = str(cast(dict[str, Any], interaction.data).get("custom_id"))
        if not name.startswith(PREFIX):
            return
        try:
            pressed = parse(name)
            if pressed is None:
                raise EarshotError(_OLD_PANEL)
            check_may_configure(interaction, self._guilds.get(guild_of(interaction).id))
            await self._answer(interaction, pressed)
        except Exception as error:
            await answer_error(interaction, error)

    async def _answer(self, interaction: discord.Interaction, pressed: Pressed) -> None:
        act, page, setting = pressed
        match act:
            case Act.PAGE:
                await interaction.response.defer()
                await self._panels.show(interaction, page)
            case Act.SET if setting:
                await self._set(interaction, page, _chosen(interaction, setting))
            case Act.FORM if setting in FORMS:
                settings = self._guilds.get(guild_of(interaction).id)
                await interaction.response.send_modal(form(page, setting, settings))
            case Act.SUBMIT if setting in FORMS:
                await self._set(interaction, page, _typed(interaction, setting))
            case Act.SAMPLE:
                await self._sample(interaction)
            case Act.EXPORT:
                await self._export(interaction)
            case Act.IMPORT:
                await interaction.response.send_modal(import_form(page))
            case Act.READ:
                await self._import(interaction, page)
            case _:
                raise EarshotError(_OLD_PANEL)

    async def _set(
        self, interaction: discord.Interaction, page: Page, values: Callable[[], dict[str, object]]
    ) -> None:
        """Store what was chosen, and show what holds then, whether that could be stored or not."""
        await interaction.response.defer()
        try:
            changes = {name: checked(name, value, self._choices) for name, value in values().items()}
            await self._store(interaction, cast(GuildChanges, changes))
        except EarshotError:
            await self._panels.show(interaction, page)
            raise
        await self._panels.show(interaction, page)
        await self._panels.refresh_others(interaction)

    async def _store(self, interaction: discord.Interaction, changes: GuildChanges) -> None:
        guild_id = guild_of(interaction).id
        async with self._in_order:
            before = self._guilds.get(guild_id)
            set_anew: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
            after = replace(before, **set_anew)
            if not is_manager(interaction):
                _check_changed(before, changes)
            if changes.get("persona") == OWN and not after.instruction:
                raise SettingError("There are no words of your own yet: press “Write our own…”.")
            self._check(after)
            await self._guilds.change(guild_id, **changes)
            # In the same step of the loop: no packet is judged by the one, and the call held by the other.
            self._applied(guild_id)

    async def _sample(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = guild_of(interaction).id
        settings = self._guilds.get(guild_id)
        await self._speaker.speak(guild_id, interaction.user.id, speech().sample(settings.language))
        await interaction.edit_original_response(
            content=f"Listen: I say a sentence with the voice {settings.voice} as soon as nobody speaks."
        )

    async def _export(self, interaction: discord.Interaction) -> None:
        guild = guild_of(interaction)
        data = exported(self._guilds.get(guild.id), _role_names(guild))
        file = discord.File(io.BytesIO(data), FILE_NAME)
        await interaction.response.send_message(_EXPORTED, file=file, ephemeral=True)

    async def _import(self, interaction: discord.Interaction, page: Page) -> None:
        await interaction.response.defer()
        name, data = await _uploaded(interaction)
        changes = imported(data, self._choices, _role_names(guild_of(interaction)))
        await self._store(interaction, changes)
        await self._panels.show(interaction, page)
        count = f"{len(changes)} settings are" if len(changes) > 1 else "1 setting is"
        await interaction.followup.send(f"{count} now as in {name}.", ephemeral=True)
        await self._panels.refresh_others(interaction)

    def _view(self, interaction: discord.Interaction, page: Page) -> discord.ui.LayoutView:
        guild = guild_of(interaction)
        return ConfigView(
            page,
            self._guilds.get(guild.id),
            self._choices,
            manager=is_manager(interaction),
            paid=self._paid,
            role_ids=frozenset(_role_names(guild)),
        )


def _check_changed(before: GuildSettings, changes: GuildChanges) -> None:
    """Raise RightsError where something is changed that only managers of the server change."""
    for name in MANAGERS_ONLY & changes.keys():
        if cast(dict[str, Any], changes)[name] != getattr(before, name):
            raise RightsError(
                f"Only people with the Manage Server permission can change “{TITLES[name]}”: ask one of them."
            )


def _chosen(interaction: discord.Interaction, setting: str) -> Callable[[], dict[str, object]]:
    """Return how to read what was chosen in a select."""
    values = list(cast(dict[str, Any], interaction.data).get("values", []))
    if setting in ("join_roles", "config_roles"):
        everyone = guild_of(interaction).id  # the role that everyone has
        return lambda: {setting: [int(role) for role in values if int(role) != everyone] or None}
    return lambda: {setting: value_of(setting, values[0]) if values else None}


def _typed(interaction: discord.Interaction, setting: str) -> Callable[[], dict[str, object]]:
    """Return how to read what was typed into a modal."""
    text = text_of(interaction, VALUE)
    if setting == "persona":
        return lambda: {"instruction": text, "persona": OWN}
    return lambda: {setting: typed(setting, text)}


def _role_names(guild: discord.Guild) -> dict[int, str]:
    return {role.id: role.name for role in guild.roles if not role.is_default()}


async def _uploaded(interaction: discord.Interaction) -> tuple[str, bytes]:
    """Return the name of the file that was put into a modal, fit to be shown, and what it holds."""
    files = files_of(interaction, FILES)
    if not files:
        raise EarshotError("There is no file in that: press Import again, and choose one.")
    file, name = files[0], shown(files[0].filename)
    if file.size > MAX_BYTES:
        raise SettingError(TOO_LARGE)
    try:
        async with asyncio.timeout(FETCH_S):
            return name, await interaction.client.http.get_from_cdn(file.url)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        raise EarshotError(f"{name} could not be fetched from Discord: try again in a minute.") from error
