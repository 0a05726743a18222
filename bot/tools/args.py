"""What the model passes to a function, checked: it may be of another type than was asked for."""

import math

from bot.conversation.toolbox import ToolError, ToolUse
from bot.text.blocks import size


def text_of(use: ToolUse, name: str, longest: int) -> str:
    """Return an argument that is text, stripped; raise ToolError where there is none, or too much of it."""
    value = use.args.get(name)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise ToolError(f"There is nothing in the argument {name}: call again with it.")
    if size(text) > longest:
        raise ToolError(f"The argument {name} is too long: at most {longest:,} characters of it fit.")
    return text


def optional_text_of(use: ToolUse, name: str, longest: int) -> str:
    """Return an argument that is text and may be left out; raise ToolError where it is too long."""
    return text_of(use, name, longest) if use.args.get(name) not in (None, "") else ""


def number_of(use: ToolUse, name: str) -> float | None:
    """Return an argument that is a number, None where it is left out; raise ToolError for anything else."""
    value = use.args.get(name)
    if value is None:
        return None
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ToolError(f"The argument {name} is not a number.")
    return number
