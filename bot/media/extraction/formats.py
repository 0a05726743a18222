"""The formats of texts that are checked, each in time linear to the text."""

import datetime

from jsonschema import FormatChecker

_DAY = len("2026-02-28")  # Python takes week dates and dates without hyphens too
FORMATS = FormatChecker(formats=())


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == _DAY and _parses(datetime.date, value))


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or _parses(datetime.time, value)


def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or (len(value) > _DAY and _parses(datetime.datetime, value))


def _is_email(value: object) -> bool:
    return not isinstance(value, str) or (value.count("@") == 1 and not value.startswith("@"))


def _parses(kind: type[datetime.date] | type[datetime.time] | type[datetime.datetime], value: str) -> bool:
    try:
        kind.fromisoformat(value)
    except ValueError:
        return False
    return True


for _name, _check in (
    ("date", _is_date),
    ("time", _is_time),
    ("date-time", _is_date_time),
    ("email", _is_email),
):
    FORMATS.checks(_name)(_check)
