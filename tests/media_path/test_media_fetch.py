"""Fetching from the loopback Discord's file host: only from there, never too much, and each fault said."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.emulators.discord.model import Upload
from bot.emulators.discord.proxy import ConnectProxy
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.tls import CertificateAuthority
from bot.media.errors import MediaError
from bot.media.fetch import Fetcher
from bot.media.sources import Source

DATA = bytes(range(256)) * 9000  # 2.3 MB: several pieces
URL = "https://cdn.discordapp.com/attachments/1/2/a.bin"


def posted(discord: DiscordEmulator, data: bytes = DATA) -> Source:
    cdn = discord.world.posts.cdn
    attachment = cdn.store(Upload("a.bin", data), attachment_id=9, channel_id=8, ephemeral=True)
    return Source("a.bin", cdn.url(attachment), len(data), None)


async def fetch(source: Source, path: Path, proxy: str | None, max_bytes: int = 1 << 26) -> list[float]:
    progress: list[float] = []
    fetcher = Fetcher(proxy, max_bytes=max_bytes)
    try:
        await fetcher.fetch(source, path, progress.append)
    finally:
        await fetcher.close()
    return progress


async def complaint(source: Source, path: Path, proxy: str | None, max_bytes: int = 1 << 26) -> str:
    with pytest.raises(MediaError) as caught:
        await fetch(source, path, proxy, max_bytes)
    return str(caught.value)


async def test_bytes_arrive_and_progress_is_told(discord_emulator: DiscordEmulator, tmp_path: Path) -> None:
    progress = await fetch(posted(discord_emulator), tmp_path / "a", discord_emulator.proxy_url)
    assert (tmp_path / "a").read_bytes() == DATA
    assert progress == sorted(progress) and progress[-1] == 1.0 and len(progress) > 2


async def test_an_expired_link(discord_emulator: DiscordEmulator, tmp_path: Path) -> None:
    source = posted(discord_emulator)
    source = replace(source, url=source.url.replace("hm=", "hm=0"))
    assert "expired: post the file again" in await complaint(
        source, tmp_path / "a", discord_emulator.proxy_url
    )


async def test_too_large_by_claim_and_by_bytes(discord_emulator: DiscordEmulator, tmp_path: Path) -> None:
    source, proxy = posted(discord_emulator), discord_emulator.proxy_url
    assert "larger than 1 MiB" in await complaint(source, tmp_path / "a", proxy, 1 << 20)
    assert not (tmp_path / "a").exists()
    modest = replace(source, size=100)
    assert "larger than 1 MiB" in await complaint(modest, tmp_path / "b", proxy, 1 << 20)


async def test_an_empty_file(discord_emulator: DiscordEmulator, tmp_path: Path) -> None:
    source = posted(discord_emulator, b"")
    assert "is empty" in await complaint(source, tmp_path / "a", discord_emulator.proxy_url)


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.discordapp.com/a",
        "https://cdn.discordapp.com.evil.example/a",
        "https://evil.example/cdn.discordapp.com",
        "https://cdn.discordapp.com:8443/a",
        "https://user@cdn.discordapp.com/a",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://cdn.discordapp.com:99999/a",
        "",
    ],
)
async def test_no_other_address_is_asked(tmp_path: Path, url: str) -> None:
    source = Source("a.bin", url, 5, None)
    assert "not a file on Discord" in await complaint(source, tmp_path / "a", "http://127.0.0.1:1")


@pytest.fixture
async def host(ca: CertificateAuthority) -> AsyncIterator[Callable[..., object]]:
    """Stand in for the file host with a handler of the test's own; returns the proxy's address."""
    open_parts: list[object] = []

    async def serve(handler: Callable[[web.Request], object]) -> str:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)  # type: ignore[arg-type]
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ca.server_context()).start()
        proxy = ConnectProxy(runner.addresses[0][1])
        await proxy.start()
        open_parts.extend([proxy.close, runner.cleanup])
        return proxy.url

    yield serve
    for close in open_parts:
        await close()  # type: ignore[operator]


async def test_redirects_are_not_followed(host: Callable[..., object], tmp_path: Path) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("https://discord.com/secret")

    proxy = await host(elsewhere)  # type: ignore[misc]
    assert "does not give out" in await complaint(Source("a.bin", URL, 5, None), tmp_path / "a", proxy)


async def test_a_host_that_sends_without_end(host: Callable[..., object], tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(bytes(1 << 18))

    proxy = await host(endless)  # type: ignore[misc]
    said = await complaint(Source("a.bin", URL, 5, None), tmp_path / "a", proxy, 3 << 20)
    assert "larger than 3 MiB" in said
    assert (tmp_path / "a").stat().st_size <= 3 << 20


async def test_a_connection_that_breaks(host: Callable[..., object], tmp_path: Path) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(bytes(500))
        assert request.transport is not None
        request.transport.abort()
        return answer

    proxy = await host(half)  # type: ignore[misc]
    said = await complaint(Source("a.bin", URL, 1000, None), tmp_path / "a", proxy)
    assert "could not be fetched from Discord" in said


async def test_a_zipped_answer_does_not_unpack(host: Callable[..., object], tmp_path: Path) -> None:
    import gzip

    packed = gzip.compress(bytes(5 << 20))

    async def zipped(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    proxy = await host(zipped)  # type: ignore[misc]
    await fetch(Source("a.bin", URL, len(packed), None), tmp_path / "a", proxy)
    assert (tmp_path / "a").read_bytes() == packed


async def test_no_proxy_that_answers(tmp_path: Path) -> None:
    said = await complaint(Source("a.bin", URL, 5, None), tmp_path / "a", "http://127.0.0.1:1")
    assert "could not be fetched from Discord" in said
    assert aiohttp  # the loopback CA is set before this is imported
