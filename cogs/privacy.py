"""`/privacy`: whether I hear a person here, and what is kept of them."""

import time

import discord
from discord import app_commands
from discord.ext import commands

from bot.storage.consents import ConsentStore
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.kept import Kept, KeptStore
from cogs.config_rights import guild_of
from cogs.consent import agree, is_pressed, object_to

_PAID = "My operator pays for it: Google does not train on that, and keeps it for a while against abuse."
_UNPAID = (
    "My operator uses Google's unpaid quota: Google may use that to improve its products, and people there "
    "may listen to it."
)


class Privacy(commands.Cog):
    """What a person decides about themselves, and sees."""

    privacy = app_commands.Group(
        name="privacy",
        description="Whether I hear you in this server, and what is kept of you.",
        guild_only=True,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(self, consents: ConsentStore, guilds: GuildStore, kept: KeptStore, *, paid: bool) -> None:
        """`paid` says whether the operator's Gemini quota is."""
        self._consents = consents
        self._guilds = guilds
        self._kept = kept
        self._paid = paid

    @privacy.command(description="Let me hear you here: you are 18 or older, and your voice goes to Google.")
    async def listen(self, interaction: discord.Interaction) -> None:
        """Record that a person agrees to be heard."""
        guild_of(interaction)
        await agree(interaction, self._consents, self._guilds)

    @privacy.command(description="I don't hear you any more in this server, from the next moment on.")
    async def deaf(self, interaction: discord.Interaction) -> None:
        """Stop hearing a person; whether the bot is still in the server does not matter for that."""
        await object_to(interaction, self._consents)

    @privacy.command(description="What is kept of you in this server, and what goes to Google.")
    async def show(self, interaction: discord.Interaction) -> None:
        """Show a person what is kept of them."""
        guild_id, user_id = guild_of(interaction).id, interaction.user.id
        await interaction.response.defer(ephemeral=True, thinking=True)
        kept = await self._kept.of(guild_id, user_id, time.time())
        heard = self._consents.consented(guild_id, user_id)
        view = PrivacyView(kept, self._guilds.get(guild_id), heard=heard, paid=self._paid)
        await interaction.edit_original_response(view=view)


class PrivacyView(discord.ui.LayoutView):
    """What is kept of a person, as a Components V2 message."""

    def __init__(self, kept: Kept, settings: GuildSettings, *, heard: bool, paid: bool) -> None:
        super().__init__(timeout=None)
        self.add_item(
            discord.ui.Container(
                discord.ui.TextDisplay("### You and me in this server"),
                discord.ui.TextDisplay(f"**Your voice:** {_voice(kept, settings, heard=heard)}"),
                discord.ui.Separator(),
                discord.ui.TextDisplay(
                    "**Kept by me**\n"
                    f"- of what you said in calls: {_utterances(kept, settings)}\n"
                    f"- captions of that {_captions(settings)}\n"
                    f"- answers to you: {_answers(kept)}\n"
                    f"- notes that you had me take: {_notes(kept)}\n"
                    "- that you agreed, or objected, and when; sound is never kept"
                ),
                discord.ui.Separator(),
                discord.ui.TextDisplay(
                    "**Goes to Google Gemini**\n"
                    "- your voice, while I hear you in a call, and the name that you have here\n"
                    "- what you ask me, with the pictures and files that you give me\n"
                    "- what you posted, where others ask me about it; they show me none of it in a call once "
                    "you have used /privacy deaf\n"
                    f"{_google(settings)}\n{_PAID if paid else _UNPAID}"
                ),
            )
        )
        self.stop()  # there is nothing to press in it, so nothing for discord.py to keep


def _voice(kept: Kept, settings: GuildSettings, *, heard: bool) -> str:
    when = " after you press Talk or use /talk" if is_pressed(settings) else ""
    if heard and kept.given_at and not kept.withdrawn_at:
        return f"I hear you{when}: you agreed {_at(kept.given_at)}. /privacy deaf ends that at once."
    if heard:
        return (
            f"I hear you when I am in your voice channel{when}: this server gives notice instead of asking, "
            "and you have not objected. /privacy deaf does."
        )
    since = f": you said so {_at(kept.withdrawn_at)}" if kept.withdrawn_at else ": you have not agreed"
    return f"I don't hear you{since}. /privacy listen changes that."


def _utterances(kept: Kept, settings: GuildSettings) -> str:
    days = settings.retention_days
    policy = f"each goes after {days} day{'s' if days > 1 else ''}" if days else "this server keeps none"
    return f"{kept.utterances or 'nothing'} ({policy})"


def _captions(settings: GuildSettings) -> str:
    stay = "stand in the voice channel's chat until somebody deletes them"
    return stay if settings.captions else f"are off in this server; those of before {stay}"


def _answers(kept: Kept) -> str:
    if not kept.answers:
        return "none (each is kept for a day, so that you can go on with it)"
    return f"{kept.answers} (each goes after a day; until then you can go on with it)"


def _notes(kept: Kept) -> str:
    return f"{kept.notes or 'none'} (each stays until /notes forget)"


def _google(settings: GuildSettings) -> str:
    if settings.retention_days:
        return "A call is kept there for up to 24 hours, so that it can go on after its connection broke."
    return "Calls are not kept there for going on later: this server has that off."


def _at(moment: float) -> str:
    """Return a moment as Discord shows it to each reader in their own time zone."""
    return f"on <t:{moment:.0f}:f>"
