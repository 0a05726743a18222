"""Several files asked about one by one, at the same time: a request each, and one table of the answers.

Nothing is queued between the requests and the table: each row holds what came so far, and a slow reader sees
fewer of its states.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from bot.media.errors import MediaError, shown
from bot.media.events import Finished, MediaEvent, Progress, TextDelta, TextWhole
from bot.media.request import MediaRequest, check_count
from bot.media.task import Task
from bot.media.tasks.describe import Describe
from bot.media.usage import summed

LONGEST_CELL = 1_000  # characters; answers were asked to be far shorter
LONGEST_COLUMN = 60  # characters of what stands over them
_WAITING = "…"

Ask = Callable[[MediaRequest], AsyncGenerator[MediaEvent, None]]


@dataclass(eq=False)
class _Row:
    """What came about one file."""

    name: str
    text: str = ""
    finished: Finished | None = None
    error: MediaError | None = None

    @property
    def ended(self) -> bool:
        return self.finished is not None or self.error is not None

    @property
    def shown(self) -> str:
        return str(self.error) if self.error is not None else self.text or _WAITING


async def ask_each(ask: Ask, request: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
    """Ask about each source of a request by `ask`, and yield the answers as a table that grows.

    The last event is one Finished over all. What fails is a row that says why; raises the first MediaError
    where all do. Closing this, or cancelling, closes all that runs.
    """
    check_count(request)
    began = time.monotonic()
    rows = [_Row(shown(source.filename)) for source in request.sources]
    changed = asyncio.Event()
    changed.set()
    readings = [
        asyncio.create_task(
            _read(ask, replace(request, sources=(source,), id=""), row, changed), name=f"media-each-{number}"
        )
        for number, (source, row) in enumerate(zip(request.sources, rows, strict=True), start=1)
    ]
    try:
        async with aclosing(_grown(rows, readings, _column(request.task), changed)) as events:
            async for event in events:
                yield event
    finally:
        for reading in readings:
            reading.cancel()
        await asyncio.wait(readings)
    yield _finished(rows, time.monotonic() - began)


async def _grown(
    rows: Sequence[_Row], readings: Sequence[asyncio.Task[None]], column: str, changed: asyncio.Event
) -> AsyncGenerator[MediaEvent, None]:
    """Yield the table whenever it has changed, until all its rows have ended."""
    told = -1
    while told < len(rows):
        await changed.wait()
        changed.clear()
        for reading in readings:
            if reading.done():
                reading.result()  # raises what no row can carry
        ended = sum(row.ended for row in rows)
        if ended > told:
            yield Progress(f"{ended} of {len(rows)} pictures described", ended / len(rows))
            told = ended
        if any(row.text or row.ended for row in rows):
            yield TextWhole(_table(rows, column))


async def _read(ask: Ask, request: MediaRequest, row: _Row, changed: asyncio.Event) -> None:
    try:
        async with aclosing(ask(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    row.text += event.text
                elif isinstance(event, TextWhole):
                    row.text = event.text
                elif isinstance(event, Finished):
                    row.finished = event
                else:
                    continue
                changed.set()
        if row.finished is None:
            raise RuntimeError("a request ended without an end")
    except MediaError as error:
        row.error = error
    finally:
        changed.set()


def _column(task: Task) -> str:
    """Return what stands over the answers."""
    return task.column if isinstance(task, Describe) else "Answer"


def _table(rows: Sequence[_Row], column: str) -> str:
    # Nothing stands over the numbers: where a table is too wide to be drawn, each row is told as an item that
    # begins with its number.
    lines = [f"| | File | {_cell(column, LONGEST_COLUMN)} |", "| ---: | --- | --- |"]
    for number, row in enumerate(rows, start=1):
        lines.append(f"| {number} | {row.name} | {_cell(row.shown, LONGEST_CELL)} |")
    return "\n".join(lines)


def _cell(text: str, limit: int) -> str:
    """Return Markdown as it can stand in a table: on one line, with nothing that would end the cell."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = f"{line[: limit - 1]}…"
    return line.replace("|", "\\|")


def _finished(rows: Sequence[_Row], seconds: float) -> Finished:
    """Return one end over those of all rows. Raises the first MediaError where there is no answer at all."""
    ends = [row.finished for row in rows if row.finished is not None]
    if not ends:
        raise next(row.error for row in rows if row.error is not None)
    cut = sum(end.truncated is not None for end in ends)
    note = f"{cut} of {len(rows)} descriptions broke off: ask again to have them whole." if cut else None
    models = ", ".join(dict.fromkeys(end.model for end in ends))
    return Finished(models, summed([end.usage for end in ends]), seconds, note)
