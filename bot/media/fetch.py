"""Fetching what people posted: from Discord's file hosts and from nowhere else, onto the disk."""

import asyncio
from collections.abc import Callable
from io import BufferedWriter
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bot.media.errors import DISK_FULL, MediaError, UnfitError, is_disk_full, shown
from bot.media.sources import Source

# An address comes from outside: anything else could be a machine of the operator's own network.
HOSTS = ("cdn.discordapp.com", "media.discordapp.net")
MAX_BYTES = 512 * 1024 * 1024  # Discord itself takes no larger file than 500 MB
PIECE_BYTES = 1024 * 1024  # what may lie in aiohttp's buffer at once
# TLS gives out 16 KiB at a time. They are gathered, since each writing leaves the loop for a thread: 200 such
# changes for a photo took as long as decrypting it.
WRITE_BYTES = 256 * 1024
CONNECT_S = 10.0
SILENCE_S = 30.0  # without any byte
AT_ONCE = 4  # of up to a hundred: each has about 3 MiB in memory
_GONE = (401, 403, 404, 410)


class Fetcher:
    """A connection pool to Discord's file hosts; made on the loop, ended by `close`."""

    def __init__(self, proxy: str | None, *, max_bytes: int = MAX_BYTES) -> None:
        self._proxy = proxy
        self._max_bytes = max_bytes
        self._places = asyncio.Semaphore(AT_ONCE)
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S),
            auto_decompress=False,  # a small answer can't unpack into a big one
            headers={"Accept-Encoding": "identity"},
            read_bufsize=PIECE_BYTES,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def check(self, source: Source) -> None:
        """Raise MediaError where a source can't be fetched by what is said of it."""
        if not _allowed(source.url):
            raise UnfitError(
                f"{shown(source.filename)} is not a file on Discord: post it here and try again."
            )
        self._check_size(source, source.size)

    async def fetch(self, source: Source, path: Path, progress: Callable[[float], None]) -> None:
        """Write the bytes of a source to a new file; `progress` is told what share is there.

        Raises MediaError; the file may then hold a part.
        """
        name = shown(source.filename)
        self.check(source)
        try:
            async with (
                self._places,
                self._http.get(source.url, proxy=self._proxy, allow_redirects=False) as answer,
            ):
                self._check_answer(source, answer)
                await self._save(source, answer, path, progress)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise MediaError(f"{name} could not be fetched from Discord: try again in a minute.") from error
        except OSError as error:
            if is_disk_full(error):
                raise MediaError(DISK_FULL) from error
            raise MediaError(f"{name} could not be fetched from Discord: try again in a minute.") from error

    def _check_answer(self, source: Source, answer: aiohttp.ClientResponse) -> None:
        name = shown(source.filename)
        if answer.status in _GONE:
            raise UnfitError(f"The link to {name} has expired: post the file again.")
        if answer.status != 200:
            raise MediaError(f"Discord does not give out {name} just now: try again in a minute.")
        if answer.content_length is not None:
            self._check_size(source, answer.content_length)

    async def _save(
        self, source: Source, answer: aiohttp.ClientResponse, path: Path, progress: Callable[[float], None]
    ) -> None:
        received = 0
        pieces: list[bytes] = []
        gathered = 0
        with await asyncio.to_thread(path.open, "xb") as file:
            async for piece in answer.content.iter_any():
                pieces.append(piece)
                gathered += len(piece)
                if gathered >= WRITE_BYTES:
                    received += gathered
                    self._check_size(source, received)
                    await asyncio.to_thread(_write, file, pieces)
                    pieces, gathered = [], 0
                    progress(min(1.0, received / source.size))
            received += gathered
            self._check_size(source, received)
            await asyncio.to_thread(_write, file, pieces)
        progress(1.0)

    def _check_size(self, source: Source, size: int) -> None:
        if size <= 0:
            raise UnfitError(f"{shown(source.filename)} is empty: post it again.")
        if size > self._max_bytes:
            limit = self._max_bytes // 2**20
            raise UnfitError(f"{shown(source.filename)} is larger than {limit} MiB: post a smaller file.")


def _write(file: BufferedWriter, pieces: list[bytes]) -> None:
    """Write, with nothing left for closing the file, which is done on the event loop."""
    file.writelines(pieces)
    file.flush()


def _allowed(url: str) -> bool:
    """Say whether an address is one of Discord's file hosts, by https and on its usual port."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = port in (None, 443) and not parts.username and not parts.password
    return parts.scheme == "https" and parts.hostname in HOSTS and plain
