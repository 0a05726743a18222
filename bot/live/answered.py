"""How much of what was sent to the model is answered by an answer: no question is lost, none answered twice.

The rule: an answer is to all that was asked before it began. So that is let go of when it begins, and a
connection lost from then on costs the rest of the answer alone. But where a function's result was given, what
was asked after the result is let go of only when the answer is whole: it may be one of the result alone, and
a connection lost in its midst must not take the question with it. The same holds for the answer after that,
if somebody speaks into the first: a model may say that it looks, and tell of the result when that is over.
While functions run, an answer is to the results that were given, and to what was asked before them, alone.
"""

from collections.abc import Sequence
from itertools import islice

from bot.live.entries import Entry
from bot.live.items import ActivityEnd, ActivityStart


def by_beginning(sent: Sequence[Entry], *, by_marks: bool, running: bool) -> int:
    """Return how many of the items that were sent are answered as an answer begins.

    `by_marks` says whether the turns have ends; else all is asked that was said. `running` says whether
    functions are. A result that may not have been told yet is marked as `told`, and stays until the next.
    """
    count, result = _first_asked(sent) if by_marks else _all_said(sent, running=running)
    if running and result is None:
        return 0
    if by_marks and result is not None and not result.told:
        result.told = True
        return count - 1
    return count


def by_being_whole(
    sent: Sequence[Entry], began_at: float, *, by_marks: bool, running: bool, undisturbed: bool
) -> int:
    """Return how many are answered as the answer that began then is whole.

    `undisturbed` says whether it is over, too, and nobody has spoken into it: so it has told the results.
    """
    count = 0
    for number, entry in enumerate(sent, 1):
        if entry.sent_at > began_at:
            break
        if (undisturbed and entry.told) or (not running and (entry.asks or not by_marks)):
            count = number
    return count


def going_on(sent: Sequence[Entry], count: int) -> list[Entry]:
    """Return what of so many items belongs to a turn that was not over after the last of them."""
    items = list(islice(sent, count))
    marks = [number for number, e in enumerate(items) if isinstance(e.item, ActivityStart | ActivityEnd)]
    if not marks or isinstance(items[marks[-1]].item, ActivityEnd):
        return []
    return [entry for entry in items[marks[-1] + 1 :] if not (entry.is_result or entry.asks)]


def _first_asked(sent: Sequence[Entry]) -> tuple[int, Entry | None]:
    """Return how many were sent up to the last that asks; or to a result, if other things ask after it."""
    count, result = 0, None
    for number, entry in enumerate(sent, 1):
        if result is not None and entry.asks and not entry.is_result:
            break
        if entry.asks or entry.told:
            count, result = number, entry if entry.is_result else None
    return count, result


def _all_said(sent: Sequence[Entry], *, running: bool) -> tuple[int, Entry | None]:
    """Return how many were sent; while functions run, how many up to the last result."""
    results = [(number, entry) for number, entry in enumerate(sent, 1) if entry.is_result and entry.asks]
    return results[-1] if running and results else (len(sent), None)
