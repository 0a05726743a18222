"""The command `migrate`: what the operator sees of one."""

from sqlalchemy.engine import make_url

from bot.storage.database import Database


async def migrate(url: str) -> None:
    """Bring the database up to date, and say what that took. Raises SetupError, one sentence."""
    database = await Database.open(url)
    await database.close()
    name, steps = make_url(url).database, database.migrated
    if steps:
        print(f"Brought {name} up to date: {steps} step{'s' if steps > 1 else ''}.")
    else:
        print(f"{name} is up to date: there was nothing to do.")
