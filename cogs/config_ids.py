"""The names of the panel's components, which panels keep that were opened before a restart."""

import re
from enum import Enum
from typing import NamedTuple


class Page(Enum):
    """A page of the panel; the value is its name in custom ids, fixed for ever."""

    CHARACTER = "character"
    TALK = "talk"
    PRIVACY = "privacy"
    PEOPLE = "people"


class Act(Enum):
    """What a component does; likewise fixed."""

    PAGE = "page"  # show a page
    SET = "set"  # store what was chosen in a select
    FORM = "form"  # open the modal for a setting
    SUBMIT = "submit"  # of that modal
    SAMPLE = "sample"
    EXPORT = "export"
    IMPORT = "import"
    READ = "read"  # of the modal for a file


# Which page each setting is on; which of them are there, and in what order.
PAGES: dict[Page, tuple[str, ...]] = {
    Page.CHARACTER: ("persona", "voice", "language", "model"),
    Page.TALK: ("mode", "floor", "turns", "captions", "idle_minutes"),
    Page.PRIVACY: ("consent", "retention_days"),
    Page.PEOPLE: ("join_roles", "config_roles"),
}


class Pressed(NamedTuple):
    """What a person used."""

    act: Act
    page: Page
    setting: str
    """Where the act is about one, else empty."""


_CUSTOM_ID = re.compile(r"earshot:config:(?P<act>\w*):(?P<page>\w*):(?P<setting>\w*)(?::\d+)?")
PREFIX = "earshot:config:"


def custom_id(act: Act, page: Page, setting: str = "", number: int = 0) -> str:
    """Return the name of a component; `number` tells selects apart that are about one setting."""
    return f"{PREFIX}{act.value}:{page.value}:{setting}" + (f":{number}" if number else "")


def parse(name: str) -> Pressed | None:
    """Return what a component of the panel does; None for one that this version does not know."""
    found = _CUSTOM_ID.fullmatch(name)
    try:
        pressed = found and Pressed(Act(found["act"]), Page(found["page"]), found["setting"])
    except ValueError:
        return None
    if not pressed or (pressed.setting and pressed.setting not in PAGES[pressed.page]):
        return None
    return pressed
