"""Where media are measured: threads beside the event loop, for what is inline, stored, or linked."""

import asyncio
import mimetypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from bot.emulators.gemini.media_facts import Clip, Facts, UnreadableError
from bot.emulators.gemini.media_measure import kind_of, measure
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_files import ACTIVE, FileStore, StoredFile, name_in
from bot.emulators.gemini.rest_knobs import RestKnobs
from bot.emulators.gemini.rest_request import Media, is_web_address
from bot.emulators.gemini.rest_youtube import video_id

T = TypeVar("T")


class Eyes:
    """Measures media of one emulator."""

    def __init__(self, files: FileStore, knobs: RestKnobs) -> None:
        self._files = files
        self._knobs = knobs
        # Two: decoders let the other one run, and a machine has few cores.
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="gemini-eyes")

    def close(self) -> None:
        """Wait for what is being measured, and end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def run(self, work: Callable[[], T]) -> T:
        """Do work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def see(self, media: Media) -> Facts:
        """Return what is in media of a request; raise RestError for what can't be used."""
        if media.data is not None:
            return await self._measure(media.data, media.mime_type, media.clip)
        if is_web_address(media.uri):
            return await self._linked(media)
        file = self._files.get(name_in(media.uri), time.monotonic())
        if file.state(time.monotonic()) != ACTIVE:
            raise RestError(400, f"The File {file.name} is not in an ACTIVE state and usage is not allowed.")
        if media.clip not in file.measured:
            file.keep(media.clip, await self._measure(file.path, file.mime_type, media.clip))
        return file.measured[media.clip]

    async def process(self, file: StoredFile) -> None:
        """Look through an uploaded file, as the server does before it is ACTIVE."""
        try:
            file.keep(Clip(), await self.run(lambda: measure(file.path, file.mime_type, Clip())))
        except (UnreadableError, OSError) as failed:  # OSError: it was deleted meanwhile
            file.failure = file.failure or str(failed)

    async def _linked(self, media: Media) -> Facts:
        identity = video_id(media.uri)
        if identity is not None and media.uri not in self._knobs.links:
            if identity not in self._knobs.youtube:
                raise RestError(403, "The caller does not have permission")
            film = self._knobs.youtube[identity]
            if film is None:
                raise RestError(400, "Request contains an invalid argument.")
            return await self._measure(film, "video/mp4", media.clip)
        path = self._knobs.links.get(media.uri)
        if path is None:
            raise RestError(400, "Cannot fetch content from the provided URL.")
        mime_type = media.mime_type or mimetypes.guess_type(path.name)[0] or ""
        return await self._measure(path, mime_type, media.clip)

    async def _measure(self, source: Path | bytes, mime_type: str, clip: Clip) -> Facts:
        if kind_of(mime_type) is None:
            raise RestError(400, f"Unsupported MIME type: {mime_type}")
        try:
            return await self.run(lambda: measure(source, mime_type, clip))
        except UnreadableError as unreadable:
            raise RestError(400, str(unreadable)) from None
        except FileNotFoundError:
            raise RestError(404, "The file was deleted meanwhile.") from None
