"""What a person fills in: options of a command, a select, a modal; checked as Discord's client checks."""

from collections.abc import Mapping
from typing import Any

from bot.emulators.discord.commands import Target
from bot.emulators.discord.components import Kind, is_kind
from bot.emulators.discord.errors import ActError
from bot.emulators.discord.model import Json, Upload, walk
from bot.emulators.discord.resolved import Resolver

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
_PYTHON_TYPES: dict[int, tuple[type, ...]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    NUMBER: (int, float),
}
_SELECT_RESOLVES = {
    Kind.USER_SELECT: USER,
    Kind.ROLE_SELECT: ROLE,
    Kind.MENTIONABLE_SELECT: MENTIONABLE,
    Kind.CHANNEL_SELECT: CHANNEL,
}


def typed(
    target: Target, values: Mapping[str, Any], resolver: Resolver, *, focused: str | None = None
) -> list[Json]:
    """Return the `options` of a command's interaction; with `focused`, of an unfinished one."""
    options = {option["name"]: option for option in target.options}
    strange = set(values) - set(options)
    if strange:
        raise ActError(f"/{target.command['name']} has no option {sorted(strange)[0]!r}")
    for name, option in options.items():
        if option.get("required") and name not in values and focused is None:
            raise ActError(f"/{target.command['name']} needs {name!r}")
    filled = [_filled(options[name], value, resolver, focused) for name, value in values.items()]
    for step in reversed(target.path):
        filled = [{"name": step["name"], "type": step["type"], "options": filled}]
    return filled


def _filled(option: Json, value: Any, resolver: Resolver, focused: str | None) -> Json:
    filled: Json = {"name": option["name"], "type": option["type"]}
    if option["name"] == focused:
        return filled | {"value": value, "focused": True}
    return filled | {"value": _checked(option, value, resolver)}


def _checked(option: Json, value: Any, resolver: Resolver) -> Any:
    kind, name = option["type"], option["name"]
    if kind in (USER, CHANNEL, ROLE, MENTIONABLE):
        return resolver.add(kind, int(value))
    if kind == ATTACHMENT:
        if not isinstance(value, Upload):
            raise ActError(f"{name!r} takes a file")
        return resolver.attach(value)
    _check_type(kind, name, value)
    _check_bounds(option, value)
    choices = [choice["value"] for choice in option.get("choices") or []]
    if choices and value not in choices:
        raise ActError(f"{name!r} offers only {choices}")
    return value


def _check_type(kind: int, name: str, value: Any) -> None:
    wanted = _PYTHON_TYPES[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != BOOLEAN):
        raise ActError(f"{name!r} does not take {value!r}")


def _check_bounds(option: Json, value: Any) -> None:
    size = len(value) if isinstance(value, str) else value
    low = option.get("min_length" if isinstance(value, str) else "min_value")
    high = option.get("max_length" if isinstance(value, str) else "max_value")
    if (low is not None and size < low) or (high is not None and size > high):
        raise ActError(f"{option['name']!r} must be between {low} and {high}")


def chosen(select: Json, values: list[str], resolver: Resolver) -> list[str]:
    """Return the values of a select, checked and resolved."""
    if select.get("disabled"):
        raise ActError(f"{select['custom_id']!r} is disabled")
    low, high = _bounds(select)
    if not low <= len(values) <= high:
        raise ActError(f"{select['custom_id']!r} takes {low} to {high} values")
    kind = Kind(select["type"])
    if kind is Kind.STRING_SELECT:
        offered = [option["value"] for option in select["options"]]
        if not set(values) <= set(offered):
            raise ActError(f"{select['custom_id']!r} offers only {offered}")
        return values
    return [resolver.add(_SELECT_RESOLVES[kind], int(value)) for value in values]


def _bounds(field: Json) -> tuple[int, int]:
    """Return how many values fit; 1 to 1 where the bot said nothing, or null."""
    low, high = field.get("min_values"), field.get("max_values")
    return 1 if low is None else low, 1 if high is None else high


def submitted(modal: Json, values: Mapping[str, Any], resolver: Resolver) -> list[Json]:
    """Return the `components` of a modal's submission; the values go by custom id."""
    known = {part["custom_id"] for part in walk(modal["components"]) if "custom_id" in part}
    strange = set(values) - known
    if strange:
        raise ActError(f"the modal has no field {sorted(strange)[0]!r}")
    answers: list[Json] = []
    for index, part in enumerate(modal["components"], start=1):
        shell: Json = {"type": part["type"], "id": part.get("id", index)}
        if is_kind(part, Kind.ACTION_ROW):
            inner = [_answer(field, values, resolver, 100 + index) for field in part["components"]]
            answers.append(shell | {"components": inner})
        elif is_kind(part, Kind.LABEL):
            answers.append(shell | {"component": _answer(part["component"], values, resolver, 100 + index)})
        else:
            answers.append(shell)
    return answers


def _answer(field: Json, values: Mapping[str, Any], resolver: Resolver, number: int) -> Json:
    kind = Kind(field["type"])
    answer: Json = {"type": int(kind), "id": field.get("id", number), "custom_id": field["custom_id"]}
    given = values.get(field["custom_id"])
    missing = given is None or (kind is Kind.FILE_UPLOAD and not given)
    if missing and field.get("required", kind is not Kind.CHECKBOX):
        raise ActError(f"the modal's field {field['custom_id']!r} is required")
    if kind is Kind.TEXT_INPUT:
        text = field.get("value") or "" if given is None else str(given)
        _check_bounds({"name": field["custom_id"]} | field, text)
        return answer | {"value": text}
    if kind is Kind.CHECKBOX:
        return answer | {"value": bool(given)}
    if kind is Kind.RADIO_GROUP:
        return answer | {"value": given}
    if kind is Kind.FILE_UPLOAD:
        return answer | {"values": _files(field, list(given or []), resolver)}
    if kind is Kind.CHECKBOX_GROUP or given is None:
        return answer | {"values": list(given or [])}
    return answer | {"values": chosen(field, list(given), resolver)}


def _files(field: Json, uploads: list[Upload], resolver: Resolver) -> list[str]:
    low, high = _bounds(field)
    if uploads and not low <= len(uploads) <= high:
        raise ActError(f"{field['custom_id']!r} takes {low} to {high} files")
    return [resolver.attach(upload) for upload in uploads]
