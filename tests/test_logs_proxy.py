"""The password of a proxy that refuses reaches no log, however it was typed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from bot import logs
from bot.errors import reason_of
from bot.settings import Settings, load

pytestmark = pytest.mark.usefixtures("restore_logging")

# As typed, and as aiohttp writes them down.
PASSWORDS = {
    "hidden": "hidden",
    "hid%7eden": "hid~den",
    "hid|dén": "hid%7Cd%C3%A9n",
    "hid%2fden": "hid%2Fden",
}
REFUSED = "the proxy answered 407 Proxy Authentication Required"


@pytest.fixture
async def proxy() -> AsyncIterator[str]:
    """Serve a proxy that refuses everybody; its address without a scheme."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


async def refusal(proxy_url: str) -> aiohttp.ClientHttpProxyError:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientHttpProxyError) as caught:
            await http.get("https://discord.com/", proxy=proxy_url)
    return caught.value


@pytest.mark.parametrize("typed", PASSWORDS)
async def test_its_refusal_is_told_without_the_password(proxy: str, typed: str) -> None:
    error = await refusal(f"http://ada:{typed}@{proxy}")
    assert PASSWORDS[typed] in str(error), "otherwise this shows nothing"
    assert reason_of(error) == REFUSED


@pytest.mark.parametrize("typed", PASSWORDS)
async def test_that_it_keeps_the_bot_from_discord_is_one_line(
    proxy: str, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("INFO")
    error = await refusal(f"http://ada:{typed}@{proxy}")
    logging.getLogger("discord.shard").error("Failed to connect for shard_id: %s.", 0, exc_info=error)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(f"Failed to connect for shard_id: 0.: {REFUSED}")


@pytest.mark.parametrize("typed", PASSWORDS)
async def test_a_traceback_is_without_the_password(
    proxy: str,
    typed: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"DISCORD_TOKEN": "a.bot.token", "GEMINI_API_KEY": "a-key"}
    for name, value in (settings | {"DISCORD_PROXY": f"http://ada:{typed}@{proxy}"}).items():
        monkeypatch.setenv(name, value)
    logs.set_up("INFO", load(Settings).secrets())
    error = await refusal(f"http://ada:{typed}@{proxy}")
    logging.getLogger("bot.x").error("failed", exc_info=error)
    shown = capsys.readouterr().out
    assert "http://ada:[secret]@127.0.0.1" in shown
    for password in (typed, PASSWORDS[typed], quote(typed)):
        assert password not in shown


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "refused"), "[Errno 111] refused"),
        (TimeoutError(), "TimeoutError"),
        (aiohttp.ClientError("no route"), "no route"),
    ],
)
def test_other_reasons_are_told_as_they_are(error: Exception, told: str) -> None:
    assert reason_of(error) == told
