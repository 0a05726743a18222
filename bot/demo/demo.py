"""`python -m bot demo`: play the scene, judge it, write the results, and say on the terminal how it goes."""

import io
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.demo.judge import Verdict, judge
from bot.demo.results import write
from bot.demo.scene import Outcome, play
from bot.demo.stage import DemoError, stage
from bot.errors import SetupError

Gemini = Literal["loopback", "real"]


async def demo(out: Path, gemini: Gemini) -> int:
    """Run the demo into the folder `out`; return 0 when all that was said was heard and answered.

    Raises SetupError where `out` can't hold the results, or the real Gemini is asked for without a key.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a quotation mark ends no demo where output is ASCII
    console = Console(highlight=False)
    _make(out)
    with tempfile.TemporaryDirectory(prefix="earshot-demo-") as folder:
        try:
            outcome = await _play(Path(folder), gemini, console)
            _say(console, "measuring and drawing")
            verdict = judge(outcome)
            _write(outcome, verdict, out)
        except DemoError as error:
            console.print(Text(str(error), style="bold red"), soft_wrap=True)
            return 1
        finally:
            log = Path(folder) / "bot.log"
            if log.exists():
                _keep(log, out)
    _conclude(console, verdict, out)
    return 0 if verdict.heard else 1


async def _play(folder: Path, gemini: Gemini, console: Console) -> Outcome:
    with console.status("Ada waits for the bot") as status:
        _say(console, f"starting a Discord on loopback, the bot, and a Gemini ({gemini})")
        async with stage(folder, gemini) as ready:
            _say(console, "the bot is ready")
            status.update("Ada and Earshot are in a call")
            return await play(ready, lambda line: _say(console, line))


def _say(console: Console, line: str) -> None:
    """Print a step; on a terminal it is broken where the width ends, elsewhere it is one line."""
    text = f"\N{BULLET} {line}"
    if console.is_terminal:
        text = textwrap.fill(text, console.width, subsequent_indent="  ")
    shown = Text(text)
    shown.stylize("dim", 0, 1)
    console.print(shown, soft_wrap=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unfit(folder, error) from error


def _write(outcome: Outcome, verdict: Verdict, folder: Path) -> None:
    try:
        write(outcome, verdict, folder)
    except OSError as error:
        raise _unfit(folder, error) from error


def _keep(log: Path, folder: Path) -> None:
    """Put the bot's log beside the results; what else is wrong with the folder was said already."""
    try:
        shutil.copy(log, folder)
    except OSError as error:
        print(f"The bot's log could not be kept ({error.strerror}).", file=sys.stderr)


def _unfit(folder: Path, error: OSError) -> SetupError:
    return SetupError(f"{folder} can't hold the results ({error.strerror}): choose another --out.")


def _conclude(console: Console, verdict: Verdict, out: Path) -> None:
    console.print(_table(verdict))
    console.print(
        f"Look at {out / 'timeline.png'}, {out / 'room.png'}\nand {out / 'shown.md'}, "
        f"and listen to {out / 'conversation.wav'} and {out / 'room.wav'}.",
        markup=False,
        soft_wrap=True,
    )
    if not verdict.heard:
        console.print(
            "[bold red]Not all that was said was heard; see the rows above.[/bold red] A machine that stalls "
            "for half a second cuts a sentence in two: run it once more. If it is so again, that is a defect."
        )
    elif not verdict.passed:
        console.print("All was heard, but later than it should be: is this machine busy? See the rows above.")


def _table(verdict: Verdict) -> Table:
    table = Table("what", "measured", "bar", "")
    for check in verdict.checks:
        mark = "[green]ok[/green]" if check.passed else "[bold red]MISSED[/bold red]"
        table.add_row(check.name, check.value, check.bar, mark)
    return table
