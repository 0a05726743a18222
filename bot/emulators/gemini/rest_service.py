"""The REST half as one part of the server: its routes, its files, and what it leaves behind when it ends."""

import asyncio
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.emulators.gemini.faults import Abort
from bot.emulators.gemini.models import Catalogue
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_eyes import Eyes
from bot.emulators.gemini.rest_faults import RestEffect, RestWhere, strike_rest
from bot.emulators.gemini.rest_files import PROCESSING, FileStore, Metadata, StoredFile
from bot.emulators.gemini.rest_generate import Generator
from bot.emulators.gemini.rest_knobs import RestKnobs
from bot.emulators.gemini.rest_shell import Shell, abort, read_body
from bot.emulators.gemini.rest_upload import (
    Upload,
    Uploads,
    blocks_of,
    check_chunk,
    commands_of,
    status_headers,
)
from bot.emulators.gemini.wire import members, typed

# An address with it is secret and stands for the key, which clients do not send with the chunks.
_UPLOAD_ID = "upload_id"
_METADATA = 64 * 1024  # bytes of the JSON that begins an upload
_FILE = ("name", "displayName", "mimeType", "sizeBytes", "state", "source")


class RestService:
    """Models that answer requests, and the Files API."""

    def __init__(self, *, known: Catalogue, knobs: RestKnobs, api_key: str, stopping: asyncio.Event) -> None:
        self.store = FileStore()
        self._knobs = knobs
        self._folder = tempfile.TemporaryDirectory(prefix="loopback-gemini-")
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gemini-disk")
        self._eyes = Eyes(self.store, knobs)
        self._shell = Shell(api_key, stopping)
        self._uploads = Uploads(Path(self._folder.name), self._disk)
        self._processing: set[asyncio.Task[None]] = set()
        self.generator = Generator(known=known, knobs=knobs, eyes=self._eyes, shell=self._shell)

    @property
    def files(self) -> list[StoredFile]:
        """What is stored now."""
        return self.store.all(time.monotonic())

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add what it answers."""
        wrap = self._shell.wrap
        router.add_post("/v1beta/models/{call}", wrap(self.generator.handle))
        router.add_post("/upload/v1beta/files", wrap(self._upload, instead=_UPLOAD_ID))
        router.add_put("/upload/v1beta/files", wrap(self._upload, instead=_UPLOAD_ID))
        router.add_get("/v1beta/files", wrap(self._list))
        router.add_get("/v1beta/files/{id}", wrap(self._get))
        router.add_delete("/v1beta/files/{id}", wrap(self._delete))

    async def close(self) -> None:
        """End what goes on, and remove every file from disk."""
        for task in self._processing:
            task.cancel()
        await asyncio.gather(*self._processing, return_exceptions=True)
        await asyncio.to_thread(self._close_disk)

    def _close_disk(self) -> None:
        self._eyes.close()
        self._disk.shutdown(wait=True, cancel_futures=True)
        self._folder.cleanup()

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if _UPLOAD_ID in request.query:
            return await self._go_on(request, request.query[_UPLOAD_ID])
        if request.headers.get("X-Goog-Upload-Protocol") != "resumable" or commands_of(request) != {"start"}:
            raise RestError(400, "Only the resumable upload protocol is supported, and it begins with start.")
        await self._shell.suffer(self._strike(RestWhere.UPLOAD_START), request)
        told = _metadata(await read_body(request, _METADATA), request)
        told = Metadata(self.store.check_name(told.name), told.display_name, told.mime_type)
        length = request.headers.get("X-Goog-Upload-Header-Content-Length", "")
        if not length.isascii() or not length.isdigit():
            raise RestError(400, "X-Goog-Upload-Header-Content-Length must say how many bytes will come.")
        return self._uploads.start(told, int(length), _base_url(request))

    async def _go_on(self, request: web.Request, identity: str) -> web.StreamResponse:
        upload = self._uploads.get(identity)
        commands = commands_of(request)
        async with upload.lock:
            if "cancel" in commands:
                return self._uploads.cancel(identity)
            if "query" in commands:
                return web.Response(headers=status_headers(upload))
            if upload.file is not None:
                return web.json_response(upload.file, headers=status_headers(upload))
            if "upload" in commands:
                effects = self._strike(RestWhere.UPLOAD_CHUNK)
                await self._shell.suffer([one for one in effects if one != Abort()], request)
                try:
                    await self._take(request, upload, half=Abort() in effects, final="finalize" in commands)
                except RestError as error:
                    # The upload lives on, and the client may ask how far it is.
                    headers = status_headers(upload)
                    return web.json_response(error.body, status=error.status, headers=headers)
            if "finalize" in commands:
                return self._finish(request, upload)
            return web.Response(headers=status_headers(upload))

    async def _take(self, request: web.Request, upload: Upload, *, half: bool, final: bool) -> None:
        """Store a chunk; with `half` the connection is reset when half of it is there."""
        check_chunk(request, upload, final=final)
        length = request.content_length or 0
        await self._uploads.store(upload, blocks_of(request, length // 2 if half else length))
        if half:
            raise abort(request)

    def _finish(self, request: web.Request, upload: Upload) -> web.Response:
        if upload.received != upload.size:
            message = f"{upload.size} bytes were announced, and {upload.received} have come in."
            error = RestError(400, message)
            return web.json_response(error.body, status=400, headers=status_headers(upload))
        now = time.monotonic()
        file = self.store.add(
            upload.told,
            upload.path,
            size=upload.size,
            sha256=upload.digest.hexdigest(),
            effects=self._strike(RestWhere.UPLOADED),
            now=now,
            processing_s=self._knobs.processing_s,
            life_s=self._knobs.file_life_s,
        )
        if file.state(now) == PROCESSING and not file.failure:
            task = asyncio.create_task(self._eyes.process(file), name=f"gemini-{file.name}")
            self._processing.add(task)
            task.add_done_callback(self._processing.discard)
        upload.file = {"file": file.resource(_base_url(request), now)}
        return web.json_response(upload.file, headers=status_headers(upload))

    async def _get(self, request: web.Request) -> web.StreamResponse:
        await self._shell.suffer(self._strike(RestWhere.FILE_GET), request)
        now = time.monotonic()
        file = self.store.get(f"files/{request.match_info['id']}", now)
        return web.json_response(file.resource(_base_url(request), now))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        await self._shell.suffer(self._strike(RestWhere.FILE_LIST), request)
        start, size = request.query.get("pageToken") or "0", request.query.get("pageSize") or "10"
        if not start.isdecimal() or not size.isdecimal() or not 1 <= int(size) <= 100:
            raise RestError(400, "The page size, from 1 to 100, or the page token is not valid.")
        first, end = int(start), int(start) + int(size)
        files = self.files
        now = time.monotonic()
        page: dict[str, Any] = {
            "files": [file.resource(_base_url(request), now) for file in files[first:end]]
        }
        if end < len(files):
            page["nextPageToken"] = str(end)
        return web.json_response(page)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        await self._shell.suffer(self._strike(RestWhere.FILE_DELETE), request)
        self.store.delete(f"files/{request.match_info['id']}", time.monotonic())
        return web.json_response({})

    def _strike(self, where: RestWhere) -> list[RestEffect]:
        return strike_rest(self._knobs.faults, where)


def _base_url(request: web.Request) -> str:
    return f"https://{request.host}"


def _metadata(body: bytearray, request: web.Request) -> Metadata:
    """Return what the start of an upload tells of its file."""
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        raise RestError(400, "Invalid JSON payload received.") from None
    told = members(members(value, ("file",), "").get("file", {}), _FILE, "file")
    texts = [typed(told.get(name, ""), str, name) for name in ("name", "displayName", "mimeType")]
    given = request.headers.get("X-Goog-Upload-Header-Content-Type", "")
    mime_type = texts[2] or given
    if not mime_type:
        raise RestError(400, "The MIME type of the file is not given.")
    return Metadata(texts[0], texts[1], mime_type)
