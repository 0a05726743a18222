"""Tells what was said in a call so far, for the model to sum up."""

import time
from collections.abc import Callable, Sequence

from bot.conversation.captions_passage import CaptionLine, Kind
from bot.conversation.names import cleaned
from bot.conversation.toolbox import LONGEST, Result, Tool, ToolUse
from bot.live.tools import FunctionSpec
from bot.tools.timers import lasting

ROOM = LONGEST - 500  # characters of JSON for the talk; the rest is for what is said of it

_SPEC = FunctionSpec(
    "summarize_so_far",
    "Get what was said in this call so far, with names, to sum it up aloud when a person asks what was "
    "talked about or what they missed.",
)
_NOTHING = "Nothing that was said in this call has been written down yet; say so."
_ASK = "Sum this up aloud in a few sentences: what it was about, what was decided, what is open."
_CUT = "What was said earlier than {ago} ago is left out; say that, and that /transcript has more if kept."


def summarize_so_far(said: Callable[[], Sequence[CaptionLine]]) -> Tool:
    """Return the function of a call; `said()` are its lines so far, in their order."""

    async def run(_use: ToolUse) -> Result:
        lines = [line for line in said() if line.text]
        told: list[str] = []
        left = ROOM
        for line in reversed(lines):
            written = _written(line)
            left -= len(written) + 4  # quotes, a comma and a space
            if left < 0:
                break
            told.append(written)
        if not told:
            return {"result": _NOTHING}
        result: dict[str, object] = {"do": _ASK, "talk": told[::-1]}
        if len(told) < len(lines):
            ago = time.monotonic() - lines[len(lines) - len(told)].at
            result["note"] = _CUT.format(ago=lasting(ago))
        return result

    return Tool(_SPEC, run)


def _written(line: CaptionLine) -> str:
    # Quotes and backslashes would take more room in JSON.
    text = line.text.replace('"', "”").replace("\\", "/")
    return f"({text})" if line.kind is Kind.NOTE else f"{cleaned(line.name)}: {text}"
