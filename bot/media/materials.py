"""The files of one request: fetched and fitted, or still kept from before; sent along or leased; let go."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.genai import types

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.errors import UnfitError, shown
from bot.media.feed import Feed
from bot.media.fit import Fitted
from bot.media.leases import Lease
from bot.media.parts import file_part, inline_part
from bot.media.sniff import Kind
from bot.media.sources import Source
from bot.media.tools import Tools
from bot.storage.answers import AnswerFile

# The API takes 20 MB of base64, text and all, in a request. But the SDK builds and sends such a request on
# the event loop: 11 ms a megabyte, measured, and voice frames may wait 5 ms. What is larger goes by the Files
# API, from a thread. Vertex AI has no Files API.
INLINE_BYTES = 192 * 1024
VERTEX_INLINE_BYTES = 18_000_000

_KINDS = {
    "image": Kind.PICTURE,
    "video": Kind.RECORDING,
    "audio": Kind.RECORDING,
    "application": Kind.DOCUMENT,
}


@dataclass(eq=False)
class Material:
    """A file of a request."""

    source: Source
    fitted: Fitted
    lease: Lease | None = None

    @property
    def inline(self) -> bool:
        """Whether it goes along with the question."""
        return self.lease is None and self.fitted.path is not None

    async def part(self, clip: Clip | None, *, vertex: bool) -> types.Part:
        """Return it as a part of a question, to Vertex AI or not. Raises MediaError."""
        if self.lease is not None:
            file = await self.lease.ready()
            return file_part(str(file.uri), self.fitted, clip)
        if self.fitted.path is None:
            part = file_part(self.source.url, self.fitted, clip)
            assert part.file_data is not None, "it was made with an address"
            if not vertex:  # which wants a type of everything
                part.file_data.mime_type = None  # Google knows itself what its videos are
            return part
        data = await asyncio.to_thread(self.fitted.path.read_bytes)
        return inline_part(data, self.fitted, clip)

    async def kept(self) -> tuple[str, Fitted, bytes | None]:
        """Return it as it is kept for questions that follow: with its bytes, if they are few."""
        small = self.inline and self.fitted.size <= INLINE_BYTES
        path = self.fitted.path if small else None
        data = await asyncio.to_thread(path.read_bytes) if path is not None else None
        return self.source.url, self.fitted, data


class Materials:
    """Gets the files of one request ready, in a folder of its own."""

    def __init__(self, tools: Tools, folder: Path, feed: Feed) -> None:
        self._tools = tools
        self._folder = folder
        self._feed = feed
        self._count = 0
        self._leased: list[Lease] = []

    async def fetch_all(
        self, sources: Sequence[Source], detail: Detail | None, clip: Clip | None
    ) -> list[Material]:
        """Fetch and fit files, several at once; the first that can't be ends it. Raises MediaError."""
        works = [
            asyncio.create_task(self._fetch(source, detail, clip), name="media-fit") for source in sources
        ]
        try:
            return list(await asyncio.gather(*works))
        finally:
            for work in works:
                work.cancel()
            if works:
                await asyncio.wait(works)  # nothing works on a folder that is removed next

    async def recover(
        self,
        sources: Sequence[Source],
        kept: Mapping[str, AnswerFile],
        detail: Detail | None,
        clip: Clip | None,
    ) -> list[Material]:
        """Return the files of an earlier question: as they are kept, else fetched anew. Raises MediaError."""
        found: list[Material] = []
        missing: list[Source] = []
        for source in dict.fromkeys(sources):
            material = await self._recover(source, kept.get(source.url))
            if material is None:
                missing.append(source)
            else:
                found.append(material)
        return found + await self.fetch_all(missing, detail, clip)

    def lease(self, materials: Sequence[Material]) -> None:
        """Decide which files go along, and lease the others. Raises MediaError."""
        room = VERTEX_INLINE_BYTES if self._tools.vertex else INLINE_BYTES
        local = [each for each in materials if each.inline]
        for each in sorted(local, key=lambda each: each.fitted.size):
            room -= each.fitted.size
            if room >= 0:
                continue
            if self._tools.vertex:
                raise UnfitError("That is more than 18 MB, the limit on Vertex AI: post less.")
            each.lease = self._tools.remote.lease(each.fitted, self._feed.say)
            self._leased.append(each.lease)

    def end_leases(self, materials: Sequence[Material], *, linger: bool, gone: bool) -> None:
        """End every lease that this took, and let `materials` do without: see Lease.end."""
        for lease in self._leased:
            lease.end(linger=linger, gone=gone)
        self._leased.clear()
        for each in materials:
            each.lease = None

    async def _fetch(self, source: Source, detail: Detail | None, clip: Clip | None) -> Material:
        name = shown(source.filename)
        if source.on_youtube:
            digest = hashlib.sha256(source.url.encode()).hexdigest()
            return Material(source, Fitted(None, name, "video/mp4", 0, digest, Kind.RECORDING))
        path = self._path()
        await self._tools.fetcher.fetch(source, path, lambda done: self._feed.say(f"Fetching {name}", done))
        self._feed.say(f"Looking into {name}")
        return Material(source, await self._tools.fitter.fit(path, source.filename, detail, clip))

    async def _recover(self, source: Source, kept: AnswerFile | None) -> Material | None:
        if kept is None:
            return None
        kind = _KINDS.get(kept.mime_type.partition("/")[0], Kind.TEXT)
        if kept.data is not None:
            path = self._path()
            await asyncio.to_thread(path.write_bytes, kept.data)
            fitted = Fitted(path, kept.name, kept.mime_type, len(kept.data), kept.sha256, kind)
            return Material(source, fitted)
        lease = self._tools.remote.find(kept.sha256, self._feed.say)
        if lease is None:
            return None
        self._leased.append(lease)
        return Material(source, Fitted(None, kept.name, kept.mime_type, 0, kept.sha256, kind), lease)

    def _path(self) -> Path:
        self._count += 1
        return self._folder / str(self._count)
