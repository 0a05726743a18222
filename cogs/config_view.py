"""How the panel of `/config` looks: one page of a guild's settings, as a Components V2 message."""

from collections.abc import Sequence
from typing import Any

import discord

from bot.storage.guilds import GuildSettings
from bot.storage.settings_rules import MOST_ROLES, Choices
from cogs.config_ids import PAGES, Act, Page, custom_id
from cogs.config_rights import MANAGERS_ONLY
from cogs.config_words import TITLES, Option, about, current_value, options

MOST_OPTIONS = 25  # that Discord takes in a select
_ROLES = ("join_roles", "config_roles")
_PAGE_LABELS = {
    Page.CHARACTER: "Character",
    Page.TALK: "Conversation",
    Page.PRIVACY: "Privacy",
    Page.PEOPLE: "Roles",
}
# Settings with a button beside them: what it says, and what it does.
_BESIDE = {
    "persona": ("Write our own…", Act.FORM),
    "voice": ("Hear a sample", Act.SAMPLE),
    "language": ("Another…", Act.FORM),
    "idle_minutes": ("Another…", Act.FORM),
    "retention_days": ("Another…", Act.FORM),
}
_UNPAID = (
    "**Google's unpaid quota** · My operator has not said that Gemini is paid for here. On unpaid quota "
    "Google may use what I hear and see to improve its products, and people there may listen to it; in the "
    "EEA, Switzerland and the UK it is not allowed at all. The operator changes that with GEMINI_PAID=true."
)
_ENDS = "-# A change is stored at once, and a running call goes by it from its next quiet moment."
_MANAGERS = "-# Only people with the Manage Server permission can change this."


class ConfigView(discord.ui.LayoutView):
    """A page at one moment. Its components are answered by custom id, so discord.py need not keep it."""

    def __init__(
        self,
        page: Page,
        settings: GuildSettings,
        choices: Choices,
        *,
        manager: bool,
        paid: bool,
        role_ids: frozenset[int],
    ) -> None:
        """Lay out a page for one who may Manage Server (`manager`) or not; `role_ids` are the guild's."""
        super().__init__(timeout=None)
        self._settings = settings
        self._choices = choices
        self._manager = manager
        self._role_ids = role_ids
        self.add_item(discord.ui.ActionRow(*(_tab(each, current=each is page) for each in Page)))
        box: discord.ui.Container[Any] = discord.ui.Container()
        box.add_item(discord.ui.TextDisplay(f"### My settings in this server · {_PAGE_LABELS[page]}"))
        if page is Page.PRIVACY and not paid:
            box.add_item(discord.ui.TextDisplay(_UNPAID))
        for name in PAGES[page]:
            box.add_item(discord.ui.Separator())
            self._add_setting(box, page, name)
        self.add_item(box)
        self.add_item(discord.ui.TextDisplay(_ENDS))
        self.add_item(
            discord.ui.ActionRow(
                _button("Export", custom_id(Act.EXPORT, page)),
                _button("Import…", custom_id(Act.IMPORT, page)),
            )
        )
        self.stop()

    def _add_setting(self, box: "discord.ui.Container[Any]", page: Page, name: str) -> None:
        locked = name in MANAGERS_ONLY and not self._manager
        text = " · ".join(part for part in (f"**{TITLES[name]}**", about(name, self._settings)) if part)
        said: discord.ui.TextDisplay[Any] = discord.ui.TextDisplay(f"{text}\n{_MANAGERS}" if locked else text)
        if name in _BESIDE:
            label, act = _BESIDE[name]
            box.add_item(discord.ui.Section(said, accessory=_button(label, custom_id(act, page, name))))
        else:
            box.add_item(said)
        if name in _ROLES:
            box.add_item(discord.ui.ActionRow(self._role_select(page, name, locked=locked)))
            return
        for select in self._selects(page, name, locked=locked):
            box.add_item(discord.ui.ActionRow(select))

    def _role_select(self, page: Page, name: str, *, locked: bool) -> "discord.ui.RoleSelect[Any]":
        chosen = [role for role in getattr(self._settings, name) if role in self._role_ids]
        kind = discord.SelectDefaultValueType.role
        return discord.ui.RoleSelect(
            custom_id=custom_id(Act.SET, page, name),
            placeholder="Choose roles",
            min_values=0,
            max_values=MOST_ROLES,
            default_values=[discord.SelectDefaultValue(id=role, type=kind) for role in chosen],
            disabled=locked,
        )

    def _selects(self, page: Page, name: str, *, locked: bool) -> "list[discord.ui.Select[Any]]":
        """Return as many selects, of about the same length, as the options need."""
        offered = options(name, self._settings, self._choices)
        count = -(-len(offered) // MOST_OPTIONS)
        length = -(-len(offered) // count)
        parts = [offered[start : start + length] for start in range(0, len(offered), length)]
        return [
            _select(
                custom_id(Act.SET, page, name, number),
                part,
                current_value(name, self._settings),
                placeholder=f"{TITLES[name]}: {part[0].label} to {part[-1].label}"
                if count > 1
                else TITLES[name],
                locked=locked,
            )
            for number, part in enumerate(parts)
        ]


def _select(
    name: str, offered: Sequence[Option], current: str, *, placeholder: str, locked: bool
) -> "discord.ui.Select[Any]":
    return discord.ui.Select(
        custom_id=name,
        placeholder=placeholder,
        options=[
            discord.SelectOption(
                label=option.label,
                value=option.value,
                description=option.about or None,
                default=option.value == current,
            )
            for option in offered
        ],
        disabled=locked,
    )


def _tab(page: Page, *, current: bool) -> "discord.ui.Button[Any]":
    style = discord.ButtonStyle.primary if current else discord.ButtonStyle.secondary
    return discord.ui.Button(label=_PAGE_LABELS[page], style=style, custom_id=custom_id(Act.PAGE, page))


def _button(label: str, name: str) -> "discord.ui.Button[Any]":
    return discord.ui.Button(label=label, style=discord.ButtonStyle.secondary, custom_id=name)
