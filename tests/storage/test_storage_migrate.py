"""`python -m bot migrate`: it says what it did."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from bot_process import Bot
from sqlalchemy import create_engine

from bot.storage.migrate import MIGRATIONS

STEPS = len(list(MIGRATIONS.glob("0*_*.py")))


def migrated_to(path: Path, revision: str) -> None:
    """Leave a database as an earlier program did."""
    with create_engine(f"sqlite:///{path}").connect() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS.parent / "bot/storage"))
        config.set_main_option("version_locations", str(MIGRATIONS))
        config.set_main_option("path_separator", "newline")
        command.upgrade(config, revision)
        connection.commit()


async def test_a_new_database_takes_every_step_and_then_none(tmp_path: Path) -> None:
    bot = Bot(tmp_path, {})
    first = await bot.run("migrate")
    assert (first.code, first.err) == (0, "")
    assert first.out == f"Brought earshot.db up to date: {STEPS} steps.\n"
    second = await bot.run("migrate")
    assert (second.code, second.err) == (0, "")
    assert second.out == "earshot.db is up to date: there was nothing to do.\n"


async def test_an_older_database_takes_the_steps_that_it_lacks(tmp_path: Path) -> None:
    bot = Bot(tmp_path, {})
    migrated_to(bot.database, f"{STEPS - 1:04}")
    assert (await bot.run("migrate")).out == "Brought earshot.db up to date: 1 step.\n"
    with closing(sqlite3.connect(bot.database)) as plain:
        assert plain.execute("SELECT version_num FROM alembic_version").fetchall() == [(f"{STEPS:04}",)]
