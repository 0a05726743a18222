"""The HTTP side of the emulator: which host serves what, and REST requests as they come over the wire."""

import asyncio
import json
import re
from typing import Any

from aiohttp import BodyPartReader, web

from bot.emulators.discord.cdn import HOST as CDN_HOST
from bot.emulators.discord.cdn import PROXY_HOST
from bot.emulators.discord.errors import RestError
from bot.emulators.discord.gateway import Gateway
from bot.emulators.discord.model import Json, Upload
from bot.emulators.discord.openapi import OpenApi
from bot.emulators.discord.rest import JSON_TYPE, Answer, Request, Rest, Route
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice.server import VoiceServer
from bot.emulators.discord.world import World

BODY_LIMIT = 256 * 1024 * 1024  # bytes; Discord's own limits answer long before, in its own words
_API = re.compile(r"/api/v(9|10)(?=/)")
_FILE_FIELD = re.compile(r"files?\[(\d+)\]")


class Front:
    """Routes every request by its host."""

    def __init__(
        self,
        world: World,
        rest: Rest,
        gateway: Gateway,
        voice: VoiceServer,
        *,
        trace: Trace,
        openapi: OpenApi | None,
    ) -> None:
        self._world = world
        self._rest = rest
        self._gateway = gateway
        self._voice = voice
        self._trace = trace
        self._openapi = openapi

    def application(self) -> web.Application:
        """Return what serves all hosts."""
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_route("*", "/{path:.*}", self._serve)
        return application

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        if host.endswith(".discord.media"):
            return await self._voice.websocket(request)
        if host.endswith(".discord.gg"):
            return await self._gateway.websocket(request)
        if host in (CDN_HOST, PROXY_HOST):
            return self._serve_file(request)
        if host in ("discord.com", "canary.discord.com", "ptb.discord.com"):
            return await self._serve_rest(request)
        return web.Response(status=421, text=f"nothing is served for {host}")

    def _serve_file(self, request: web.Request) -> web.Response:
        keys = (request.query.get(key, "") for key in ("ex", "is", "hm"))
        expires, issued, signature = keys
        found = self._world.posts.cdn.open(request.path, expires=expires, issued=issued, signature=signature)
        self._trace.add("cdn", path=request.path, found=found is not None)
        if found is None:
            return web.Response(status=404, text="This content is no longer available.")
        content_type = found.content_type or "application/octet-stream"
        return web.Response(body=found.data, headers={"Content-Type": content_type})

    async def _serve_rest(self, request: web.Request) -> web.Response:
        version = _API.match(request.rel_url.raw_path)
        path = request.rel_url.raw_path[version.end() :] if version else request.rel_url.raw_path
        try:
            body, files = await _read(request)
        except RestError as error:
            answer, route = Answer(error.status, error.body()), None
            body, files = None, {}
        else:
            asked = Request(
                request.method,
                path if version else "",
                request.query,
                request.headers.get("Authorization"),
                body,
                files,
            )
            answer, route = self._rest.answer(asked)
        self._note(request, path, body, files, answer, route)
        if answer.delay_s > 0.0:
            await asyncio.sleep(answer.delay_s)
        return _response(answer)

    def _note(
        self,
        request: web.Request,
        path: str,
        body: Any,
        files: dict[int, Upload],
        answer: Answer,
        route: Route | None,
    ) -> None:
        self._trace.add(
            "rest",
            method=request.method,
            path=path,
            route=route.path if route else None,
            query=dict(request.query),
            body=body,
            files=[(upload.filename, len(upload.data)) for upload in files.values()],
            status=answer.status,
            answer=answer.body,
        )
        if self._openapi is not None and not answer.foreign:
            self._openapi.check(
                request.method, path, content_type=request.content_type, body=body, answer=answer
            )


def _response(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    headers = {**answer.headers, "Content-Type": answer.content_type}
    return web.Response(status=answer.status, body=text.encode(), headers=headers)


async def _read(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    """Return the JSON body, and the uploads by number; raises RestError for what can't be read."""
    if request.content_type == "multipart/form-data":
        return await _read_form(request)
    raw = await request.read()
    if not raw:
        return None, {}
    if request.content_type != JSON_TYPE:
        raise RestError(400, 50035, "Invalid Form Body")
    return _parsed(raw), {}


async def _read_form(request: web.Request) -> tuple[Json, dict[int, Upload]]:
    body: Json = {}
    files: dict[int, Upload] = {}
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise RestError(400, 50035, "Invalid Form Body")
        data = bytes(await part.read(decode=True))
        numbered = _FILE_FIELD.fullmatch(part.name or "")
        if numbered:
            files[int(numbered[1])] = Upload(part.filename or "file", data)
        elif part.name == "payload_json":
            body = _parsed(data)
        else:
            raise RestError(400, 50035, "Invalid Form Body")
    return body, files


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise RestError(400, 50109, "The request body contains invalid JSON.") from None
