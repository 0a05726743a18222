"""Measures what requests cost the bot's process, beside servers in a process of their own; prints JSON.

`python media_probe.py film MEGABYTES AT_ONCE` or `photo TIMES`; `serve FOLDER` is the other process.
"""

import asyncio
import io
import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from bot.emulators.tls import CertificateAuthority

TESTS = Path(__file__).parent.parent
HOST = "cdn.discordapp.com"


async def serve(folder: Path) -> None:
    """Be Discord's file host, behind a proxy, and a Gemini; until stdin closes."""
    from aiohttp import web
    from scripted_rest import ScriptedRest

    from bot.emulators.discord.proxy import ConnectProxy

    ca = authority(folder)
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ca.server_context()).start()
    proxy = ConnectProxy(runner.addresses[0][1])
    await proxy.start()
    async with ScriptedRest(ca) as gemini:
        print(json.dumps({"proxy": proxy.url, "gemini": gemini.base_url}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def authority(folder: Path) -> CertificateAuthority:
    return CertificateAuthority(folder / "ca.pem", folder / "leaf.pem", folder / "leaf.key")


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS / 'media_path'}"}
    command = [sys.executable, __file__, "serve", str(folder)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, env=environment, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


class Watch:
    """The delays that a task on the loop and a thread see meanwhile, in milliseconds, and resident memory."""

    def __init__(self) -> None:
        self.loop_ms: list[float] = []
        self.thread_ms: list[float] = []
        self.rss: list[int] = []
        self._stop = threading.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        thread = threading.Thread(target=self._in_thread)
        thread.start()
        task = asyncio.create_task(self._on_loop())
        try:
            yield
        finally:
            task.cancel()
            self._stop.set()
            thread.join()

    async def _on_loop(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.002)
            self.loop_ms.append((time.perf_counter() - began) * 1e3 - 2)

    def _in_thread(self) -> None:
        page = resource.getpagesize()
        with Path("/proc/self/statm").open() as statm:
            while not self._stop.is_set():
                began = time.perf_counter()
                time.sleep(0.002)
                self.thread_ms.append((time.perf_counter() - began) * 1e3 - 2)
                statm.seek(0)
                self.rss.append(int(statm.read().split()[1]) * page)

    def result(self) -> dict[str, float]:
        """Return the delays' 99th percentiles and worsts, and how much memory grew at most."""
        found = {"rss_growth_mb": (max(self.rss) - self.rss[0]) / 1e6}
        for name, values in (("loop", sorted(self.loop_ms)), ("thread", sorted(self.thread_ms))):
            found[f"{name}_p99_ms"] = values[int(len(values) * 0.99)]
            found[f"{name}_worst_ms"] = values[-1]
        return {name: round(value, 2) for name, value in found.items()}


@asynccontextmanager
async def service(folder: Path, addresses: dict[str, str]) -> AsyncIterator[Any]:
    from google import genai
    from google.genai import types

    from bot.media.service import MediaService
    from bot.storage.database import Database
    from bot.storage.media import MediaStore

    database = await Database.open(f"sqlite+aiosqlite:///{folder / 'probe.db'}")
    options = types.HttpOptions(base_url=addresses["gemini"], api_version="v1beta", timeout=120_000)
    client = genai.Client(api_key="key", http_options=options)
    store = MediaStore(database)
    made = MediaService(client=client, storage=store, proxy=addresses["proxy"], model="m", fallback=None)
    await made.start()
    try:
        yield made
    finally:
        await made.close()
        await client.aio.aclose()
        client.close()
        await database.close()


async def ask(running: Any, folder: Path, name: str) -> float:
    """Ask about a file; return the seconds to the first words."""
    from bot.media.events import TextDelta
    from bot.media.request import MediaRequest
    from bot.media.sources import Source

    source = Source(name, f"https://{HOST}/{name}", (folder / name).stat().st_size, None)
    began, first = time.perf_counter(), None
    async for event in running.ask(MediaRequest(1, 2, (source,), "What?")):
        if isinstance(event, TextDelta) and first is None:
            first = time.perf_counter() - began
    assert first is not None
    return first


def make_film(path: Path, megabytes: int, mark: int) -> None:
    """Write a film that is as large as asked: a box of type `free` follows it, which players pass over."""
    film = (TESTS / "media" / "video-bunny.mp4").read_bytes()
    size = megabytes * 1_000_000 - len(film)
    with path.open("wb") as file:
        file.write(film + size.to_bytes(4, "big") + b"free" + bytes([mark]))
        file.truncate(megabytes * 1_000_000)


def make_photo(path: Path, mark: int) -> None:
    """Write a JPEG of 12 megapixels and about 4 MB, as from a phone; each mark gives other pixels."""
    import numpy as np
    from PIL import Image

    with Image.open(TESTS / "media" / "photo-coffee.png") as cup:
        large = np.asarray(cup.convert("RGB").resize((4000, 3000))).astype(np.int16)
    large += np.random.default_rng(mark).normal(0, 7.5, large.shape).astype(np.int16)
    out = io.BytesIO()
    Image.fromarray(large.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=92)
    path.write_bytes(out.getvalue())


async def measure(kind: str, number: int, at_once: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca = CertificateAuthority.create(folder)
        os.environ["SSL_CERT_FILE"] = str(ca.ca_file)
        assert ssl.get_default_verify_paths().cafile == str(ca.ca_file)
        if kind == "photo":
            # In another process: this one's memory is measured.
            command = (sys.executable, __file__, "draw", str(folder), str(number + 1))
            drawing = await asyncio.create_subprocess_exec(*command)
            assert await drawing.wait() == 0
            names = [f"{mark}.jpg" for mark in range(number + 1)]
        else:
            for mark in range(at_once + 1):
                make_film(folder / f"{mark}.mp4", number if mark else 2, mark)
            names = [f"{mark}.mp4" for mark in range(at_once + 1)]
        with servers(folder) as addresses:
            async with service(folder, addresses) as running:
                await ask(running, folder, names[0])  # modules, connections and threads are there after this
                watch, began = Watch(), time.perf_counter()
                async with watch.watching():
                    if kind == "photo":
                        firsts = [await ask(running, folder, name) for name in names[1:]]
                    else:
                        firsts = list(
                            await asyncio.gather(*(ask(running, folder, name) for name in names[1:]))
                        )
                seconds = time.perf_counter() - began
        size_mb = sum((folder / name).stat().st_size for name in names[1:]) / 1e6
    first_p50_ms = sorted(firsts)[len(firsts) // 2] * 1e3
    return {
        **watch.result(),
        "first_p50_ms": round(first_p50_ms),
        "seconds": round(seconds, 1),
        "mb": size_mb,
    }


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(Path(sys.argv[2])))
    elif sys.argv[1] == "draw":
        for mark in range(int(sys.argv[3])):
            make_photo(Path(sys.argv[2]) / f"{mark}.jpg", mark)
    else:
        given = [int(argument) for argument in sys.argv[2:]]
        print(json.dumps(asyncio.run(measure(sys.argv[1], given[0], (given[1:] or [1])[0]))))
