"""The Files API of the loopback Gemini: the whole resumable upload, and the life of a file."""

import asyncio
import base64
import hashlib
import io
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from gemini_rest_rig import KIT, ask, client_of, part, picture
from google import genai
from google.genai import errors, types

from bot.emulators.gemini.faults import Abort
from bot.emulators.gemini.rest_faults import Expire, Fail, Refuse, RestFault, RestWhere, Stick
from bot.emulators.gemini.rest_upload import GRANULARITY, MAX_FILE
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority

BUNNY = KIT / "video-bunny.mp4"


async def active(client: genai.Client, file: types.File) -> types.File:
    """Poll until the file is PROCESSING no more."""
    async with asyncio.timeout(30):
        while file.state is types.FileState.PROCESSING:
            await asyncio.sleep(0.02)
            file = await client.aio.files.get(name=file.name or "")
    return file


async def test_a_film_is_uploaded_processed_asked_and_deleted(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        uploaded = await client.aio.files.upload(file=BUNNY, config={"display_name": "The rabbit"})
        assert uploaded.state is types.FileState.PROCESSING
        with pytest.raises(errors.ClientError, match="not in an ACTIVE state"):
            await ask(
                client, types.Part.from_uri(file_uri=uploaded.uri or "", mime_type="video/mp4"), "Hello"
            )
        file = await active(client, uploaded)
        data = BUNNY.read_bytes()
        assert (file.state, file.size_bytes) == (types.FileState.ACTIVE, len(data))
        assert file.display_name == "The rabbit"
        assert file.video_metadata == {"videoDuration": "5.28s"}
        assert base64.b64decode(file.sha256_hash or "").decode() == hashlib.sha256(data).hexdigest()
        assert file.expiration_time is not None
        assert file.create_time is not None
        assert (file.expiration_time - file.create_time).total_seconds() == 48 * 3600
        response = await ask(
            client, types.Part.from_uri(file_uri=file.uri or "", mime_type="video/mp4"), "Hi"
        )
        assert "Video 1 lasts 5.28 s: 132 frames" in (response.text or "")
        assert [(one.name, one.size) for one in gemini_emulator.files] == [(file.name, len(data))]
        stored = gemini_emulator.files[0].path
        await client.aio.files.delete(name=file.name or "")
        assert gemini_emulator.files == []
        assert not stored.exists()
        with pytest.raises(errors.ClientError) as refused:
            await client.aio.files.get(name=file.name or "")
    assert refused.value.code == 403


async def test_a_picture_is_active_at_once(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        file = await client.aio.files.upload(file=KIT / "photo-cat.png", config={"name": "my-cat"})
        assert (file.name, file.state) == ("files/my-cat", types.FileState.ACTIVE)
        response = await ask(
            client, types.Part.from_uri(file_uri=file.uri or "", mime_type="image/png"), "What?"
        )
        with pytest.raises(errors.ClientError, match="already exists"):
            await client.aio.files.upload(file=KIT / "photo-cat.png", config={"name": "my-cat"})
    assert "PNG of 451 x 300" in (response.text or "")


async def test_files_are_listed_by_pages(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        for number in range(5):
            data = io.BytesIO(picture())
            await client.aio.files.upload(file=data, config={"name": f"p{number}", "mime_type": "image/png"})
        pager = await client.aio.files.list(config={"page_size": 2})
        names = [file.name async for file in pager]
    assert names == [f"files/p{number}" for number in range(5)]


async def test_a_file_expires(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        file = await client.aio.files.upload(file=KIT / "photo-cat.png")
        gemini_emulator.expire(file.name or "")
        with pytest.raises(errors.ClientError, match="has expired") as gone:
            await client.aio.files.get(name=file.name or "")
        assert gone.value.code == 404
        with pytest.raises(errors.ClientError, match="has expired"):
            await ask(client, types.Part.from_uri(file_uri=file.uri or "", mime_type="image/png"), "Hello")
        gemini_emulator.knobs.rest.faults.append(RestFault(RestWhere.UPLOADED, Expire()))
        file = await client.aio.files.upload(file=KIT / "photo-cat.png")
        assert gemini_emulator.files == []


async def test_a_broken_film_fails(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        broken = io.BytesIO(b"no film at all" * 100)
        file = await active(
            client, await client.aio.files.upload(file=broken, config={"mime_type": "video/mp4"})
        )
    assert file.state is types.FileState.FAILED
    assert file.error is not None
    assert "corrupted" in (file.error.message or "")


async def test_a_file_fails_or_sticks_by_script(gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.processing_s = 0.01
    gemini_emulator.knobs.rest.faults = [
        RestFault(RestWhere.UPLOADED, Fail("Injected.")),
        RestFault(RestWhere.UPLOADED, Stick(), skip=1),
    ]
    async with client_of(gemini_emulator) as client:
        failed = await active(client, await client.aio.files.upload(file=BUNNY))
        assert failed.state is types.FileState.FAILED
        assert failed.error is not None
        assert failed.error.message == "Injected."
        stuck = await client.aio.files.upload(file=BUNNY)
        assert gemini_emulator.files[1].state(time.monotonic() + 1e6) == "PROCESSING"
        await client.aio.files.delete(name=stuck.name or "")


class Wire:
    """The upload protocol by hand."""

    def __init__(self, http: aiohttp.ClientSession, gemini: GeminiEmulator) -> None:
        self._http = http
        self._gemini = gemini
        self.url = ""

    async def start(self, size: int, mime_type: str = "image/png", **headers: str) -> int:
        given = {
            "x-goog-api-key": self._gemini.api_key,
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "X-Goog-Upload-Header-Content-Type": mime_type,
        }
        url = f"{self._gemini.base_url}/upload/v1beta/files"
        async with self._http.post(url, headers={**given, **headers}, json={"file": {}}) as response:
            self.url = response.headers.get("X-Goog-Upload-URL", "")
            return response.status

    async def send(
        self,
        command: str,
        offset: int | None = None,
        data: bytes | AsyncIterator[bytes] = b"",
        more: dict[str, str] | None = None,
    ) -> tuple[int, str | None, str | None]:
        """Return HTTP status, upload status and bytes received."""
        headers = {"X-Goog-Upload-Command": command, **(more or {})}
        if offset is not None:
            headers["X-Goog-Upload-Offset"] = str(offset)
        async with self._http.post(self.url, headers=headers, data=data) as response:
            await response.read()
            found = response.headers
            return (
                response.status,
                found.get("X-Goog-Upload-Status"),
                found.get("X-Goog-Upload-Size-Received"),
            )


@pytest.fixture
async def wire(ca: CertificateAuthority, gemini_emulator: GeminiEmulator) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ca.client_context())) as http:
        yield Wire(http, gemini_emulator)


DATA = picture() + bytes(3 * GRANULARITY)


async def test_chunks_at_their_offsets(wire: Wire, gemini_emulator: GeminiEmulator) -> None:
    assert await wire.start(len(DATA)) == 200
    first, second = DATA[:GRANULARITY], DATA[GRANULARITY : 3 * GRANULARITY]
    assert await wire.send("upload", 0, first) == (200, "active", str(len(first)))
    assert await wire.send("upload", 0, first) == (400, "active", str(len(first)))
    assert await wire.send("upload", len(first) + 1, first) == (400, "active", str(len(first)))
    assert await wire.send("upload", len(first), second) == (200, "active", str(3 * GRANULARITY))
    assert await wire.send("query") == (200, "active", str(3 * GRANULARITY))
    assert await wire.send("finalize") == (400, "active", str(3 * GRANULARITY))
    last = DATA[3 * GRANULARITY :]
    assert await wire.send("upload, finalize", 3 * GRANULARITY, last) == (200, "final", str(len(DATA)))
    assert await wire.send("upload, finalize", 3 * GRANULARITY, last) == (200, "final", str(len(DATA)))
    assert [file.size for file in gemini_emulator.files] == [len(DATA)]
    assert gemini_emulator.files[0].path.read_bytes() == DATA
    assert gemini_emulator.files[0].sha256 == hashlib.sha256(DATA).hexdigest()


async def test_uploads_that_are_refused(wire: Wire, gemini_emulator: GeminiEmulator) -> None:
    assert await wire.start(MAX_FILE + 1) == 400
    assert await wire.start(10, **{"X-Goog-Upload-Protocol": "raw"}) == 400
    assert await wire.start(10, **{"X-Goog-Upload-Command": "begin"}) == 400
    assert await wire.start(10, **{"X-Goog-Upload-Header-Content-Length": "ten"}) == 400
    assert await wire.start(10, mime_type="") == 400
    assert await wire.start(10, **{"x-goog-api-key": "wrong"}) == 400
    assert await wire.start(10) == 200
    assert await wire.send("upload", 0, b"12345") == (400, "active", "0")
    assert await wire.send("upload, finalize", 0, b"12345678901") == (400, "active", "0")
    assert await wire.send("upload, finalize", None, b"1234567890") == (400, "active", "0")
    assert (await wire.send("jump"))[0] == 400
    assert await wire.send("cancel") == (200, "cancelled", None)
    assert (await wire.send("query"))[0] == 404
    assert gemini_emulator.files == []


async def test_a_broken_upload_goes_on(wire: Wire, gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.faults = [
        RestFault(RestWhere.UPLOAD_CHUNK, Abort()),
        RestFault(RestWhere.UPLOAD_CHUNK, Refuse(503), skip=1),
    ]
    await wire.start(len(DATA))
    with pytest.raises(aiohttp.ClientError):
        await wire.send("upload, finalize", 0, DATA)
    _, status, received = await wire.send("query")
    there = int(received or 0)
    assert status == "active"
    assert 0 < there < len(DATA)
    assert await wire.send("upload, finalize", there, DATA[there:]) == (503, None, None)
    assert await wire.send("upload, finalize", there, DATA[there:]) == (200, "final", str(len(DATA)))
    assert gemini_emulator.files[0].path.read_bytes() == DATA


async def test_a_client_that_leaves_in_the_middle_of_a_chunk(
    wire: Wire, gemini_emulator: GeminiEmulator
) -> None:
    await wire.start(len(DATA))

    async def half() -> AsyncIterator[bytes]:
        yield DATA[: len(DATA) // 2]
        raise ConnectionAbortedError

    with pytest.raises((aiohttp.ClientError, ConnectionAbortedError)):
        await wire.send("upload, finalize", 0, half(), {"Content-Length": str(len(DATA))})
    _, _, received = await wire.send("query")
    there = int(received or 0)
    assert there <= len(DATA) // 2
    assert await wire.send("upload, finalize", there, DATA[there:]) == (200, "final", str(len(DATA)))
    assert gemini_emulator.files[0].path.read_bytes() == DATA


async def test_the_client_repeats_a_chunk_that_was_refused(gemini_emulator: GeminiEmulator) -> None:
    fault = RestFault(RestWhere.UPLOAD_CHUNK, Refuse(500))
    gemini_emulator.knobs.rest.faults = [fault, RestFault(RestWhere.UPLOAD_START, Refuse(503), skip=1)]
    async with client_of(gemini_emulator) as client:
        file = await client.aio.files.upload(file=KIT / "photo-cat.png")
        assert (fault.hits, file.size_bytes) == (1, 240_512)
        with pytest.raises(errors.ServerError):
            await client.aio.files.upload(file=KIT / "photo-cat.png")


@pytest.mark.parametrize("where", [RestWhere.FILE_GET, RestWhere.FILE_LIST, RestWhere.FILE_DELETE])
async def test_faults_at_files(gemini_emulator: GeminiEmulator, where: RestWhere) -> None:
    gemini_emulator.knobs.rest.faults = [RestFault(where, Refuse(500))]
    async with client_of(gemini_emulator) as client:
        file = await client.aio.files.upload(file=KIT / "photo-cat.png")
        name = file.name or ""

        async def call() -> None:
            match where:
                case RestWhere.FILE_GET:
                    await client.aio.files.get(name=name)
                case RestWhere.FILE_LIST:
                    await client.aio.files.list()
                case _:
                    await client.aio.files.delete(name=name)

        with pytest.raises(errors.ServerError):
            await call()
        assert len(gemini_emulator.files) == 1
        await call()


async def test_an_upload_is_never_held_in_memory(gemini_emulator: GeminiEmulator, tmp_path: Path) -> None:
    size = 96 * 1024 * 1024
    path = tmp_path / "large.png"
    path.write_bytes(picture())
    with path.open("r+b") as file:
        file.truncate(size)
    async with client_of(gemini_emulator) as client:
        tracemalloc.start()
        try:
            await client.aio.files.upload(file=path)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert gemini_emulator.files[0].size == size
        uri = gemini_emulator.files[0].name
        response = await ask(client, types.Part.from_uri(file_uri=uri, mime_type="image/png"), "What?")
    assert "400 x 200" in (response.text or "")
    assert most < 48 * 1024 * 1024  # the client itself holds a chunk of 8 MiB, and copies of it


async def test_two_who_send_the_same_chunk(wire: Wire, gemini_emulator: GeminiEmulator) -> None:
    await wire.start(len(DATA))
    answers = await asyncio.gather(*(wire.send("upload, finalize", 0, DATA) for _ in range(3)))
    assert [status for status, _, _ in answers] == [200, 200, 200]
    assert gemini_emulator.files[0].path.read_bytes() == DATA


async def test_bytes_decide_and_not_the_name(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        response = await ask(client, part(picture("WEBP"), "image/png"), "What?")
    assert "is a WEBP of 400 x 200" in (response.text or "")
