"""The relay between a client and a Gemini: what passes is unchanged, and recorded."""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from gemini_rig import buzz
from raw_websocket import CLOSE, raw_websocket
from yarl import URL

from bot.emulators.gemini.faults import Abort, Close, Fault, Status, Where
from bot.emulators.gemini.relay import LiveRelay
from bot.emulators.gemini.server import LIVE_PATH, GeminiEmulator
from bot.emulators.tls import CertificateAuthority

PATIENCE_S = 20.0
SETUP = {"setup": {"model": "models/gemini-3.8-live"}}
ZIPPED = gzip.compress(b"as it is")


@pytest.fixture
async def relay(ca: CertificateAuthority, gemini_emulator: GeminiEmulator) -> AsyncIterator[LiveRelay]:
    async with LiveRelay(ca, gemini_emulator.base_url, upstream_tls=ca.client_context()) as running:
        yield running


@pytest.fixture
async def http(ca: CertificateAuthority) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=ca.client_context())
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield session


@pytest.fixture
async def odd(ca: CertificateAuthority) -> AsyncIterator[str]:
    """An upstream that does what the emulator does not."""

    async def echo(request: web.Request) -> web.Response:
        seen = {"path": request.path_qs, "headers": dict(request.headers), "body": await request.text()}
        return web.json_response(seen, headers={"X-Seen": "yes"})

    async def zipped(_request: web.Request) -> web.Response:
        return web.Response(body=ZIPPED, headers={"Content-Encoding": "gzip"})

    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/echo"})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"data: 1\r\n\r\n")
        await asyncio.sleep(PATIENCE_S)
        return response

    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    app = web.Application()
    for path, handler in (
        ("/echo", echo),
        ("/zipped", zipped),
        ("/elsewhere", elsewhere),
        ("/stream", stream),
        ("/broken", broken),
    ):
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ca.server_context()).start()
    yield f"https://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


def key_of(emulator: GeminiEmulator) -> dict[str, str]:
    return {"x-goog-api-key": emulator.api_key}


async def talking(
    http: aiohttp.ClientSession, relay: LiveRelay, emulator: GeminiEmulator, **setup: Any
) -> aiohttp.ClientWebSocketResponse:
    """Open a Live session through the relay, and set it up."""
    socket = await http.ws_connect(relay.base_url + LIVE_PATH, headers=key_of(emulator))
    await socket.send_json({"setup": {**SETUP["setup"], **setup}})
    assert "setupComplete" in json.loads((await socket.receive()).data)
    return socket


async def ended(emulator: GeminiEmulator) -> int | None:
    async with asyncio.timeout(PATIENCE_S):
        while emulator.sessions[-1].open:  # noqa: ASYNC110 - the log has no event
            await asyncio.sleep(0.01)
    return emulator.sessions[-1].log.close_code


async def test_rest_passes(
    relay: LiveRelay, http: aiohttp.ClientSession, gemini_emulator: GeminiEmulator
) -> None:
    for path, headers in (
        ("/v1beta/models?pageSize=2", key_of(gemini_emulator)),
        ("/v1beta/models/no-such", key_of(gemini_emulator)),
        ("/v1beta/models", {}),
    ):
        answers = []
        for base in (gemini_emulator.base_url, relay.base_url):
            async with http.get(base + path, headers=headers) as answer:
                answers.append((answer.status, answer.content_type, await answer.text()))
        assert answers[0] == answers[1]


async def test_what_is_relayed_is_not_touched(
    ca: CertificateAuthority, http: aiohttp.ClientSession, odd: str
) -> None:
    async with LiveRelay(ca, odd, upstream_tls=ca.client_context()) as relay:
        sent = {"X-Own": "1", "User-Agent": "me", "Accept-Encoding": "identity", "Content-Type": "text/plain"}
        url = URL(f"{relay.base_url}/echo?a=%2F&key=k", encoded=True)
        async with http.put(url, data=b"body", headers=sent) as answer:
            seen = await answer.json()
            assert answer.headers["X-Seen"] == "yes"
        assert (seen["path"], seen["body"]) == ("/echo?a=%2F&key=k", "body")
        assert sent.items() <= seen["headers"].items()
        async with http.get(f"{relay.base_url}/zipped") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert await answer.read() == ZIPPED
        async with http.get(f"{relay.base_url}/elsewhere", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "/echo")


async def test_a_stream_passes_as_it_comes(
    ca: CertificateAuthority, http: aiohttp.ClientSession, odd: str
) -> None:
    async with LiveRelay(ca, odd, upstream_tls=ca.client_context()) as relay:
        async with asyncio.timeout(PATIENCE_S / 2), http.get(f"{relay.base_url}/stream") as answer:
            assert await answer.content.readany() == b"data: 1\r\n\r\n"
        with pytest.raises(aiohttp.ClientPayloadError):
            async with http.get(f"{relay.base_url}/broken") as answer:
                await answer.read()


async def test_an_upstream_that_is_not_there_is_a_502(
    ca: CertificateAuthority, http: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    away = f"https://localhost:{unused_tcp_port}"
    async with LiveRelay(ca, away, upstream_tls=ca.client_context()) as relay:
        async with http.get(f"{relay.base_url}/v1beta/models") as answer:
            assert answer.status == 502
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(relay.base_url + LIVE_PATH)
        assert refused.value.status == 502


async def test_loopback_is_not_reached_by_the_proxy_of_the_environment(
    ca: CertificateAuthority,
    gemini_emulator: GeminiEmulator,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """A company's machine has such a variable, and no exception for localhost in it."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_tcp_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for by_proxy, status in ((False, 200), (True, 502)):
        tls = ca.client_context()
        async with (
            LiveRelay(ca, gemini_emulator.base_url, upstream_tls=tls, by_proxy=by_proxy) as relay,
            http.get(f"{relay.base_url}/v1beta/models", headers=key_of(gemini_emulator)) as answer,
        ):
            assert answer.status == status


async def test_a_refused_upgrade_keeps_its_status(
    relay: LiveRelay, http: aiohttp.ClientSession, gemini_emulator: GeminiEmulator
) -> None:
    gemini_emulator.knobs.faults = [Fault(Where.UPGRADE, Status(429, (("Retry-After", "7"),)))]
    for headers, status in ((key_of(gemini_emulator), 429), ({"x-goog-api-key": "wrong"}, 401), ({}, 403)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(relay.base_url + LIVE_PATH, headers=headers)
        assert refused.value.status == status
        if status == 429:
            assert refused.value.headers is not None
            assert refused.value.headers["Retry-After"] == "7"


@pytest.mark.parametrize("code", [1000, 1001, 1007, 1008, 1011])
async def test_how_the_model_closes_reaches_the_client(
    relay: LiveRelay, http: aiohttp.ClientSession, gemini_emulator: GeminiEmulator, code: int
) -> None:
    gemini_emulator.knobs.faults = [Fault(Where.READY, Close(code, "because"))]
    socket = await talking(http, relay, gemini_emulator)
    async with asyncio.timeout(PATIENCE_S):
        message = await socket.receive()
    assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, code, "because")


async def test_a_broken_connection_to_the_model_breaks_that_to_the_client(
    relay: LiveRelay, http: aiohttp.ClientSession, gemini_emulator: GeminiEmulator
) -> None:
    gemini_emulator.knobs.faults = [Fault(Where.AUDIO_IN, Abort())]
    socket = await talking(http, relay, gemini_emulator)
    await socket.send_json({"realtimeInput": {"audio": audio(buzz(0.1))}})
    async with asyncio.timeout(PATIENCE_S):
        await socket.receive()
    assert socket.close_code == 1006


@pytest.mark.parametrize("code", [1000, 1001, 4001])
async def test_how_the_client_closes_reaches_the_model(
    relay: LiveRelay, http: aiohttp.ClientSession, gemini_emulator: GeminiEmulator, code: int
) -> None:
    socket = await talking(http, relay, gemini_emulator)
    await socket.close(code=code)
    assert await ended(gemini_emulator) == code


async def test_a_client_that_is_gone_ends_the_session(
    relay: LiveRelay, ca: CertificateAuthority, gemini_emulator: GeminiEmulator
) -> None:
    port = int(relay.base_url.rpartition(":")[2])
    key = f"x-goog-api-key: {gemini_emulator.api_key}"
    async with raw_websocket(port, ca.client_context(), LIVE_PATH, "Host: localhost", key) as client:
        await client.send(1, json.dumps(SETUP).encode())
        await client.frame()
    assert await ended(gemini_emulator) == 1001


async def test_a_close_reaches_a_client_that_still_sends(
    relay: LiveRelay, ca: CertificateAuthority, gemini_emulator: GeminiEmulator
) -> None:
    port = int(relay.base_url.rpartition(":")[2])
    key = f"x-goog-api-key: {gemini_emulator.api_key}"
    async with raw_websocket(port, ca.client_context(), LIVE_PATH, "Host: localhost", key) as client:
        await client.send(1, json.dumps(SETUP).encode())
        await client.frame()
        gemini_emulator.sessions[0].close(1011, "Deadline expired")
        assert await client.close_frame() == (1011, "Deadline expired")
        await client.send(1, b'{"realtimeInput": {"text": "hello"}}')
        assert not await client.dropped_within(0.3)
        await client.send(CLOSE, (1011).to_bytes(2, "big"))
        assert await client.dropped_within(PATIENCE_S)


def audio(pcm: bytes) -> dict[str, str]:
    return {"data": base64.urlsafe_b64encode(pcm).decode(), "mimeType": "audio/pcm;rate=16000"}


async def test_what_passes_is_recorded(
    relay: LiveRelay, http: aiohttp.ClientSession, gemini_emulator: GeminiEmulator
) -> None:
    gemini_emulator.knobs.think_s = 0.0
    gemini_emulator.knobs.stream_speed = gemini_emulator.knobs.playback_speed = 500.0
    detection = {"automaticActivityDetection": {"disabled": True}}
    transcripts: dict[str, Any] = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}
    socket = await talking(http, relay, gemini_emulator, realtimeInputConfig=detection, **transcripts)
    said = buzz(1.0)
    messages: tuple[dict[str, Any], ...] = (
        {"realtimeInput": {"text": "Ada is speaking now."}},
        {"realtimeInput": {"activityStart": {}}},
        {"realtime_input": {"audio": audio(said[:16_000])}},
        {"realtimeInput": {"audio": audio(said[16_000:])}},
        {"realtime_input": {"activity_end": {}}},
    )
    for message in messages:
        await socket.send_json(message)
    speech = b""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            content = json.loads((await socket.receive()).data).get("serverContent", {})
            for part in content.get("modelTurn", {}).get("parts", []):
                speech += base64.b64decode(part["inlineData"]["data"])
            if content.get("turnComplete"):
                break
    await socket.close()
    record = relay.record
    assert (
        b"".join(entry.pcm for entry in record.of("heard")) == said == gemini_emulator.sessions[0].log.pcm()
    )
    assert speech
    assert b"".join(entry.pcm for entry in record.of("said")) == speech
    kinds = [entry.kind for entry in record.of("activity_start", "heard", "activity_end", "ended")]
    assert kinds == ["activity_start", "heard", "heard", "activity_end", "ended"]
    words = "".join(entry.text for entry in record.of("said_text")).strip()
    assert words == gemini_emulator.sessions[0].turns[0].answer
    assert [entry.at for entry in record.passed] == sorted(entry.at for entry in record.passed)


async def test_what_cannot_be_read_passes_all_the_same(
    relay: LiveRelay, http: aiohttp.ClientSession, gemini_emulator: GeminiEmulator
) -> None:
    """It is for the other end to refuse."""
    for broken in (
        "no JSON",
        "[]",
        '{"realtimeInput": {"audio": {"data": "A"}}}',
        '{"clientContent": {"turns": 1}}',
    ):
        socket = await talking(http, relay, gemini_emulator)
        await socket.send_str(broken)
        async with asyncio.timeout(PATIENCE_S):
            message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1007), broken
    assert relay.record.passed == []
