"""What the panel says about each setting: what can be chosen, and what that means."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.conversation.personas import OWN, personas
from bot.conversation.speech import speech
from bot.storage.guilds import GuildSettings
from bot.storage.settings_rules import Choices

# What stands in a select for the operator's setting, or for no setting at all.
UNSET = "-"


class Option(NamedTuple):
    """Something to choose; Discord takes 100 characters of each."""

    value: str
    label: str
    about: str = ""


TITLES = {
    "persona": "Persona",
    "voice": "Voice",
    "language": "Language",
    "model": "Model",
    "mode": "Whom I answer",
    "floor": "Who is heard",
    "turns": "When a turn ends",
    "captions": "Captions",
    "idle_minutes": "When nobody talks",
    "consent": "Consent",
    "retention_days": "Transcripts",
    "join_roles": "Who may have me join",
    "config_roles": "Who may set me up",
}

_FIXED: dict[str, tuple[Option, ...]] = {
    "mode": (
        Option("everyone", "Everyone", "Whoever speaks gets an answer."),
        Option("addressed", "Whoever calls me", "I listen, and answer people who say my name, or who go on."),
        Option("push-to-talk", "Who presses a button", "Nothing is sent before somebody presses Talk."),
    ),
    "floor": (
        Option("one", "One at a time", "I know who speaks; who talks meanwhile is heard next."),
        Option("mix", "All at once", "Voices are summed, as in a room; I can't tell who speaks."),
    ),
    "turns": (
        Option("discord", "Discord tells", "When somebody's microphone closes; I answer sooner."),
        Option("model", "The model listens for it", "For open microphones; some silence is sent and billed."),
    ),
    "captions": (
        Option("on", "Shown", "What is said, by people and by me, is written in the chat."),
        Option("off", "Hidden", "The chat stays empty; transcripts are kept all the same."),
    ),
    "consent": (
        Option("ask", "Ask everyone", "I hear only people who have agreed."),
        Option("notice", "Give notice", "I hear everyone in the channel who has not objected."),
    ),
}
_DAYS = (0, 1, 7, 30, 90)
_MINUTES = (2, 5, 10, 30, 60)


def options(name: str, settings: GuildSettings, choices: Choices) -> list[Option]:
    """Return what can be chosen for a setting; what holds now is among it, where it can be at all."""
    found = _OPTIONS[name](settings, choices) if name in _OPTIONS else list(_FIXED[name])
    current = current_value(name, settings)
    if all(option.value != current for option in found) and name in _LABELS:
        found.append(Option(current, _LABELS[name](current)))
    return found


def current_value(name: str, settings: GuildSettings) -> str:
    """Return what holds, as it stands in the options."""
    value = getattr(settings, name)
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def value_of(name: str, chosen: str) -> object:
    """Return the value that an option stands for."""
    if chosen == UNSET:
        return None
    if name == "captions":
        return chosen == "on"
    if name in ("retention_days", "idle_minutes") and chosen.isdecimal():
        return int(chosen)
    return chosen


def about(name: str, settings: GuildSettings) -> str:
    """Return what a setting means as it is: a select shows no more than the label of what is chosen."""
    if name in _ABOUT:
        return _ABOUT[name](settings)
    current = current_value(name, settings)
    return next((option.about for option in _FIXED[name] if option.value == current), "")


def _personas(settings: GuildSettings, _choices: Choices) -> list[Option]:
    found = [Option(name, each.title, each.about) for name, each in personas().ready.items()]
    if settings.instruction:
        found.append(Option(OWN, "Our own", _shortened(settings.instruction)))
    return found


def _voices(_settings: GuildSettings, choices: Choices) -> list[Option]:
    manner = speech().voices
    return [Option(voice, voice, manner.get(voice, "").capitalize()) for voice in choices.voices]


def _languages(_settings: GuildSettings, _choices: Choices) -> list[Option]:
    known = speech().languages.items()
    follow = Option(UNSET, "As you speak", "I answer in the language that I am spoken to.")
    return [follow, *(Option(tag, each.name, f"{each.english} · {tag}") for tag, each in known)]


def _models(_settings: GuildSettings, choices: Choices) -> list[Option]:
    return [Option(name, name) for name in choices.models]


def _days(chosen: str) -> str:
    return {"0": "Keep nothing", "1": "1 day"}.get(chosen, f"{chosen} days")


def _minutes(chosen: str) -> str:
    return "1 minute" if chosen == "1" else f"{chosen} minutes"


def _numbers(values: Sequence[int], label: Callable[[str], str]) -> list[Option]:
    return [Option(str(value), label(str(value))) for value in values]


_OPTIONS: dict[str, Callable[[GuildSettings, Choices], list[Option]]] = {
    "persona": _personas,
    "voice": _voices,
    "language": _languages,
    "model": _models,
    "retention_days": lambda *_: _numbers(_DAYS, _days),
    "idle_minutes": lambda *_: _numbers(_MINUTES, _minutes),
}
# How a value reads that was typed, so that it is none of the usual ones.
_LABELS: dict[str, Callable[[str], str]] = {
    "language": str,
    "retention_days": _days,
    "idle_minutes": _minutes,
}

_LAW = (
    "-# The law: in many places, such as Germany, France, Switzerland and California, everyone must agree "
    "before what they say in private is recorded or passed on, and the GDPR asks for a reason and for "
    "information. *Give notice* is for servers where that is settled, such as a team that has agreed in "
    "writing. Whoever chooses it answers for it; /privacy deaf always lets a person object."
)


def _consent(settings: GuildSettings) -> str:
    if settings.consent == "notice":
        means = "Everyone in the channel is heard unless they object; I say so when I join."
    else:
        means = "Nobody is heard before they press a button or use /privacy listen; /join agrees, too."
    return f"{means}\n{_LAW}"


def _retention(settings: GuildSettings) -> str:
    days = settings.retention_days
    if days:
        return (
            f"What is said is kept for {_days(str(days))}, for /transcript. Google keeps the talk for up to "
            "24 hours, so that a broken connection can go on where it was."
        )
    return (
        "I keep no transcript, and Google no session to resume; captions stay in the chat, and Google may "
        "keep data against abuse. It costs: /transcript has nothing to show, and when a connection breaks, "
        "I go on without knowing what was said."
    )


def _join(settings: GuildSettings) -> str:
    if not settings.join_roles:
        return "Everyone can use /join. Choose roles, and only people who have one of them can."
    return f"People with {_named(settings.join_roles)}, or with the Manage Server permission, can use /join."


def _config(settings: GuildSettings) -> str:
    if not settings.config_roles:
        return (
            "Only people with the Manage Server permission. Choose roles to let others change all but "
            "consent and this."
        )
    return (
        f"People with {_named(settings.config_roles)}, or with the Manage Server permission; only the latter "
        "can change consent and this."
    )


def _idle(settings: GuildSettings) -> str:
    minutes = _minutes(str(settings.idle_minutes))
    return f"After {minutes} with nobody speaking, or nobody there, I leave: Google bills idle time, too."


def _persona(settings: GuildSettings) -> str:
    if settings.persona == OWN and settings.instruction:
        return f"Our own: “{_shortened(settings.instruction)}”"
    ready = personas().ready.get(settings.persona)
    return f"{ready.title}. {ready.about}" if ready else "One that I no longer know: I am the assistant."


def _voice(settings: GuildSettings) -> str:
    manner = speech().voices.get(settings.voice)
    return f"{settings.voice}, {manner}." if manner else f"{settings.voice}."


def _language(settings: GuildSettings) -> str:
    if settings.language is None:
        return "I answer in the language that I am spoken to."
    known = speech().languages.get(settings.language)
    name = f"{known.name} ({known.english})" if known else settings.language
    return f"I always answer in {name}."


_ABOUT: dict[str, Callable[[GuildSettings], str]] = {
    "persona": _persona,
    "voice": _voice,
    "language": _language,
    "model": lambda _: "The Gemini model that hears you and speaks.",
    "idle_minutes": _idle,
    "consent": _consent,
    "retention_days": _retention,
    "join_roles": _join,
    "config_roles": _config,
}


def _named(roles: Sequence[int]) -> str:
    return " or ".join(f"<@&{role}>" for role in roles)


def _shortened(text: str) -> str:
    """Return the beginning of a guild's own words as one line that shows no Markdown and pings nobody."""
    line = " ".join("".join(c if c not in "`*_~|<>@[]\\#" else " " for c in text).split())
    return line if len(line) <= 100 else f"{line[:99]}…"
