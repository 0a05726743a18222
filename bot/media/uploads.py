"""One file to Google's Files API: streamed from the disk by the SDK's resumable upload, then waited for.

Protocol: https://ai.google.dev/gemini-api/docs/files. The SDK's synchronous half does it, in a thread: on the
event loop, encrypting pieces of megabytes would keep a voice frame waiting.
"""

import asyncio
import io
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from google import genai
from google.genai import errors, types

from bot.media.errors import MediaError
from bot.media.failures import FAILURES, Way, judge, pause_s
from bot.media.fit import Fitted
from bot.media.workers import Workers

logger = logging.getLogger(__name__)

PIECE_BYTES = 2 * 1024 * 1024  # in memory at once; the protocol wants multiples of 256 KiB
THREADS = 4  # together 8 MiB, and as much again on its way through the SDK
ATTEMPTS = 3
POLL_FIRST_S, POLL_GROWTH, POLL_LAST_S = 0.25, 1.5, 5.0
READY_S = 300.0  # an hour of video is prepared in one or two minutes
DELETE_TIMEOUT_MS = 10_000


class Stopped(Exception):  # noqa: N818 - no error: whoever asked went away
    """The upload was given up in the middle."""


class Pieces(io.RawIOBase):
    """A file that the SDK reads in pieces of bounded size; tells how far it is, and stops when told to."""

    def __init__(self, path: Path, tell: Callable[[float], None]) -> None:
        super().__init__()
        # Opened at once: the folder may be gone when another request still waits for this upload.
        self._file = path.open("rb", buffering=0)
        self._size = max(1, path.stat().st_size)
        self._tell = tell
        self.stop = threading.Event()

    def read(self, size: int = -1, /) -> bytes:
        """Return at most PIECE_BYTES; raise Stopped once `stop` is set."""
        if self.stop.is_set():
            raise Stopped
        piece = self._file.read(PIECE_BYTES if size < 0 else min(size, PIECE_BYTES))
        self._tell(self._file.tell() / self._size)
        return piece or b""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, as files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return where the next piece begins."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file below too."""
        self._file.close()
        super().close()


class Uploader:
    """Uploads, waits and deletes; whoever calls keeps the books (see leases)."""

    def __init__(self, client: genai.Client, *, ready_s: float = READY_S) -> None:
        self._client = client
        self._ready_s = ready_s
        self._workers = Workers("media-upload", THREADS)

    async def upload(
        self, pieces: Pieces, fitted: Fitted, name: str, say: Callable[[str], None]
    ) -> types.File:
        """Return the remote file `name` (files/...) once the model can use it; `say` is told what goes on.

        Raises MediaError. Cancelled, it ends when its thread has, after the piece on its way.
        """
        say(f"Uploading {fitted.name}")
        file = await self._upload(pieces, fitted, name)
        say(f"Preparing {fitted.name}")
        try:
            async with asyncio.timeout(self._ready_s):
                return await self._ready(file, fitted)
        except TimeoutError as error:
            raise MediaError(
                f"Gemini did not get {fitted.name} ready in {self._ready_s:.0f} s: try again later."
            ) from error

    async def delete(self, name: str) -> bool:
        """Delete a remote file; return False where it may still be there."""
        options = types.HttpOptions(
            timeout=DELETE_TIMEOUT_MS, retry_options=types.HttpRetryOptions(attempts=1)
        )
        try:
            await self._client.aio.files.delete(
                name=name, config=types.DeleteFileConfig(http_options=options)
            )
        except errors.APIError as error:
            # Google says 403 of a file that it does not have (any more), so as not to say which there are.
            if error.code not in (403, 404):
                logger.warning("A file at Google could not be deleted (%s); that is tried again", error.code)
                return False
        except FAILURES as error:
            logger.warning("A file at Google could not be deleted (%r); that is tried again", error)
            return False
        return True

    async def _upload(self, pieces: Pieces, fitted: Fitted, name: str) -> types.File:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._workers.run(lambda stop: self._send(pieces, fitted, name, stop))
            except FAILURES as error:
                failure = judge(error, with_files=False)
                pause = pause_s(failure, attempt + 1) if failure.way is Way.RETRY else None
                if pause is None or attempt == ATTEMPTS:
                    raise MediaError(
                        f"{fitted.name} could not be sent to Gemini. {failure.sentence}"
                    ) from error
                logger.warning("An upload failed (%s); again in %s s", type(error).__name__, pause)
            await asyncio.sleep(pause)
            await self.delete(name)  # it may have arrived, and only the answer have been lost
        raise AssertionError("the last attempt returns or raises")

    def _send(self, pieces: Pieces, fitted: Fitted, name: str, stop: threading.Event) -> types.File:
        """Send the whole file, in the thread."""
        pieces.stop = stop
        pieces.seek(0)
        config = types.UploadFileConfig(name=name, mime_type=fitted.mime_type)
        return self._client.files.upload(file=pieces, config=config)

    async def _ready(self, file: types.File, fitted: Fitted) -> types.File:
        """Ask, less and less often, until the file can be used."""
        pause_s = POLL_FIRST_S
        while file.state is not types.FileState.ACTIVE:
            if file.state is types.FileState.FAILED:
                raise MediaError(f"Gemini could not read {fitted.name}: post it in another format.")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * POLL_GROWTH, POLL_LAST_S)
            try:
                file = await self._client.aio.files.get(name=str(file.name))
            except FAILURES as error:
                failure = judge(error, with_files=True)
                if failure.way is not Way.RETRY:
                    raise MediaError(failure.sentence) from error
        return file
