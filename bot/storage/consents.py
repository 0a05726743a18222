"""Who may be heard: nobody is, in any guild, before that person agreed there."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Self

from sqlalchemy import select, update

from bot.storage.database import Database, upsert
from bot.storage.tables import consents


class ConsentStore:
    """The consents, all of them in memory too: each voice packet asks, and may not wait for a disk."""

    def __init__(self, database: Database, standing: set[tuple[int, int]]) -> None:
        self._database = database
        self._standing = standing
        self._listeners: list[Callable[[int, int], None]] = []
        self._withdrawals: Counter[tuple[int, int]] = Counter()
        # SQLite's write lock is taken in any order; what is stored last must be what was decided last.
        self._in_order = asyncio.Lock()

    @classmethod
    async def load(cls, database: Database) -> Self:
        """Read the consents that stand. Raises StorageError."""
        query = select(consents.c.guild_id, consents.c.user_id).where(consents.c.withdrawn_at.is_(None))
        async with database.reading() as connection:
            return cls(database, {(row.guild_id, row.user_id) for row in await connection.execute(query)})

    def listen(self, listener: Callable[[int, int], None]) -> None:
        """Call `listener(guild_id, user_id)` in the moment in which a consent begins or ends to hold."""
        self._listeners.append(listener)

    def consented(self, guild_id: int, user_id: int) -> bool:
        """Say whether this person may be heard in this guild, now."""
        return (guild_id, user_id) in self._standing

    def withdrawals(self, guild_id: int, user_id: int) -> int:
        """Return how often this person withdrew; give it to `give` where a consent is stored later."""
        return self._withdrawals[guild_id, user_id]

    async def give(self, guild_id: int, user_id: int, *, withdrawals: int | None = None) -> bool:
        """Record a consent, which holds once it is stored; return whether it does. Raises StorageError.

        A withdrawal since then wins: since this call, or since `withdrawals` were counted.
        """
        key = (guild_id, user_id)
        given_at = self._withdrawals[key] if withdrawals is None else withdrawals
        async with self._in_order:
            if not self.consented(*key) and self._withdrawals[key] == given_at:
                await self._store(guild_id, user_id)
                if self._withdrawals[key] == given_at:
                    self._standing.add(key)
                    self._tell(*key)
            return self.consented(*key)

    def withdraw(self, guild_id: int, user_id: int) -> Coroutine[Any, Any, None]:
        """End a consent, at once; await what this returns, to store that.

        Where storing raises StorageError, the consent stays ended until a restart.
        """
        self._withdrawals[guild_id, user_id] += 1
        self._standing.discard((guild_id, user_id))
        self._tell(guild_id, user_id)
        return self._store_end(guild_id, user_id)

    async def _store(self, guild_id: int, user_id: int) -> None:
        key = {"guild_id": guild_id, "user_id": user_id}
        async with self._database.writing() as connection:
            await upsert(connection, consents, key, {"given_at": time.time(), "withdrawn_at": None})

    async def _store_end(self, guild_id: int, user_id: int) -> None:
        row = (consents.c.guild_id == guild_id, consents.c.user_id == user_id)
        ended = update(consents).where(*row, consents.c.withdrawn_at.is_(None))
        async with self._in_order:
            if self.consented(guild_id, user_id):  # given anew since, and stored
                return
            async with self._database.writing() as connection:
                await connection.execute(ended.values(withdrawn_at=time.time()))

    def _tell(self, guild_id: int, user_id: int) -> None:
        for listener in self._listeners:
            listener(guild_id, user_id)
