"""What a guild's settings mean for its calls: how they are set up, and what changes in those that run."""

from collections.abc import Sequence

from bot.conversation.call import Call
from bot.conversation.notice import words as words_of_notice
from bot.conversation.options import CallOptions
from bot.conversation.personas import personas
from bot.conversation.room import Mode
from bot.live.capabilities import catalogue, model
from bot.live.setup import LiveSetup
from bot.storage.guilds import GuildSettings
from bot.storage.settings_rules import Choices

NAME = "Earshot"  # listened to beside the name that the bot has in a guild


def call_options(guild: GuildSettings) -> CallOptions:
    """Return how a guild's calls go."""
    mode = Mode(guild.mode)
    notice = words_of_notice(
        NAME, guild.language, everyone=guild.consent == "notice", pressed=mode is Mode.PUSH_TO_TALK
    )
    return CallOptions(mode=mode, mixed=guild.floor == "mix", names=(NAME,), notice=notice)


def live_setup(guild: GuildSettings) -> LiveSetup:
    """Return how a guild's Live sessions are set up."""
    return LiveSetup(
        model=guild.model,
        voice=guild.voice,
        language=guild.language,
        system_instruction=personas().instruction(guild.persona, guild.instruction),
        turns="marks" if guild.turns == "discord" else "model",
        # To resume a session, Google keeps it for up to a day: not where nothing is to be kept.
        resumption=guild.retention_days > 0,
        search=model(guild.model).search,
        fallbacks=tuple(name for name in catalogue().models if name != guild.model),
    )


def choices() -> Choices:
    """Return what guilds can choose from."""
    known = catalogue()
    return Choices(tuple(known.models), known.voices, tuple(personas().ready), known.retired)


def apply(calls: Sequence[Call], guild: GuildSettings) -> None:
    """Have a guild's calls go by its settings: what they hear at once, the rest when they are idle."""
    options = call_options(guild)
    for call in calls:
        for user_id in call.status().participants:  # whom the policy no longer lets through
            call.consent_changed(user_id)
        call.set_mode(options.mode)
        call.set_mixed(options.mixed)
        call.set_notice(options.notice)
        call.change_setup(live_setup(guild))
