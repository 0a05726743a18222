"""The resumable upload: start, chunks at their offsets, finalize; query after a loss; cancel.

The protocol is that of Google's upload servers: X-Goog-Upload-Command says what to do, every answer names the
X-Goog-Upload-Status, and what has come in of a broken chunk stays, so that a client goes on from the
X-Goog-Upload-Size-Received of a query. Bytes go to disk as they come; none of an upload is kept in memory.
"""

import asyncio
import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import web

from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_files import Metadata

MAX_FILE = 2 * 1024**3  # bytes
GRANULARITY = 256 * 1024  # bytes: every chunk but the last is a multiple of it
_BLOCK = 1024 * 1024  # bytes written at a time
_MOST_OPEN = 1000  # uploads that were begun and not ended; the oldest go first
_STATUS = "X-Goog-Upload-Status"
_RECEIVED = "X-Goog-Upload-Size-Received"


@dataclass
class Upload:
    """One upload that was begun."""

    told: Metadata
    size: int
    """How many bytes were announced."""
    path: Path
    received: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    file: dict[str, Any] | None = None
    """What is stored, once it is finalized: asked again, the answer is the same."""

    def write(self, file: BinaryIO, block: bytes) -> None:
        """Add bytes at the end."""
        file.write(block)
        self.digest.update(block)
        self.received += len(block)


class Uploads:
    """The uploads that are under way, in `folder`."""

    def __init__(self, folder: Path, disk: Executor) -> None:
        self._folder = folder
        self._disk = disk
        self._open: dict[str, Upload] = {}
        self._numbers = itertools.count(1)

    def start(self, told: Metadata, size: int, base_url: str) -> web.Response:
        """Begin an upload."""
        if size > MAX_FILE:
            raise RestError(400, f"The file size {size} exceeds the limit of {MAX_FILE} bytes.")
        identity = secrets.token_urlsafe(24)
        self._open[identity] = Upload(told, size, self._folder / f"upload-{next(self._numbers)}")
        while len(self._open) > _MOST_OPEN:
            self._drop(next(iter(self._open)))
        url = f"{base_url}/upload/v1beta/files?upload_id={identity}&upload_protocol=resumable"
        headers = {
            "X-Goog-Upload-URL": url,
            "X-Goog-Upload-Control-URL": url,
            "X-Goog-Upload-Chunk-Granularity": str(GRANULARITY),
            _STATUS: "active",
        }
        return web.Response(headers=headers)

    def get(self, identity: str) -> Upload:
        """Return an upload; raise RestError if there is none of that id."""
        upload = self._open.get(identity)
        if upload is None:
            raise RestError(404, "The upload is not known: it was cancelled, or never begun.")
        return upload

    def cancel(self, identity: str) -> web.Response:
        """Give an upload up."""
        self._drop(identity)
        return web.Response(headers={_STATUS: "cancelled"})

    async def store(self, upload: Upload, blocks: AsyncIterator[bytes]) -> None:
        """Append what comes to disk; raise RestError past the end of the file."""
        loop = asyncio.get_running_loop()
        with await loop.run_in_executor(self._disk, upload.path.open, "ab") as file:
            async for block in blocks:
                if upload.received + len(block) > upload.size:
                    raise RestError(400, f"More came than the {upload.size} bytes that were announced.")
                await loop.run_in_executor(self._disk, upload.write, file, block)

    def _drop(self, identity: str) -> None:
        upload = self._open.pop(identity, None)
        if upload is not None and upload.file is None:
            upload.path.unlink(missing_ok=True)


def commands_of(request: web.Request) -> frozenset[str]:
    """Return the commands of a request; raise RestError for unknown ones."""
    given = request.headers.get("X-Goog-Upload-Command", "")
    commands = frozenset(one.strip().lower() for one in given.split(",") if one.strip())
    known = ({"start"}, {"upload"}, {"upload", "finalize"}, {"finalize"}, {"query"}, {"cancel"})
    if commands not in known:
        raise RestError(400, f"Invalid X-Goog-Upload-Command: {given!r}.")
    return commands


def check_chunk(request: web.Request, upload: Upload, *, final: bool) -> None:
    """Raise RestError for a chunk that does not go on where the last ended, or is of a wrong size."""
    offset = request.headers.get("X-Goog-Upload-Offset", "")
    if offset != str(upload.received):
        raise RestError(400, f"The offset {offset!r} is wrong: {upload.received} bytes have come in.")
    length = request.content_length
    if length is None:
        raise RestError(411, "A chunk needs a Content-Length.")
    if not final and length % GRANULARITY:
        raise RestError(400, f"The size of a chunk must be a multiple of {GRANULARITY} bytes.")


def status_headers(upload: Upload) -> dict[str, str]:
    """Return how far an upload is."""
    return {_STATUS: "active" if upload.file is None else "final", _RECEIVED: str(upload.received)}


async def blocks_of(request: web.Request, most: int) -> AsyncIterator[bytes]:
    """Yield the first `most` bytes of a body in large blocks, as they come."""
    left = most
    while left > 0 and not request.content.at_eof():
        gathered = bytearray()
        while len(gathered) < min(left, _BLOCK) and not request.content.at_eof():
            gathered += await request.content.read(min(left, _BLOCK) - len(gathered))
        left -= len(gathered)
        yield bytes(gathered)
