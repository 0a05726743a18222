"""The commands `run`, `migrate`, `backup`, `demo` and `emulate`, and how each ends.

Exit codes: 0 when it did what was asked, also when a signal ended it, but not a backup, which is then not
there; 1 for a failure of ours; 2 with one sentence on standard error when it can't do it as it is set up.
The exception: until `main` begins, as its first modules load, Ctrl+C or SIGTERM itself ends the process, so a
shell sees 130 or 143.
Parts are imported where they are used, so a mistake in the settings is said before the large libraries are
loaded, and SSL_CERT_FILE is set before aiohttp reads it, which is when it is imported.
"""

import argparse
import asyncio
import gc
import logging
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import EarshotError
from bot.process import Ending, until

if TYPE_CHECKING:
    from bot.settings import StorageSettings

logger = logging.getLogger(__name__)


def main() -> int:
    """Run one command and return the exit code."""
    ending = Ending()
    # BLAS threads would fight the media threads for the cores; numpy reads this at import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = _parser().parse_args()
    ending.interrupted = arguments.interrupted
    try:
        work: Coroutine[Any, Any, int | None] = arguments.command(arguments)
    except EarshotError as error:
        return _refuse(error)
    return asyncio.run(_run(ending, work))


async def _run(ending: Ending, work: Coroutine[Any, Any, int | None]) -> int:
    """Do the work until it is done or a signal comes; return the exit code."""
    stop = ending.attach()
    try:
        code = await until(stop, work, name="command") or 0
    except EarshotError as error:
        code = _refuse(error)
    except Exception:  # the program's outermost edge: whatever it is, it is logged and ends with code 1
        logger.exception("The program failed")
        code = 1
    code = ending.interrupted if stop.is_set() else code
    ending.arm(code)
    return code


def _refuse(error: EarshotError) -> int:
    print(error, file=sys.stderr, flush=True)
    return 2


def _bot(_arguments: argparse.Namespace) -> Coroutine[Any, Any, None]:
    from bot import logs
    from bot.settings import Settings, load, oversights

    settings = load(Settings)
    settings.export()
    logs.set_up(settings.log_level, settings.secrets())
    for sentence in oversights():
        logger.warning(sentence)
    # What is imported stays for good. To look through it for garbage takes a tenth of a second each time:
    # several times while it is imported, and then in calls, where it would be heard.
    # The garbage among it, some 3,000 objects, stays too: to find it would delay the start by as much.
    gc.disable()
    from bot.app import serve

    gc.freeze()
    gc.enable()
    return serve(settings)


def _migrate(_arguments: argparse.Namespace) -> Coroutine[Any, Any, None]:
    settings = _for_storage()
    from bot.storage.migrate_command import migrate

    return migrate(settings.database_url)


def _backup(arguments: argparse.Namespace) -> Coroutine[Any, Any, None]:
    settings = _for_storage()
    from bot.storage.backup_command import backup

    return backup(settings.database_url, arguments.file)


def _for_storage() -> "StorageSettings":
    """Return what commands that talk to nobody need, with the log set up."""
    from bot import logs
    from bot.settings import StorageSettings, load, oversights

    settings = load(StorageSettings)
    logs.set_up(settings.log_level)
    for sentence in oversights():
        logger.warning(sentence)
    return settings


def _demo(arguments: argparse.Namespace) -> Coroutine[Any, Any, int]:
    from bot.demo.demo import demo

    return demo(arguments.out, arguments.gemini)


def _emulate(arguments: argparse.Namespace) -> Coroutine[Any, Any, None]:
    from bot.demo.emulate import emulate

    return emulate(arguments.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bot", description="Earshot, a bot to talk with on Discord."
    )
    parser.set_defaults(interrupted=0)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the bot, until interrupted")
    run.set_defaults(command=_bot)

    migrate = commands.add_parser("migrate", help="bring the database up to date; `run` does it too")
    migrate.set_defaults(command=_migrate)

    backup = commands.add_parser("backup", help="copy the database to a new file, also while the bot runs")
    backup.add_argument("file", type=Path, metavar="FILE", help="the copy, which must not be there yet")
    backup.set_defaults(command=_backup, interrupted=2)

    demo = commands.add_parser("demo", help="let a person talk with the bot, on loopback")
    demo.add_argument("--gemini", choices=("loopback", "real"), default="loopback", help="who answers")
    demo.add_argument("--out", type=Path, default=Path("demo-out"), metavar="DIR", help="where results go")
    demo.set_defaults(command=_demo)

    emulate = commands.add_parser("emulate", help="serve Discord and Gemini on loopback, until interrupted")
    emulate.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="JSON with what a client needs"
    )
    emulate.set_defaults(command=_emulate)
    return parser
