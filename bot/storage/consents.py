"""Who may be heard: who has agreed, in that guild; where it gives notice instead, who has not objected."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Self

from sqlalchemy import insert, select, update

from bot.storage.database import Database, upsert
from bot.storage.tables import consents

NEVER = 0.0  # stands for the time of a consent where somebody objected who had not given one
_NOTICE = "notice"  # the one policy with which who said nothing is heard; every other one asks


def _ask(_guild_id: int) -> str:
    return "ask"


class ConsentStore:
    """The consents, all of them in memory too: each voice packet asks, and may not wait for a disk."""

    def __init__(
        self,
        database: Database,
        standing: set[tuple[int, int]],
        objected: set[tuple[int, int]],
        policy_of: Callable[[int], str],
    ) -> None:
        self._database = database
        self._standing = standing
        self._objected = objected
        self._policy_of = policy_of
        self._listeners: list[Callable[[int, int], None]] = []
        self._withdrawals: Counter[tuple[int, int]] = Counter()
        # SQLite's write lock is taken in any order; what is stored last must be what was decided last.
        self._in_order = asyncio.Lock()

    @classmethod
    async def load(cls, database: Database, policy_of: Callable[[int], str] = _ask) -> Self:
        """Read who has agreed and who has objected; `policy_of(guild_id)` is asked for each packet.

        Raises StorageError.
        """
        query = select(consents.c.guild_id, consents.c.user_id, consents.c.withdrawn_at)
        standing: set[tuple[int, int]] = set()
        objected: set[tuple[int, int]] = set()
        async with database.reading() as connection:
            for row in await connection.execute(query):
                (standing if row.withdrawn_at is None else objected).add((row.guild_id, row.user_id))
        return cls(database, standing, objected, policy_of)

    def listen(self, listener: Callable[[int, int], None]) -> None:
        """Call `listener(guild_id, user_id)` in the moment in which a consent begins or ends to hold."""
        self._listeners.append(listener)

    def consented(self, guild_id: int, user_id: int) -> bool:
        """Say whether this person may be heard in this guild, now."""
        key = (guild_id, user_id)
        if key in self._standing:
            return True
        return key not in self._objected and self._policy_of(guild_id) == _NOTICE

    def objected(self, guild_id: int, user_id: int) -> bool:
        """Say whether this person has said not to be heard in this guild, whatever it is set to."""
        return (guild_id, user_id) in self._objected

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
            if key not in self._standing and self._withdrawals[key] == given_at:
                await self._store(guild_id, user_id)
                if self._withdrawals[key] == given_at:
                    self._objected.discard(key)
                    self._standing.add(key)
                    self._tell(*key)
            return self.consented(*key)

    def withdraw(self, guild_id: int, user_id: int) -> Coroutine[Any, Any, None]:
        """End a consent, or object to being heard, at once; await what this returns, to store that.

        Where storing raises StorageError, it holds until a restart.
        """
        self._withdrawals[guild_id, user_id] += 1
        self._standing.discard((guild_id, user_id))
        self._objected.add((guild_id, user_id))
        self._tell(guild_id, user_id)
        return self._store_end(guild_id, user_id)

    async def _store(self, guild_id: int, user_id: int) -> None:
        key = {"guild_id": guild_id, "user_id": user_id}
        async with self._database.writing() as connection:
            await upsert(connection, consents, key, {"given_at": time.time(), "withdrawn_at": None})

    async def _store_end(self, guild_id: int, user_id: int) -> None:
        row = (consents.c.guild_id == guild_id, consents.c.user_id == user_id)
        stored = select(consents.c.withdrawn_at).where(*row)
        ended = update(consents).where(*row).values(withdrawn_at=time.time())
        objection = insert(consents).values(
            guild_id=guild_id, user_id=user_id, given_at=NEVER, withdrawn_at=time.time()
        )
        async with self._in_order:
            if (guild_id, user_id) in self._standing:  # given anew since, and stored
                return
            async with self._database.writing() as connection:
                found = (await connection.execute(stored)).one_or_none()
                if found is None:
                    await connection.execute(objection)
                elif found.withdrawn_at is None:
                    await connection.execute(ended)

    def _tell(self, guild_id: int, user_id: int) -> None:
        for listener in self._listeners:
            listener(guild_id, user_id)
