"""How a call is held, as a guild has set it."""

import re
from dataclasses import dataclass

from bot.conversation.room import Mode

_BADGE = re.compile(r"\[[^\]]*\]")  # such as [LISTENING], which is no part of a name


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What a call begins with; all of it can be changed while it goes on."""

    mode: Mode = Mode.EVERYONE
    mixed: bool = False
    """Whether all who speak are heard as one; else one person at a time has the floor."""
    names: tuple[str, ...] = ()
    """What the bot listens to beside the name that it has in the guild."""
    notice: str = ""
    """What the model is asked to say of the bot when it comes into the channel; empty: nothing."""


def callable_names(options: CallOptions, display_name: str) -> tuple[str, ...]:
    """Return the names by which the bot is called: what it shows in the guild first, badges left out."""
    shown = " ".join(_BADGE.sub(" ", display_name).split())
    return tuple(dict.fromkeys(name for name in (shown, *options.names) if name))
