"""What is kept of answers for a day, across restarts, so that people can go on with them."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from bot.media.clip import Clip
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
        self._open: dict[str, MediaRequest] = {}  # those that may be kept, by their ids
        self._changing = asyncio.Lock()  # forgetting sees an answer wholly kept, or not at all

    async def ids(self) -> list[str]:
        """Return which answers are kept."""
        return await self._store.ids(time.time())

    @contextmanager
    def open(self, request: MediaRequest) -> Iterator[None]:
        """For the block, let the answer of a request be kept, unless somebody in it wants to be forgotten."""
        if request.id:
            self._open[request.id] = request
        try:
            yield
        finally:
            self._open.pop(request.id, None)

    async def keep(
        self, request: MediaRequest, text: str, files: Sequence[tuple[str, Fitted, bytes | None]]
    ) -> None:
        """Keep an answer and its files, all or nothing: the address of each, and its bytes if they are given.

        An answer that needed no files keeps those of the one that it follows. Only within `open`.
        """
        async with self._changing:
            if request.id not in self._open:
                return  # it was to be forgotten before it was there
            try:
                await self._keep(request, text, files)
            except BaseException:  # a cancellation too
                self._remote.let_go(request.id)  # there is no answer that could be forgotten
                raise

    async def _keep(
        self, request: MediaRequest, text: str, files: Sequence[tuple[str, Fitted, bytes | None]]
    ) -> None:
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
            people=request.people,
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
        """Forget what a person asked in a guild, or in direct messages; return how many answers that was.

        So with it goes what others asked there about that person's files or answers, and what is being
        answered now.
        """
        for request in tuple(self._open.values()):
            if request.guild_id == guild_id and user_id in request.people:
                del self._open[request.id]
        async with self._changing:
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
        "others": request.others,
    }


def _from_json(answer_id: str, kept: dict[str, Any]) -> MediaRequest:
    return MediaRequest(
        guild_id=kept["guild_id"],
        user_id=kept["user_id"],
        sources=_sources(kept["sources"]),
        task=table.from_json(kept["task"]),
        turns=tuple(_turn(turn) for turn in kept["turns"]),
        heading=kept["heading"],
        locale=kept["locale"],
        id=answer_id,
        after=kept["after"],
        others=tuple(kept["others"]),
    )


def _turn(kept: dict[str, Any]) -> Turn:
    clip = None if kept["clip"] is None else Clip(**kept["clip"])
    sources, people = _sources(kept["sources"]), tuple(kept["people"])
    return Turn(kept["prompt"], kept["answer"], sources, clip, kept["detail"], people)


def _sources(kept: list[dict[str, Any]]) -> tuple[Source, ...]:
    return tuple(Source(**source) for source in kept)
