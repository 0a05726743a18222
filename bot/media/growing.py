"""Answers by a schema: shown while their JSON still grows, and checked when it is whole."""

from collections.abc import Sequence

from jsonschema.exceptions import ValidationError
from pydantic_core import from_json

from bot.media.extraction.checking import faults
from bot.media.fit import Fitted
from bot.media.task import Json, Task

SHOW_S = 0.5  # between looks at a growing value: as often as people see an edit, and half of that again
MOST_PROBLEMS = 10  # told to the model at once
_SHOWN = 200  # characters of a problem

_REPAIR = (
    "Your JSON has these problems:\n{problems}\n\nLook at the files again where needed, and answer with the "
    "whole corrected JSON."
)


class Growing:
    """A value as it grows; `render` and `problems` are for a thread, as they take a while for a long one."""

    def __init__(self, task: Task, files: Sequence[Fitted]) -> None:
        self._task = task
        self._files = files
        self._shown_at = 0.0
        self.text = ""
        """What the model has written so far."""

    def add(self, text: str) -> None:
        """Take the next of the model's JSON."""
        self.text += text

    def due(self, now: float) -> bool:
        """Say whether it is time to look at it again; `now` is in seconds, of any clock."""
        if now - self._shown_at < SHOW_S:
            return False
        self._shown_at = now
        return True

    def render(self) -> str:
        """Return what is there so far as Markdown; nothing while there is none."""
        value = self.partial()
        return "" if value is None else self._task.render(value, self._files)

    def partial(self) -> Json:
        """Return the value as far as it has grown; None where that is nothing."""
        try:
            return from_json(self.text, allow_partial="trailing-strings")
        except ValueError:
            return None

    def problems(self) -> list[str]:
        """Return what is wrong with the whole value, the first of it; nothing where all is well."""
        try:
            value = from_json(self.text)  # five times as fast as json, which holds the GIL as long
            wrong = [_said(error) for error in faults(self._task.schema or {}, value, MOST_PROBLEMS)]
        except ValueError as error:
            return [f"It is no JSON: {error}"]
        except RecursionError:
            return ["It is nested too deeply."]
        return (wrong or self._task.problems(value, self._files))[:MOST_PROBLEMS]


def repair(problems: Sequence[str]) -> str:
    """Return what the model is told about its value."""
    return _REPAIR.format(problems="\n".join(f"- {problem}" for problem in problems))


def _said(error: ValidationError) -> str:
    message = error.message if len(error.message) <= _SHOWN else f"{error.message[:_SHOWN]}…"
    return f"{error.json_path}: {message}"
