"""Files that people show while they talk: fetched from Discord and made small, within a second or so."""

import asyncio
import tempfile
from pathlib import Path

from bot.media.errors import MediaError, shown
from bot.media.fetch import Fetcher
from bot.media.glance import Film, Glance, looked_at
from bot.media.scratch import Scratch
from bot.media.sources import Source
from bot.media.workers import Workers

MAX_BYTES = 128 * 1024 * 1024  # a minute from a phone; what is larger takes too long to come while one talks
THREADS = 2  # a photo, 50 ms of work, does not wait for a minute of video, which takes some seconds
WAITING = 20  # files: two messages with as many pictures as Discord takes

_BUSY = "I am looking at {count} files already: show me {name} again in a moment."


class Viewing:
    """Looks at files; `start` before the first, `close` after the last."""

    def __init__(self, proxy: str | None, *, longest_s: int, max_bytes: int = MAX_BYTES) -> None:
        """`longest_s` is how long a video may be."""
        self._proxy = proxy
        self._longest_s = longest_s
        self._max_bytes = max_bytes
        self._workers = Workers("media-view", THREADS)
        self._fetcher: Fetcher | None = None
        self._scratch: Scratch | None = None
        self._looking: set[asyncio.Task[Glance | Film]] = set()

    async def start(self) -> None:
        """Open what it needs."""
        self._scratch = await asyncio.to_thread(Scratch)
        self._fetcher = Fetcher(self._proxy, max_bytes=self._max_bytes)

    async def close(self) -> None:
        """Stop what runs, and remove its files."""
        for task in self._looking:
            task.cancel()
        if self._looking:
            await asyncio.wait(self._looking)
        if self._scratch is not None:
            await asyncio.to_thread(self._scratch.close)
            self._scratch = None
        if self._fetcher is not None:
            await self._fetcher.close()
            self._fetcher = None

    async def look(self, source: Source) -> Glance | Film:
        """Return what is in a posted file. Raises MediaError."""
        name = shown(source.filename)
        if len(self._looking) >= WAITING:
            raise MediaError(_BUSY.format(count=len(self._looking), name=name))
        task = asyncio.create_task(self._look(source, name), name="media-view")
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise MediaError("The bot is shutting down: show it again in a minute.") from None
            task.cancel()
            raise

    async def _look(self, source: Source, name: str) -> Glance | Film:
        if self._fetcher is None or self._scratch is None:
            raise RuntimeError("it is not started")
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._scratch.path))
        path = folder / "file"
        try:
            await self._fetcher.fetch(source, path, lambda _: None)
            return await self._workers.run(lambda stop: looked_at(path, name, self._longest_s, stop))
        finally:
            await asyncio.to_thread(_remove, path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.rmdir()
