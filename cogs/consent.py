"""What people agree or object to under the answer to /join, and what comes of it."""

from collections.abc import Sequence

import discord

from bot.errors import EarshotError
from bot.storage.consents import ConsentStore
from bot.storage.guilds import GuildSettings, GuildStore

# Fixed for ever: a button that was posted before a restart must still work after it.
GIVE_ID = "earshot:consent:give"
WITHDRAW_ID = "earshot:consent:withdraw"

NAMED = 10  # people in one message; a longer list nobody reads

_ENDS = "“Stop hearing me” or /privacy deaf ends it at once."
HEARD = f"You have agreed: I hear you in calls from now on. {_ENDS}"
HEARD_PRESSED = f"You have agreed: I hear you in calls after you press Talk or use /talk. {_ENDS}"
NOT_HEARD = "I don't hear you any more. “Let Earshot hear me” or /privacy listen changes that."

UNPAID = (
    "\n-# My operator uses Google's unpaid quota: Google may use what I hear to improve its products, "
    "and people there may listen to it."
)

_ASKING = (
    "I hear only people who agree. By agreeing you confirm that you are 18 or older, and let your voice go "
    "to Google Gemini, which answers."
)
_NOTICE = (
    "**Notice:** in this server I hear everyone in the voice channel who has not objected, and the sound of "
    "their voices goes to Google Gemini, which answers. Who is younger than 18, or does not want that, "
    "presses “Stop hearing me” or uses /privacy deaf: it holds at once, and from then on."
)
_UNHEARD = (
    "{people}: I don't hear you, since you have not agreed to it. To talk with me, press “Let Earshot hear "
    "me”: by that you confirm that you are 18 or older, and let your voice go to Google Gemini, which "
    "answers. Else nothing of what you say is opened; with /privacy deaf I don't ask you again."
)
_PRESSED = " Even so I hear nobody before they press Talk or use /talk."


def consent_text(runner: discord.abc.User, settings: GuildSettings, *, agreed: bool, paid: bool) -> str:
    """Return what people agree to with the first button, what is kept, and whether who ran /join did.

    Where the server gives notice instead of asking: what they can object to.
    """
    terms = _NOTICE if settings.consent == "notice" else _ASKING
    return (
        f"{terms}{_PRESSED if is_pressed(settings) else ''} {runner.mention} has agreed by calling me in"
        + ("." if agreed else ", and has withdrawn that since.")
        + f"\n-# {kept_text(settings)}"
        + ("" if paid else UNPAID)
    )


def unheard_text(user_ids: Sequence[int], settings: GuildSettings, *, paid: bool) -> str:
    """Return what people are told who speak in a call and have not agreed: what the first button means."""
    names = [f"<@{user_id}>" for user_id in user_ids[:NAMED]]
    if further := len(user_ids) - len(names):
        names.append(f"{further} more")
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    terms = _UNHEARD.format(people=listed)
    return f"{terms}\n-# {kept_text(settings)}" + ("" if paid else UNPAID)


def kept_text(settings: GuildSettings) -> str:
    """Return what is written down of calls, and for how long it is kept."""
    days = settings.retention_days
    kept = f"kept for {'1 day' if days == 1 else f'{days} days'} (/transcript)"
    if settings.captions and days:
        said = f"What is said appears in the voice channel's chat and stays there; a transcript is {kept}."
    elif settings.captions:
        said = "What is said appears in the voice channel's chat and stays there; I keep no transcript."
    elif days:
        said = f"What is said is written down, and {kept}."
    else:
        said = "What is said is not written down."
    google = (
        "Google keeps the call for up to 24 hours, to resume it when a connection breaks. " if days else ""
    )
    return f"{said} I keep no sound. {google}Who manages the server changes this with /config."


def is_pressed(settings: GuildSettings) -> bool:
    """Say whether people are heard only after they have pressed a button."""
    return settings.mode == "push-to-talk"


async def agree(interaction: discord.Interaction, consents: ConsentStore, guilds: GuildStore) -> None:
    """Record that a person agrees to be heard, and say whether and when they are."""
    guild_id, user_id = _guild_id(interaction), interaction.user.id
    before = consents.withdrawals(guild_id, user_id)
    await interaction.response.defer(ephemeral=True, thinking=True)
    agreed = await consents.give(guild_id, user_id, withdrawals=before)
    heard = HEARD_PRESSED if is_pressed(guilds.get(guild_id)) else HEARD
    await interaction.edit_original_response(content=heard if agreed else NOT_HEARD)


async def object_to(interaction: discord.Interaction, consents: ConsentStore) -> None:
    """Stop hearing a person, first of all: neither Discord nor a full disk may delay that."""
    storing = consents.withdraw(_guild_id(interaction), interaction.user.id)
    try:
        await interaction.response.defer(ephemeral=True, thinking=True)
    finally:
        await storing
    await interaction.edit_original_response(content=NOT_HEARD)


def _guild_id(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise EarshotError("This works only in a server: use it there.")
    return interaction.guild_id
