"""The command `backup`: what the operator sees of one."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.engine import make_url

from bot.storage.backup import back_up

SHOW_AFTER_S = 2.0  # what is over sooner needs no bar
PAGE_BYTES = 4096  # SQLite's, in every database that the bot made


async def backup(url: str, target: Path) -> None:
    """Back the database up, and say what came of it. Raises BackupError or SetupError, one sentence."""
    source = Path(make_url(url).database or "")
    try:
        with progress_bar(Console(stderr=True)) as copied:
            size = await back_up(source, target, copied)
    except asyncio.CancelledError:
        print("The backup was interrupted; nothing of it was kept.", file=sys.stderr, flush=True)
        raise
    print(f"Backed up {source} to {target}: {decimal(size)}, checked.")
    print(
        f"To restore it: stop the bot, move {source} away together with {source}-wal and {source}-shm where "
        f"they are, copy {target} to {source}, and start the bot again."
    )


@contextmanager
def progress_bar(console: Console, *, after_s: float = SHOW_AFTER_S) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how far a copy is, if it takes longer than `after_s`; give what is to be told."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[size]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    copying = bar.add_task("Copying", total=None, size="")
    # Nothing tells how far a check is: its bar goes to and fro.
    checking = bar.add_task("Checking", total=None, size="", visible=False)

    def copied(pages: int, of_pages: int) -> None:
        done, whole = decimal(pages * PAGE_BYTES), decimal(of_pages * PAGE_BYTES)
        copying_on = pages < of_pages
        bar.update(copying, completed=pages, total=of_pages, size=f"{done} of {whole}", visible=copying_on)
        bar.update(checking, size=whole, visible=not copying_on)

    showing = None
    if console.is_terminal:
        showing = asyncio.get_running_loop().call_later(after_s, bar.start)
    try:
        yield copied
    finally:
        if showing is not None:
            showing.cancel()
        if bar.live.is_started:  # else it would end a line that it never began
            bar.stop()
