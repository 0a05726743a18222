"""Bring a database to the newest revision; the steps are the numbered files in migrations/."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.errors import SetupError

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def upgrade(connection: Connection, name: str) -> None:
    """Apply the missing steps to the database `name` inside the caller's transaction: all of them or none.

    Raises SetupError when the database has been through a step that this program doesn't know.
    """
    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise SetupError(
            f"The database {name} was made by a newer Earshot (revision {', '.join(sorted(unknown))}): "
            "run that version, or name another file in DATABASE_URL."
        )
    command.upgrade(config, "head")


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection; there is no alembic.ini."""
    config = Config(attributes={"connection": connection})
    # `%` begins an interpolation in Alembic's options.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("version_locations", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config
