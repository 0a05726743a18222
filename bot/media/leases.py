"""Files that lie at Google while somebody needs them, and not a moment longer.

Each file has leases; the same bytes are uploaded once for all who ask meanwhile. When the last lease ends,
by success (some minutes later, for who asks again), failure, cancellation or expiry, the file is deleted. A
row is in the database from before the upload until after the deletion; the next start deletes what is
still there.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from google import genai
from google.genai import types

from bot.media.fit import Fitted
from bot.media.uploads import READY_S, Pieces, Uploader
from bot.storage.errors import StorageError
from bot.storage.media import MediaStore

logger = logging.getLogger(__name__)

LONGEST_S = 24 * 3600.0  # of any lease
LINGER_S = 15 * 60.0  # after an answer: as long as its buttons (again, shorter) can be answered
RETRY_S = 60.0  # between attempts to delete
CLOSE_S = 1.5  # what does not get deleted within it is at the next start

Say = Callable[[str, float | None], None]


@dataclass(eq=False)
class _Remote:
    """A file at Google, or on its way there."""

    name: str
    sha256: str
    upload: asyncio.Task[types.File] | None = None
    leases: dict[str, float] = field(default_factory=dict)
    """Holder: until when, Unix seconds."""
    listeners: dict[str, Say] = field(default_factory=dict)

    def say(self, stage: str, fraction: float | None = None) -> None:
        for listener in self.listeners.values():
            listener(stage, fraction)


class Lease:
    """The right to use a remote file; always end it."""

    def __init__(self, files: "RemoteFiles", remote: _Remote, holder: str) -> None:
        self._files = files
        self._remote = remote
        self._holder = holder

    async def ready(self) -> types.File:
        """Return the file once the model can use it. Raises MediaError."""
        if self._remote.upload is None:
            raise RuntimeError("a remote file begins with its upload")
        return await asyncio.shield(self._remote.upload)  # others may wait for it too

    def end(self, *, linger: bool, gone: bool = False) -> None:
        """End the lease, now or in some minutes; `gone` where Google has lost the file already."""
        self._files.end(self._remote, self._holder, linger=linger, gone=gone)


class RemoteFiles:
    """All files of this process that lie at Google."""

    def __init__(
        self,
        client: genai.Client,
        store: MediaStore,
        *,
        linger_s: float = LINGER_S,
        retry_s: float = RETRY_S,
        ready_s: float = READY_S,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._uploader = Uploader(client, ready_s=ready_s)
        self._store = store
        self._linger_s = linger_s
        self._retry_s = retry_s
        self._longest_s = longest_s
        self._files: dict[str, _Remote] = {}  # by SHA-256: those that may be shared
        self._leaving: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Begin to delete what an earlier run left. Raises StorageError."""
        for name in await self._store.leased():
            self._background(self._delete(name), "media-delete")
        self._sweeper = asyncio.create_task(self._sweep(), name="media-sweep")

    async def close(self) -> None:
        """Delete every file, within a time."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait({self._sweeper})
        for remote in tuple(self._files.values()):
            self._drop(remote)
        if self._leaving:
            _, late = await asyncio.wait(set(self._leaving), timeout=CLOSE_S)
            for task in late:
                task.cancel()
            if late:
                logger.warning("%s files at Google are deleted only at the next start", len(late))

    def lease(self, fitted: Fitted, say: Say) -> Lease:
        """Return a lease on the remote file with these bytes; its upload begins now if there is none."""
        holder = uuid.uuid4().hex
        until = time.time() + self._longest_s
        remote = self._files.get(fitted.sha256)
        if remote is None or remote.upload is None or _failed(remote.upload):
            remote = _Remote(f"files/earshot-{uuid.uuid4().hex[:24]}", fitted.sha256)
            self._files[fitted.sha256] = remote
            upload = self._upload(remote, fitted, holder, until)
            remote.upload = asyncio.create_task(upload, name="media-upload")
        else:
            self._background(self._store.lease(remote.name, holder, remote.sha256, until), "media-lease")
        remote.leases[holder] = until
        remote.listeners[holder] = say
        self._changed.set()
        return Lease(self, remote, holder)

    def end(self, remote: _Remote, holder: str, *, linger: bool, gone: bool) -> None:
        """End a lease: see Lease.end."""
        remote.listeners.pop(holder, None)
        if gone and self._files.get(remote.sha256) is remote:
            del self._files[remote.sha256]
        if holder not in remote.leases:
            return  # it had expired
        if linger and not gone:
            until = min(remote.leases[holder], time.time() + self._linger_s)
            remote.leases[holder] = until
            self._background(self._store.extend(remote.name, holder, until), "media-lease")
            self._changed.set()
            return
        del remote.leases[holder]
        if remote.leases:
            self._background(self._store.release(remote.name, holder), "media-lease")
        else:
            self._drop(remote)

    def _drop(self, remote: _Remote) -> None:
        """Let a file go that nobody may use any more."""
        remote.leases.clear()
        if self._files.get(remote.sha256) is remote:
            del self._files[remote.sha256]
        self._background(self._abandon(remote), "media-delete")

    async def _upload(self, remote: _Remote, fitted: Fitted, holder: str, until: float) -> types.File:
        loop = asyncio.get_running_loop()
        stage = f"Uploading {fitted.name}"

        def tell(done: float) -> None:
            loop.call_soon_threadsafe(remote.say, stage, done)

        with Pieces(fitted.path, tell) as pieces:
            await self._store.lease(remote.name, holder, remote.sha256, until)
            return await self._uploader.upload(pieces, fitted, remote.name, remote.say)

    async def _abandon(self, remote: _Remote) -> None:
        """Delete a file, but first let its upload end: it could arrive after the deletion."""
        if remote.upload is not None:
            remote.upload.cancel()
            await asyncio.wait({remote.upload})
            if not remote.upload.cancelled():
                remote.upload.exception()  # told already to whoever waited
        await self._delete(remote.name)

    async def _delete(self, name: str) -> None:
        while True:
            if await self._uploader.delete(name):
                break
            await asyncio.sleep(self._retry_s)
        await self._store.forget(name)

    async def _sweep(self) -> None:
        """End leases at their time."""
        while True:
            self._changed.clear()
            now = time.time()
            for remote in tuple(self._files.values()):
                for holder, until in tuple(remote.leases.items()):
                    if until <= now:
                        self.end(remote, holder, linger=False, gone=False)
            ends = [until for remote in self._files.values() for until in remote.leases.values()]
            pause_s = min(ends) - time.time() if ends else None
            try:
                async with asyncio.timeout(pause_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _background(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(_logged(work), name=name)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _logged(work: Coroutine[None, None, None]) -> None:
    """Do what nobody waits for; a row that stays behind is dealt with at the next start."""
    try:
        await work
    except StorageError as error:
        logger.warning("A lease on a file at Google could not be recorded: %s", error)


def _failed(upload: asyncio.Task[types.File]) -> bool:
    return upload.done() and (upload.cancelled() or upload.exception() is not None)
