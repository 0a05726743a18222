"""A REST half of Gemini by script, on loopback: it keeps what it was sent and answers what the test says."""

import asyncio
import base64
import hashlib
import itertools
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.emulators.tls import CertificateAuthority

ANSWER = ("A cat ", "on a sofa.")
USAGE = {"promptTokenCount": 258, "candidatesTokenCount": 7, "thoughtsTokenCount": 3, "totalTokenCount": 268}


@dataclass
class Reply:
    """One answer to a question."""

    words: tuple[str, ...] = ANSWER
    status: int = 200
    reason: str | None = "STOP"
    block: str | None = None
    details: tuple[dict[str, Any], ...] = ()
    message: str = "said by the script"
    cut: bool = False
    """Break the connection after the words."""
    error_after: bool = False
    """Send an error object after the words."""
    hold: asyncio.Event | None = None
    """Wait for it after the words."""


@dataclass
class Remote:
    """An uploaded file."""

    name: str
    mime_type: str
    state: str = "PROCESSING"
    size: int = 0
    commands: list[str] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)
    polls: int = 0
    final: bool = False


@dataclass
class Asked:
    """A question that came."""

    model: str
    body: dict[str, Any]

    @property
    def parts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body["contents"][0]["parts"]
        return found

    def inline(self) -> list[tuple[str, bytes]]:
        """Return type and bytes of what came along."""
        blobs = [part["inlineData"] for part in self.parts if "inlineData" in part]
        return [
            (_either(blob, "mimeType", "mime_type"), base64.urlsafe_b64decode(blob["data"])) for blob in blobs
        ]

    def files(self) -> list[str]:
        """Return the addresses of the uploaded files that it is about."""
        return [_either(part["fileData"], "fileUri", "file_uri") for part in self.parts if "fileData" in part]


class ScriptedRest:
    """The server; `replies` are taken in turn, then it answers ANSWER."""

    def __init__(self, ca: CertificateAuthority) -> None:
        self._ca = ca
        self._numbers = itertools.count(1)
        self._sessions: dict[str, Remote] = {}
        self.files: dict[str, Remote] = {}
        self.uploaded: list[Remote] = []
        self.deleted: list[str] = []
        self.asked: list[Asked] = []
        self.replies: deque[Reply] = deque()
        self.polls_until_active = 0
        self.state_after = "ACTIVE"
        self.fail_chunks = 0
        self.fail_deletes = 0
        self.chunk_hold: asyncio.Event | None = None
        self.base_url = ""

    async def __aenter__(self) -> "ScriptedRest":
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/upload/v1beta/files", self._begin)
        app.router.add_post("/upload/session/{id}", self._chunk)
        app.router.add_get("/v1beta/files/{name}", self._get)
        app.router.add_delete("/v1beta/files/{name}", self._delete)
        app.router.add_post("/v1beta/models/{model}", self._generate)
        app.router.add_post("/v1beta/publishers/google/models/{model}", self._generate)  # Vertex AI
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._ca.server_context()).start()
        self.base_url = f"https://localhost:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _begin(self, request: web.Request) -> web.Response:
        assert request.headers["X-Goog-Upload-Command"] == "start"
        body = await request.json()
        mime_type = request.headers["X-Goog-Upload-Header-Content-Type"]
        remote = Remote(body["file"]["name"], mime_type)
        session = str(next(self._numbers))
        self._sessions[session] = remote
        url = f"{self.base_url}/upload/session/{session}"
        return web.json_response({}, headers={"X-Goog-Upload-URL": url, "X-Goog-Upload-Status": "active"})

    async def _chunk(self, request: web.Request) -> web.Response:
        remote = self._sessions[request.match_info["id"]]
        if self.chunk_hold is not None:
            await self.chunk_hold.wait()
        if self.fail_chunks:
            self.fail_chunks -= 1
            headers = {"X-Goog-Upload-Status": "cancelled"}  # otherwise the SDK itself tries again, slowly
            return _error(503, "overloaded", (), headers)
        assert int(request.headers["X-Goog-Upload-Offset"]) == remote.size
        async for piece in request.content.iter_any():
            remote.size += len(piece)
            remote.digest.update(piece)
        command = request.headers["X-Goog-Upload-Command"]
        remote.commands.append(command)
        if "finalize" not in command:
            return web.Response(headers={"X-Goog-Upload-Status": "active"})
        remote.final = True
        remote.state = "ACTIVE" if self.polls_until_active == 0 else "PROCESSING"
        self.files[remote.name] = remote
        self.uploaded.append(remote)
        return web.json_response({"file": self._shown(remote)}, headers={"X-Goog-Upload-Status": "final"})

    async def _get(self, request: web.Request) -> web.Response:
        remote = self.files.get(f"files/{request.match_info['name']}")
        if remote is None:
            return _error(403, "no permission to access the File", ())
        remote.polls += 1
        if remote.polls >= self.polls_until_active:
            remote.state = self.state_after
        return web.json_response(self._shown(remote))

    async def _delete(self, request: web.Request) -> web.Response:
        name = f"files/{request.match_info['name']}"
        if self.fail_deletes:
            self.fail_deletes -= 1
            return _error(503, "overloaded", ())
        self.deleted.append(name)
        if self.files.pop(name, None) is None:
            return _error(403, "no permission to access the File", ())
        return web.json_response({})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        model, _, verb = request.match_info["model"].partition(":")
        assert verb == "streamGenerateContent"
        asked = Asked(model, await request.json())
        self.asked.append(asked)
        known = {f"{self.base_url}/v1beta/{name}" for name in self.files}
        if not set(asked.files()) <= known:
            return _error(403, "You do not have permission to access the File or it may not exist.", ())
        reply = self.replies.popleft() if self.replies else Reply()
        if reply.status != 200:
            return _error(reply.status, reply.message, reply.details)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for chunk in _chunks(reply):
            await answer.write(f"data: {json.dumps(chunk)}\r\n\r\n".encode())
        if reply.hold is not None:
            await reply.hold.wait()
        if reply.cut and request.transport is not None:
            await asyncio.sleep(0.05)  # what was written goes out first
            request.transport.abort()
        return answer

    def _shown(self, remote: Remote) -> dict[str, Any]:
        uri = f"{self.base_url}/v1beta/{remote.name}"
        return {"name": remote.name, "uri": uri, "mimeType": remote.mime_type, "state": remote.state}


def _either(fields: dict[str, Any], *names: str) -> Any:
    """Read a field that the SDK sends in one casing or the other."""
    return next(fields[name] for name in names if name in fields)


def _chunks(reply: Reply) -> list[dict[str, Any]]:
    if reply.block:
        return [{"promptFeedback": {"blockReason": reply.block}, "usageMetadata": {"promptTokenCount": 258}}]
    chunks: list[dict[str, Any]] = [
        {"candidates": [{"content": {"role": "model", "parts": [{"text": word}]}}]} for word in reply.words
    ]
    if reply.error_after:
        return [*chunks, {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}]
    if not reply.cut and reply.reason:
        end = {"candidates": [{"content": {"role": "model"}, "finishReason": reply.reason}]}
        chunks.append({**end, "usageMetadata": USAGE})
    return chunks


def _error(
    status: int, message: str, details: tuple[dict[str, Any], ...], headers: dict[str, str] | None = None
) -> web.Response:
    body = {"error": {"code": status, "message": message, "status": "SCRIPTED", "details": list(details)}}
    return web.json_response(body, status=status, headers=headers)
