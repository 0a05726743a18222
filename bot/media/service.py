"""The one way of a request: files fetched, checked, fitted, and sent along or leased; an answer streamed.

Each request is worked on in a task of its own, which hands its events over; who stops reading stops the work.
"""

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

from google import genai
from google.genai import types

from bot.media.answering import Asker, FilesGone
from bot.media.errors import MediaError, shown
from bot.media.events import Finished, MediaEvent, RequestUsage, TextDelta
from bot.media.feed import Feed
from bot.media.fetch import Fetcher
from bot.media.fit import Fitted, Fitter
from bot.media.gate import Gate
from bot.media.leases import Lease, RemoteFiles
from bot.media.request import MediaRequest
from bot.media.sources import Source
from bot.media.usage import usage_of
from bot.storage.errors import StorageError
from bot.storage.media import MediaStore

logger = logging.getLogger(__name__)

MAX_SOURCES = 10
# The API takes 20 MB of base64, text and all, in a request. But the SDK builds and sends such a request on
# the event loop: 11 ms a megabyte, measured, and voice frames may wait 5 ms. What is larger goes by the Files
# API, from a thread. Vertex AI has no Files API.
INLINE_BYTES = 192 * 1024
VERTEX_INLINE_BYTES = 18_000_000


class MediaService:
    """Answers requests; `start` before the first, `close` after the last."""

    def __init__(
        self,
        *,
        client: genai.Client,
        storage: MediaStore,
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
        self._gate = Gate()
        self._fitter = Fitter()
        self._fetcher: Fetcher | None = None
        self._folder: Path | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open what requests need, and begin to delete the remote files that a crash left."""
        self._folder = await asyncio.to_thread(_make_folder)
        self._fetcher = Fetcher(self._proxy)
        await self._files.start()

    async def close(self) -> None:
        """Stop every request and remove its files, here and at Google."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        await self._files.close()
        if self._fetcher is not None:
            await self._fetcher.close()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def ask(self, request: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        """Yield what happens until the answer is complete; closing this, or cancelling, stops the work.

        Raises MediaError where there is no answer.
        """
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
        self._check(request)
        feed.say("Waiting for a free place")
        # In direct messages people share as guilds do elsewhere.
        key = ("guild", request.guild_id) if request.guild_id is not None else ("user", request.user_id)
        async with self._gate.turn(key):
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._folder))
            try:
                fitted = await self._fit_all(request, folder, feed)
                await self._answer(request, fitted, began, feed)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _check(self, request: MediaRequest) -> None:
        """Raise MediaError for what needs no look at any byte."""
        if len(request.sources) > MAX_SOURCES:
            raise MediaError(
                f"These are {len(request.sources)} files, and {MAX_SOURCES} is the limit: post fewer."
            )
        for source in request.sources:
            self._fetching().check(source)

    def _fetching(self) -> Fetcher:
        if self._fetcher is None:
            raise RuntimeError("the media service is not started")
        return self._fetcher

    async def _fit_all(self, request: MediaRequest, folder: Path, feed: Feed) -> list[Fitted]:
        """Fetch and fit the files, several at once; the first that can't be ends it."""
        works = [
            asyncio.create_task(self._fit(source, folder / str(number), request, feed), name="media-fit")
            for number, source in enumerate(request.sources)
        ]
        try:
            return list(await asyncio.gather(*works))
        finally:
            for work in works:
                work.cancel()
            if works:
                await asyncio.wait(works)  # nothing works on a folder that is removed next

    async def _fit(self, source: Source, path: Path, request: MediaRequest, feed: Feed) -> Fitted:
        name = shown(source.filename)
        await self._fetching().fetch(source, path, lambda done: feed.say(f"Fetching {name}", done))
        feed.say(f"Looking into {name}")
        return await self._fitter.fit(path, source.filename, request.detail)

    async def _answer(self, request: MediaRequest, fitted: list[Fitted], began: float, feed: Feed) -> None:
        try:
            await self._ask(request, fitted, began, feed)
        except FilesGone:
            # Google lost a file before its time: what was leased is not used again, so it is uploaded anew.
            try:
                await self._ask(request, fitted, began, feed)
            except FilesGone as error:
                raise MediaError("Gemini lost a file that was sent to it: ask again in a minute.") from error

    async def _ask(self, request: MediaRequest, fitted: list[Fitted], began: float, feed: Feed) -> None:
        """Send what is small along, lease the rest, and stream the answer."""
        inline = self._inline(fitted)
        # The same file posted twice is one.
        large = {each.sha256: each for each in fitted if each.sha256 not in inline}
        leases = {sha256: self._files.lease(each, feed.say) for sha256, each in large.items()}
        linger = gone = False
        try:
            parts = [await _part(each, leases.get(each.sha256)) for each in fitted]
            await self._stream(request, [*parts, types.Part(text=request.prompt)], began, feed)
            linger = True
        except FilesGone:
            gone = True
            raise
        finally:
            for lease in leases.values():
                lease.end(linger=linger, gone=gone)

    def _inline(self, fitted: list[Fitted]) -> set[str]:
        """Return which files, by SHA-256, go along in the request: the smallest, as long as there is room."""
        room = VERTEX_INLINE_BYTES if self._client.vertexai else INLINE_BYTES
        chosen = set()
        for each in sorted(fitted, key=lambda each: each.size):
            room -= each.size
            if room < 0:
                if self._client.vertexai:
                    raise MediaError("That is more than 18 MB, the limit on Vertex AI: post less.")
                break
            chosen.add(each.sha256)
        return chosen

    async def _stream(self, request: MediaRequest, parts: list[types.Part], began: float, feed: Feed) -> None:
        models = [request.model, *self._models] if request.model else self._models
        asker = Asker(self._client, list(dict.fromkeys(models)), feed.say)
        try:
            async with aclosing(asker.ask(request, parts)) as words:
                async for text in words:
                    await feed.put(TextDelta(text))
        finally:
            # Also where the reader went away: what was used is billed.
            used = usage_of(asker.answer.model, asker.answer.usage, time.time())
            if asker.answer.usage is not None:
                await self._record(request, asker.answer.model, used)
        seconds = time.monotonic() - began
        await feed.put(Finished(asker.answer.model, used, seconds, asker.answer.truncated))

    async def _record(self, request: MediaRequest, model: str, used: RequestUsage) -> None:
        try:
            await self._storage.record_usage(
                guild_id=request.guild_id, user_id=request.user_id, model=model, **asdict(used)
            )
        except StorageError as error:
            logger.warning("The usage of a request could not be recorded: %s", error)


async def _part(fitted: Fitted, lease: Lease | None) -> types.Part:
    if lease is None:
        data = await asyncio.to_thread(fitted.path.read_bytes)
        return types.Part.from_bytes(data=data, mime_type=fitted.mime_type)
    file = await lease.ready()
    return types.Part.from_uri(file_uri=str(file.uri), mime_type=fitted.mime_type)


def _make_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="earshot-media-"))
