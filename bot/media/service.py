"""The one way of a request: files fetched, checked, fitted, and sent along or leased; an answer streamed.

Each request is worked on in a task of its own, which hands its events over; who stops reading stops the work.
"""

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from google import genai

from bot.media.contexts import Contexts
from bot.media.each import ask_each
from bot.media.errors import MediaError
from bot.media.events import MediaEvent
from bot.media.feed import Feed
from bot.media.fetch import Fetcher
from bot.media.fit import Fitter
from bot.media.gate import Gate
from bot.media.leases import RemoteFiles
from bot.media.request import MediaRequest, check_count
from bot.media.scratch import Scratch
from bot.media.tools import Tools
from bot.media.work import Work
from bot.storage.answers import AnswerStore
from bot.storage.errors import StorageError
from bot.storage.media import MediaStore

logger = logging.getLogger(__name__)

FORGET_S = 3600.0  # between looks for what is kept no longer


class MediaService:
    """Answers requests; `start` before the first, `close` after the last."""

    def __init__(
        self,
        *,
        client: genai.Client,
        storage: MediaStore,
        answers: AnswerStore,
        proxy: str | None,
        model: str,
        fallback: str | None,
        files: RemoteFiles | None = None,
    ) -> None:
        self._client = client
        self._storage = storage
        self._proxy = proxy
        self._models = [model] if fallback in (None, model) else [model, fallback]
        self._files = files or RemoteFiles(client, storage)
        self._contexts = Contexts(answers, self._files)
        self._gate = Gate()
        self._fitter = Fitter()
        self._tools: Tools | None = None
        self._scratch: Scratch | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._forgetting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open what requests need, and begin to delete the remote files that a crash left."""
        self._scratch = await asyncio.to_thread(Scratch)
        self._tools = Tools(
            client=self._client,
            models=self._models,
            fetcher=Fetcher(self._proxy),
            fitter=self._fitter,
            remote=self._files,
            storage=self._storage,
            contexts=self._contexts,
        )
        await self._files.start(await self._contexts.ids())
        self._forgetting = asyncio.create_task(self._forget_old(), name="media-forget")

    async def close(self) -> None:
        """Stop every request and remove its files, here and, but for those of kept answers, at Google."""
        ending = {*self._running} if self._forgetting is None else {*self._running, self._forgetting}
        for task in ending:
            task.cancel()
        try:
            if ending:
                await asyncio.wait(ending)
        finally:
            # Before what takes longer: this may be given up in the middle, and these are people's files.
            if self._scratch is not None:
                await asyncio.to_thread(self._scratch.close)
                self._scratch = None
        await self._files.close()
        if self._tools is not None:
            await self._tools.fetcher.close()

    def ask(self, request: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        """Yield what happens until the answer is complete; closing this, or cancelling, stops the work.

        Raises MediaError where there is no answer.
        """
        if request.task.each and len(request.sources) > 1:
            return ask_each(self._ask, request)
        return self._ask(request)

    async def recall(self, answer_id: str) -> tuple[MediaRequest, str] | None:
        """Return what was asked, and the answer, for a day; None where it is kept no longer.

        Raises StorageError.
        """
        return await self._contexts.recall(answer_id)

    async def forget(self, user_id: int, guild_id: int | None) -> int:
        """Forget what a person asked in a guild, or in direct messages; return how many answers that was.

        Raises StorageError.
        """
        return await self._contexts.forget(user_id, guild_id)

    async def _ask(self, request: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        feed = Feed()
        working = asyncio.create_task(self._work(request, time.monotonic(), feed), name="media-request")
        self._running.add(working)
        working.add_done_callback(self._running.discard)
        working.add_done_callback(lambda _: feed.end())
        try:
            while (event := await feed.next()) is not None:
                yield event
            if working.cancelled():
                raise MediaError("The bot is shutting down: ask again in a minute.")
            await working  # raises what went wrong
        finally:
            working.cancel()
            await asyncio.wait({working})
            if not working.cancelled():
                working.exception()  # raised above, or nobody wants to know any more

    async def _work(self, request: MediaRequest, began: float, feed: Feed) -> None:
        tools, scratch = self._ready()
        _check(request, tools.fetcher)
        feed.say("Waiting for a free place")
        # In direct messages people share as guilds do elsewhere.
        key = ("guild", request.guild_id) if request.guild_id is not None else ("user", request.user_id)
        with self._contexts.open(request):
            async with self._gate.turn(key):
                folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=scratch.path))
                try:
                    await Work(tools, request, folder, feed, began).run()
                finally:
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _ready(self) -> tuple[Tools, Scratch]:
        if self._tools is None or self._scratch is None:
            raise RuntimeError("the media service is not started")
        return self._tools, self._scratch

    async def _forget_old(self) -> None:
        while True:
            try:
                await self._contexts.forget_old()
            except StorageError as error:
                logger.warning("Old answers could not be forgotten; that is tried again: %s", error)
            await asyncio.sleep(FORGET_S)


def _check(request: MediaRequest, fetcher: Fetcher) -> None:
    """Raise MediaError for what needs no look at any byte."""
    check_count(request)
    for source in request.sources:
        if not source.on_youtube:
            fetcher.check(source)
