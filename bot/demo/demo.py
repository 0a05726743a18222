"""`python -m bot demo`: play the scene, judge it, write the results, and say on the terminal how it goes."""

import shutil
import tempfile
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from bot.demo.judge import Verdict, judge
from bot.demo.results import write
from bot.demo.scene import play
from bot.demo.stage import DemoError, stage
from bot.errors import SetupError


async def demo(out: Path, gemini: Literal["loopback", "real"]) -> int:
    """Run the demo into the folder `out`; return 0 when all that was said was heard and answered."""
    console = Console()
    _make(out)
    with tempfile.TemporaryDirectory(prefix="earshot-demo-") as folder:
        log = Path(folder) / "bot.log"
        try:
            with console.status("starting a Discord, a Gemini and the bot on loopback") as status:

                def tell(line: str) -> None:
                    console.print(f"[dim]\N{BULLET}[/dim] {line}", highlight=False)
                    status.update(line)

                async with stage(Path(folder), gemini) as set_up:
                    tell("the bot is ready")
                    outcome = await play(set_up, tell)
                tell("measuring and drawing")
                verdict = judge(outcome)
                write(outcome, verdict, out)
        except DemoError as error:
            console.print(f"[bold red]{error}[/bold red]")
            return 1
        finally:
            if log.exists():
                shutil.copy(log, out)
    console.print(_table(verdict))
    console.print(f"Look at {out / 'timeline.png'} and listen to {out / 'conversation.wav'}.")
    if not verdict.passed:
        console.print("[bold red]Not everything holds; see the rows above.[/bold red]")
    return 0 if verdict.heard else 1


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"{folder} can't hold the results ({error.strerror}): choose another --out."
        ) from error


def _table(verdict: Verdict) -> Table:
    table = Table("what", "measured", "bar", "")
    for check in verdict.checks:
        mark = "[green]ok[/green]" if check.passed else "[bold red]MISSED[/bold red]"
        table.add_row(check.name, check.value, check.bar, mark)
    return table
