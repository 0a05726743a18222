"""Measures what requests cost the bot's process, beside servers in a process of their own; prints JSON.

`python media_probe.py film MEGABYTES AT_ONCE`, `photo TIMES`, `fit ROUNDS AT_ONCE` or `ask ROUNDS AT_ONCE`;
`serve FOLDER` is the other process, and `draw FOLDER COUNT` one that makes the photos.
"""

import asyncio
import functools
import io
import json
import os
import resource
import ssl
import statistics
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
PHOTOS = 10  # in each round beside the voice: enough frames to tell the work from chance


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


class Memory:
    """The most resident memory that there was within a block, over what there was before, in MB."""

    def __init__(self) -> None:
        self._rss: list[int] = []
        self._stop = threading.Event()

    @property
    def growth_mb(self) -> float:
        return round((max(self._rss) - self._rss[0]) / 1e6, 1)

    @contextmanager
    def watched(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _watch(self) -> None:
        page = resource.getpagesize()
        with Path("/proc/self/statm").open() as statm:
            while not self._stop.wait(0.002):
                statm.seek(0)
                self._rss.append(int(statm.read().split()[1]) * page)


@asynccontextmanager
async def service(folder: Path, addresses: dict[str, str], **files: Any) -> AsyncIterator[Any]:
    """Run a service; its remote files follow `files`."""
    from google import genai
    from google.genai import types

    from bot.media.leases import RemoteFiles
    from bot.media.service import MediaService
    from bot.storage.answers import AnswerStore
    from bot.storage.database import Database
    from bot.storage.media import MediaStore

    database = await Database.open(f"sqlite+aiosqlite:///{folder / 'probe.db'}")
    options = types.HttpOptions(base_url=addresses["gemini"], api_version="v1beta", timeout=120_000)
    client = genai.Client(api_key="key", http_options=options)
    store = MediaStore(database)
    made = MediaService(
        client=client,
        storage=store,
        answers=AnswerStore(database),
        proxy=addresses["proxy"],
        model="m",
        fallback=None,
        files=RemoteFiles(client, store, **files),
    )
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
    from bot.media.tasks.ask import Ask

    source = Source(name, f"https://{HOST}/{name}", (folder / name).stat().st_size, None)
    began, first = time.perf_counter(), None
    async for event in running.ask(MediaRequest(1, 2, (source,), Ask("What?"))):
        if isinstance(event, TextDelta) and first is None:
            first = time.perf_counter() - began
    assert first is not None
    return first


async def fetch(proxy: str, name: str) -> float:
    """Fetch a file and do nothing with it; return how many seconds that takes by itself."""
    import aiohttp

    began = time.perf_counter()
    url = f"https://{HOST}/{name}"
    async with aiohttp.ClientSession() as http, http.get(url, proxy=proxy) as answer:
        async for _ in answer.content.iter_any():
            pass
    return time.perf_counter() - began


def decode(path: Path) -> float:
    """Decode a photo in full and do nothing with it; return the seconds."""
    from PIL import Image

    began = time.perf_counter()
    with Image.open(path) as picture:
        picture.load()
    return time.perf_counter() - began


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


async def draw(folder: Path, count: int) -> list[str]:
    command = (sys.executable, __file__, "draw", str(folder), str(count))
    drawing = await asyncio.create_subprocess_exec(*command)
    assert await drawing.wait() == 0
    return [f"{mark}.jpg" for mark in range(count)]


async def measure_film(folder: Path, megabytes: int, at_once: int) -> dict[str, Any]:
    """Measure the memory that films take which are asked about at once."""
    for mark in range(at_once + 1):
        make_film(folder / f"{mark}.mp4", megabytes if mark else 2, mark)
    with servers(folder) as addresses:
        async with service(folder, addresses) as running:
            await ask(running, folder, "0.mp4")  # modules, connections and threads are there after this
            memory, began = Memory(), time.perf_counter()
            with memory.watched():
                await asyncio.gather(*(ask(running, folder, f"{1 + n}.mp4") for n in range(at_once)))
            seconds = time.perf_counter() - began
    return {"rss_growth_mb": memory.growth_mb, "seconds": round(seconds, 1), "mb": megabytes * at_once}


async def measure_photo(folder: Path, times: int) -> dict[str, Any]:
    """Measure the time until the first words about a photo, beside what its fetching takes by itself."""
    names = await draw(folder, times + 1)
    firsts, fetches, decodes, cpu_s = [], [], [], 0.0
    with servers(folder) as addresses:
        async with service(folder, addresses) as running:
            await ask(running, folder, names[0])
            for name in names[1:]:
                fetches.append(await fetch(addresses["proxy"], name))
                decodes.append(await asyncio.to_thread(decode, folder / name))
                before = time.process_time()
                firsts.append(await ask(running, folder, name))
                cpu_s += time.process_time() - before
    first, bare, decoded = (statistics.median(each) * 1e3 for each in (firsts, fetches, decodes))
    return {
        "first_p50_ms": round(first),
        "fetch_p50_ms": round(bare),
        "added_p50_ms": round(first - bare),
        "decode_p50_ms": round(decoded),
        "cpu_ms": round(cpu_s / times * 1e3),
        "mb": round(sum((folder / name).stat().st_size for name in names[1:]) / times / 1e6, 1),
    }


async def measure_voice(folder: Path, rounds: int, at_once: int, *, whole: bool) -> dict[str, Any]:
    """Measure how late voice frames are while photos are fitted, or asked about, so many at once."""
    from media_voice import lateness

    from bot.media.fit import Fitter

    names = await draw(folder, PHOTOS)
    fitter = Fitter()
    places = asyncio.Semaphore(at_once)

    with servers(folder) as addresses:
        # Nothing lingers at the model's side, so that each round uploads anew.
        async with service(folder, addresses, linger_s=0.0) as running:

            async def one(name: str) -> None:
                async with places:
                    if whole:
                        await ask(running, folder, name)
                    else:
                        await fitter.fit(folder / name, name, None)

            async def work() -> None:
                await asyncio.gather(*map(one, names))

            await work()
            return await lateness(work, rounds)


async def measure(kind: str, *numbers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca = CertificateAuthority.create(folder)
        os.environ["SSL_CERT_FILE"] = str(ca.ca_file)
        assert ssl.get_default_verify_paths().cafile == str(ca.ca_file)
        measures: dict[str, Any] = {
            "film": measure_film,
            "photo": measure_photo,
            "fit": functools.partial(measure_voice, whole=False),
            "ask": functools.partial(measure_voice, whole=True),
        }
        found: dict[str, Any] = await measures[kind](folder, *numbers)
        return found


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(Path(sys.argv[2])))
    elif sys.argv[1] == "draw":
        for mark in range(int(sys.argv[3])):
            make_photo(Path(sys.argv[2]) / f"{mark}.jpg", mark)
    else:
        print(json.dumps(asyncio.run(measure(sys.argv[1], *map(int, sys.argv[2:])))))
