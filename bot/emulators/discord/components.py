"""Message components: what Discord accepts, and how it completes what a bot sent."""

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

from bot.emulators.discord.model import Json, walk

TEXT_LIMIT = 4_000  # characters of all text components of a message together
COUNT_LIMIT = 40  # components of a message, nested ones included
ROWS_LIMIT = 5  # rows of a message without Components V2
CUSTOM_ID_LIMIT = 100

_REQUIRED = ("BASE_TYPE_REQUIRED", "This field is required")

Problems = dict[str, tuple[str, str]]
"""What is wrong where: {"components.0.label": (code, message)}."""


class Kind(IntEnum):
    """The `type` of a component (https://discord.com/developers/docs/components/reference)."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


SELECTS = {
    Kind.STRING_SELECT,
    Kind.USER_SELECT,
    Kind.ROLE_SELECT,
    Kind.MENTIONABLE_SELECT,
    Kind.CHANNEL_SELECT,
}
LINK_STYLES = {5, 6}  # a link and a purchase: buttons that cause no interaction
_IN_CONTAINER = {
    Kind.ACTION_ROW,
    Kind.SECTION,
    Kind.TEXT_DISPLAY,
    Kind.MEDIA_GALLERY,
    Kind.FILE,
    Kind.SEPARATOR,
}
_TOP_V2 = _IN_CONTAINER | {Kind.CONTAINER}
_IN_ROW = {Kind.BUTTON, *SELECTS}
_IN_MODAL = {Kind.ACTION_ROW, Kind.LABEL, Kind.TEXT_DISPLAY}
_IN_LABEL = {
    Kind.TEXT_INPUT,
    *SELECTS,
    Kind.FILE_UPLOAD,
    Kind.RADIO_GROUP,
    Kind.CHECKBOX_GROUP,
    Kind.CHECKBOX,
}

_LENGTHS = {
    "custom_id": CUSTOM_ID_LIMIT,
    "label": 80,
    "placeholder": 150,
    "description": 1_024,
    "title": 45,
    "url": 2_048,
}


def problems_of(components: list[Json], *, v2: bool) -> Problems:
    """Return what Discord would refuse in the components of a message."""
    problems: Problems = {}
    everything = walk(components)
    if v2 and len(everything) > COUNT_LIMIT:
        problems["components"] = ("COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", _count_text(len(everything)))
    if not v2 and len(components) > ROWS_LIMIT:
        problems["components"] = _length("1 and 5")
    characters = sum(len(part.get("content", "")) for part in everything if is_kind(part, Kind.TEXT_DISPLAY))
    if characters > TEXT_LIMIT:
        text = f"The total length of text displayed must be {TEXT_LIMIT} or fewer characters."
        problems["components"] = ("COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", text)
    allowed = _TOP_V2 if v2 else {Kind.ACTION_ROW}
    for path, component in _numbered(components, "components"):
        problems |= _problems_in(component, path, allowed)
    return problems | _repeated_ids(everything)


def modal_problems(modal: Json) -> Problems:
    """Return what Discord would refuse in a modal."""
    problems: Problems = {}
    for key, limit in (("title", 45), ("custom_id", CUSTOM_ID_LIMIT)):
        if not 1 <= len(str(modal.get(key) or "")) <= limit:
            problems[key] = _length(f"1 and {limit}")
    components = modal.get("components") or []
    if not 1 <= len(components) <= ROWS_LIMIT:
        problems["components"] = _length("1 and 5")
    for path, component in _numbered(components, "components"):
        problems |= _problems_in(component, path, _IN_MODAL)
    return problems | _repeated_ids(walk(components))


def is_kind(component: Json, *kinds: Kind) -> bool:
    """Return whether the component is of one of the kinds."""
    return component.get("type") in kinds


def _count_text(count: int) -> str:
    return f"The total number of components must be {COUNT_LIMIT} or fewer, not {count}."


def _length(bounds: str) -> tuple[str, str]:
    return ("BASE_TYPE_BAD_LENGTH", f"Must be between {bounds} in length.")


def _numbered(components: list[Json], path: str) -> Iterator[tuple[str, Json]]:
    for index, component in enumerate(components):
        yield f"{path}.{index}", component


def _problems_in(component: Json, path: str, allowed: set[Kind]) -> Problems:
    if component.get("type") not in allowed:
        return {f"{path}.type": ("BASE_TYPE_CHOICES", f"Value must be one of {_kinds(allowed)}.")}
    problems: Problems = {}
    for key, limit in _LENGTHS.items():
        value = component.get(key)
        if isinstance(value, str) and len(value) > limit:
            problems[f"{path}.{key}"] = (
                "BASE_TYPE_MAX_LENGTH",
                f"Must be {limit} or fewer in length.",
            )
    check = _CHECKS.get(Kind(component["type"]))
    return problems | (check(component, path) if check else {})


def _kinds(kinds: set[Kind]) -> str:
    return "(" + ", ".join(str(int(kind)) for kind in sorted(kinds)) + ")"


def _check_row(row: Json, path: str) -> Problems:
    inner = row.get("components") or []
    if not 1 <= len(inner) <= 5:
        return {f"{path}.components": _length("1 and 5")}
    if len(inner) > 1 and not all(is_kind(part, Kind.BUTTON) for part in inner):
        return {f"{path}.components": ("COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The row is wider than its space.")}
    problems: Problems = {}
    for inner_path, part in _numbered(inner, f"{path}.components"):
        problems |= _problems_in(part, inner_path, _IN_ROW | {Kind.TEXT_INPUT})
    return problems


def _check_button(button: Json, path: str) -> Problems:
    problems: Problems = {}
    linked = button.get("style") in LINK_STYLES
    if not linked and not button.get("custom_id"):
        problems[f"{path}.custom_id"] = ("BASE_TYPE_REQUIRED", "A custom id is required.")
    if linked and button.get("custom_id"):
        problems[f"{path}.custom_id"] = (
            "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
            "A custom id and url cannot both be specified.",
        )
    if not linked and not button.get("label") and not button.get("emoji"):
        problems[path] = ("BUTTON_COMPONENT_INVALID", "A label or emoji must be present.")
    return problems


def _check_select(select: Json, path: str) -> Problems:
    if not select.get("custom_id"):
        return {f"{path}.custom_id": _REQUIRED}
    options = select.get("options") or []
    if is_kind(select, Kind.STRING_SELECT) and not 1 <= len(options) <= 25:
        return {f"{path}.options": _length("1 and 25")}
    values = [option.get("value") for option in options]
    if len(set(values)) < len(values):
        repeated = ("SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
        return {f"{path}.options": repeated}
    return {}


def _check_section(section: Json, path: str) -> Problems:
    inner = section.get("components") or []
    if not 1 <= len(inner) <= 3:
        return {f"{path}.components": _length("1 and 3")}
    problems: Problems = {}
    for inner_path, part in _numbered(inner, f"{path}.components"):
        problems |= _problems_in(part, inner_path, {Kind.TEXT_DISPLAY})
    accessory = section.get("accessory")
    if not isinstance(accessory, dict):
        return problems | {f"{path}.accessory": _REQUIRED}
    return problems | _problems_in(accessory, f"{path}.accessory", {Kind.BUTTON, Kind.THUMBNAIL})


def _check_container(container: Json, path: str) -> Problems:
    inner = container.get("components") or []
    problems: Problems = {} if inner else {f"{path}.components": _length("1 and 40")}
    for inner_path, part in _numbered(inner, f"{path}.components"):
        problems |= _problems_in(part, inner_path, _IN_CONTAINER)
    return problems


def _check_text(text: Json, path: str) -> Problems:
    return {} if text.get("content") else {f"{path}.content": _REQUIRED}


def _check_gallery(gallery: Json, path: str) -> Problems:
    return {} if 1 <= len(gallery.get("items") or []) <= 10 else {f"{path}.items": _length("1 and 10")}


def _check_label(label: Json, path: str) -> Problems:
    problems: Problems = {}
    if not 1 <= len(label.get("label") or "") <= 45:
        problems[f"{path}.label"] = _length("1 and 45")
    inner: Any = label.get("component")
    if not isinstance(inner, dict):
        return problems | {f"{path}.component": _REQUIRED}
    return problems | _problems_in(inner, f"{path}.component", _IN_LABEL)


_CHECKS: dict[Kind, Callable[[Json, str], Problems]] = {
    Kind.ACTION_ROW: _check_row,
    Kind.BUTTON: _check_button,
    Kind.STRING_SELECT: _check_select,
    Kind.USER_SELECT: _check_select,
    Kind.ROLE_SELECT: _check_select,
    Kind.MENTIONABLE_SELECT: _check_select,
    Kind.CHANNEL_SELECT: _check_select,
    Kind.SECTION: _check_section,
    Kind.CONTAINER: _check_container,
    Kind.TEXT_DISPLAY: _check_text,
    Kind.MEDIA_GALLERY: _check_gallery,
    Kind.LABEL: _check_label,
}


def _repeated_ids(everything: list[Json]) -> Problems:
    """Return the problem of a custom id that stands twice in a message or modal."""
    seen: set[str] = set()
    for part in everything:
        custom_id = part.get("custom_id")
        if custom_id is None:
            continue
        if custom_id in seen:
            return {
                "components": ("COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
            }
        seen.add(custom_id)
    return {}
