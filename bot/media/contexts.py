"""What is kept of answers for a day, across restarts, so that people can go on with them."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.media.fit import Fitted
from bot.media.leases import RemoteFiles
from bot.media.request import MediaRequest, Turn
from bot.media.sources import Source
from bot.media.tasks import table
from bot.storage.answers import AnswerFile, AnswerStore

KEPT_S = 24 * 3600.0


class Contexts:
    """Keeps and recalls; raises StorageError."""

    def __init__(self, store: AnswerStore, remote: RemoteFiles) -> None:
        self._store = store
        self._remote = remote

    async def keep(
        self, request: MediaRequest, text: str, files: Sequence[tuple[str, Fitted, bytes | None]]
    ) -> None:
        """Keep an answer and its files: the address of each, and its bytes where it is not at Google.

        An answer that needed no files keeps those of the one that it follows.
        """
        until = time.time() + KEPT_S
        kept = {
            url: AnswerFile(url, fitted.name, fitted.mime_type, fitted.sha256, data)
            for url, fitted, data in files
        }
        if request.task.alone:
            kept = await self.files(request.after)
        for file in kept.values():
            if file.data is None:
                self._remote.keep(file.sha256, request.id, until)
        await self._store.forget_old(time.time())
        await self._store.keep(
            request.id,
            guild_id=request.guild_id,
            user_id=request.user_id,
            until=until,
            request=json.dumps(_to_json(request)),
            text=text,
            files=list(kept.values()),
        )

    async def recall(self, answer_id: str) -> tuple[MediaRequest, str] | None:
        """Return what was asked, and the answer; None where it is kept no longer."""
        found = await self._store.find(answer_id, time.time())
        if found is None:
            return None
        try:
            return _from_json(answer_id, json.loads(found[0])), found[1]
        except (KeyError, TypeError, ValueError):
            return None  # another version of the program kept it

    async def files(self, answer_id: str) -> dict[str, AnswerFile]:
        """Return the files that are kept of an answer, by the addresses of their sources."""
        if not answer_id:
            return {}
        return {file.url: file for file in await self._store.files(answer_id, time.time())}

    async def forget(self, user_id: int, guild_id: int | None) -> int:
        """Forget what a person asked in a guild, or in direct messages; return how many answers that was."""
        ids = await self._store.forget(user_id, guild_id)
        for each in ids:
            self._remote.let_go(each)
        return len(ids)

    async def forget_old(self) -> None:
        """Forget what has been kept for its time."""
        await self._store.forget_old(time.time())


def _to_json(request: MediaRequest) -> dict[str, Any]:
    return {
        "guild_id": request.guild_id,
        "user_id": request.user_id,
        "sources": [asdict(source) for source in request.sources],
        "task": table.to_json(request.task),
        "turns": [asdict(turn) for turn in request.turns],
        "heading": request.heading,
        "locale": request.locale,
        "after": request.after,
    }


def _from_json(answer_id: str, kept: dict[str, Any]) -> MediaRequest:
    return MediaRequest(
        guild_id=kept["guild_id"],
        user_id=kept["user_id"],
        sources=_sources(kept["sources"]),
        task=table.from_json(kept["task"]),
        turns=tuple(
            Turn(turn["prompt"], turn["answer"], _sources(turn["sources"])) for turn in kept["turns"]
        ),
        heading=kept["heading"],
        locale=kept["locale"],
        id=answer_id,
        after=kept["after"],
    )


def _sources(kept: list[dict[str, Any]]) -> tuple[Source, ...]:
    return tuple(Source(**source) for source in kept)
