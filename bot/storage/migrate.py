"""Bring a database to the newest revision; the steps are the numbered files in migrations/."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from bot.errors import SetupError

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

_VERSIONS = table("alembic_version", column("version_num"))  # Alembic's own


def upgrade(connection: Connection, name: str) -> int:
    """Apply the missing steps to the database `name` inside the caller's transaction: all of them or none.

    Returns how many these were.

    Raises SetupError when the database has been through a step that this program doesn't know.
    """
    if _is_newest(connection):
        return 0
    # Imported here since it takes a third of a second, and people wait for a bot that comes back to a call.
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = _config(connection)
    steps = ScriptDirectory.from_config(config)
    known = {script.revision for script in steps.walk_revisions()}
    current = MigrationContext.configure(connection).get_current_heads()
    unknown = set(current) - known
    if unknown:
        raise SetupError(
            f"The database {name} was made by a newer Earshot (revision {', '.join(sorted(unknown))}): "
            "run that version, or name another file in DATABASE_URL."
        )
    missing = len(list(steps.iterate_revisions("head", current or "base")))
    command.upgrade(config, "head")
    return missing


def _is_newest(connection: Connection) -> bool:
    """Say whether the database has been through the last step; a step's file begins with its revision."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return False
    newest = max(step.name.partition("_")[0] for step in MIGRATIONS.glob("*_*.py"))
    return list(connection.scalars(select(_VERSIONS.c.version_num))) == [newest]


def _config(connection: Connection) -> "Config":
    """Return Alembic's configuration for an open connection; there is no alembic.ini."""
    from alembic.config import Config  # as above

    config = Config(attributes={"connection": connection})
    # `%` begins an interpolation in Alembic's options.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("version_locations", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config
