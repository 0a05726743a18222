"""Files that lie at Google while somebody needs them, and not a moment longer.

Each file has leases: of requests that are worked on, and of answers that people may go on with for a day.
The same bytes are uploaded once for all. When the last lease ends, by success (some minutes later, for who
asks again), failure, cancellation, expiry or because somebody wants it forgotten, the file is deleted. A row
is in the database from before the upload until after the deletion; the next start takes up the leases of
answers that are kept still and deletes what has none.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Collection, Coroutine

from google import genai
from google.genai import types

from bot.media.fit import Fitted
from bot.media.remote import Remote, Say
from bot.media.uploads import READY_S, Pieces, Uploader
from bot.storage.errors import StorageError
from bot.storage.media import LeasedFile, MediaStore

logger = logging.getLogger(__name__)

LONGEST_S = 24 * 3600.0  # from the upload; Google itself deletes after 48 h
LINGER_S = 15 * 60.0  # after a request, for who asks again
KEPT_BYTES = 15 * 10**9  # for answers, of all together: Google has room for 20 GB in a project
RETRY_S = 60.0  # between attempts to delete
CLOSE_S = 1.5  # what does not get deleted within it is at the next start

_LATE = 0.05  # of a file's time, its last 72 minutes: no request begins to use it then
_ANSWER = "answer:"  # begins the holders of leases that outlive the process


class Lease:
    """The right to use a remote file; always end it."""

    def __init__(self, files: "RemoteFiles", remote: Remote, holder: str) -> None:
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
        self._there = not client.vertexai  # Vertex AI has no Files API
        self._uploader = Uploader(client, ready_s=ready_s)
        self._store = store
        self._linger_s = linger_s
        self._retry_s = retry_s
        self._longest_s = longest_s
        self._files: dict[str, Remote] = {}  # by name
        self._newest: dict[str, Remote] = {}  # by SHA-256: those that may be shared
        self._leaving: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        # Rows are written one after the other, in the order of what they record: the end of a lease that
        # came before its beginning would leave it in the database.
        self._writing = asyncio.Lock()

    async def start(self, answers: Collection[str]) -> None:
        """Take up the leases of these answers from an earlier run, and begin to delete what else it left.

        On Vertex AI that is left to a start without it. Raises StorageError.
        """
        if not self._there:
            return
        rows = await self._store.leased()
        holders = {_ANSWER + answer for answer in answers}
        for row in rows:
            if row.holder in holders:  # all others ended with their process, or were forgotten
                self._take_up(row)
        for name in {row.name for row in rows}.union(await self._store.strays()) - self._files.keys():
            self._background(self._delete(name), "media-delete")
        for row in rows:
            remote = self._files.get(row.name)
            if remote is not None and row.holder not in remote.leases:
                self._background(self._written(self._store.release(row.name, row.holder)), "media-lease")
        self._sweeper = asyncio.create_task(self._sweep(), name="media-sweep")

    def _take_up(self, row: LeasedFile) -> None:
        """Go on with an answer's lease; the sweeper ends it where its time is over."""
        if row.uri is None:
            return
        remote = self._files.get(row.name)
        if remote is None:
            remote = Remote(row.name, row.sha256, row.size or 0, row.uploaded_at or 0.0)
            remote.upload = asyncio.get_running_loop().create_future()
            remote.upload.set_result(types.File(name=row.name, uri=row.uri, mime_type=row.mime_type))
            self._files[row.name] = remote
            newest = self._newest.get(row.sha256)
            if newest is None or newest.begun_at < remote.begun_at:
                self._newest[row.sha256] = remote
        remote.leases[row.holder] = min(row.until, remote.begun_at + self._longest_s)

    async def close(self) -> None:
        """End every lease but those of answers, and delete what has none, within a time."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait({self._sweeper})
        for remote in tuple(self._files.values()):
            for holder in tuple(remote.leases):
                if not holder.startswith(_ANSWER):
                    self.end(remote, holder, linger=False, gone=False)
        if self._leaving:
            _, late = await asyncio.wait(set(self._leaving), timeout=CLOSE_S)
            for task in late:
                task.cancel()
            if late:
                logger.warning("%s files at Google are deleted only at the next start", len(late))

    def lease(self, fitted: Fitted, say: Say) -> Lease:
        """Return a lease on the remote file with these bytes; its upload begins now if there is none."""
        lease = self.find(fitted.sha256, say)
        if lease is not None:
            return lease
        holder, now = uuid.uuid4().hex, time.time()
        remote = Remote(f"files/earshot-{uuid.uuid4().hex[:24]}", fitted.sha256, fitted.size, now)
        self._files[remote.name] = self._newest[fitted.sha256] = remote
        remote.leases[holder] = now + self._longest_s
        upload = self._upload(remote, fitted, holder)
        remote.upload = asyncio.create_task(upload, name="media-upload")
        return self._held(remote, holder, say)

    def find(self, sha256: str, say: Say) -> Lease | None:
        """Return a lease on the remote file with these bytes, where there is one."""
        remote = self._newest.get(sha256)
        if remote is None or remote.failed:
            return None
        if time.time() > remote.begun_at + self._longest_s * (1 - _LATE):
            return None  # it could be deleted in the middle of a request
        holder = uuid.uuid4().hex
        self._add(remote, holder, time.time() + self._longest_s)
        return self._held(remote, holder, say)

    def keep(self, sha256: str, answer_id: str, until: float) -> None:
        """Hold the remote file with these bytes for an answer until then, or for a day from its upload."""
        remote = self._newest.get(sha256)
        holder = _ANSWER + answer_id
        if remote is not None and not remote.failed and holder not in remote.leases:
            self._add(remote, holder, until)
            self._make_room()

    def let_go(self, answer_id: str) -> None:
        """End what is held for an answer."""
        holder = _ANSWER + answer_id
        for remote in tuple(self._files.values()):
            if holder in remote.leases:
                self.end(remote, holder, linger=False, gone=False)

    def _add(self, remote: Remote, holder: str, until: float) -> None:
        until = min(until, remote.begun_at + self._longest_s)
        remote.leases[holder] = until
        self._background(
            self._written(self._store.lease(remote.name, holder, remote.sha256, until)), "media-lease"
        )

    def _held(self, remote: Remote, holder: str, say: Say) -> Lease:
        remote.listeners[holder] = say
        self._changed.set()
        return Lease(self, remote, holder)

    def _make_room(self) -> None:
        """Let go of the oldest files that only answers hold, where there are too many bytes of them."""
        left = sum(remote.size for remote in self._files.values()) - KEPT_BYTES
        for remote in sorted(self._files.values(), key=lambda remote: remote.begun_at):
            if left <= 0:
                return
            if all(holder.startswith(_ANSWER) for holder in remote.leases):
                self._drop(remote)
                left -= remote.size

    def end(self, remote: Remote, holder: str, *, linger: bool, gone: bool) -> None:
        """End a lease: see Lease.end."""
        remote.listeners.pop(holder, None)
        if gone:
            self._drop(remote)
        if holder not in remote.leases:
            return  # it had expired, or all had
        if linger:
            until = min(remote.leases[holder], time.time() + self._linger_s)
            remote.leases[holder] = until
            self._background(self._written(self._store.extend(remote.name, holder, until)), "media-lease")
            self._changed.set()
            return
        del remote.leases[holder]
        if remote.leases:
            self._background(self._written(self._store.release(remote.name, holder)), "media-lease")
        else:
            self._drop(remote)

    def _drop(self, remote: Remote) -> None:
        """Let a file go that nobody may use any more."""
        remote.leases.clear()
        if self._files.pop(remote.name, None) is None:
            return
        if self._newest.get(remote.sha256) is remote:
            del self._newest[remote.sha256]
        self._background(self._abandon(remote), "media-delete")

    async def _upload(self, remote: Remote, fitted: Fitted, holder: str) -> types.File:
        loop = asyncio.get_running_loop()
        stage = f"Uploading {fitted.name}"

        def tell(done: float) -> None:
            loop.call_soon_threadsafe(remote.say, stage, done)

        if fitted.path is None:
            raise RuntimeError("a video on YouTube is not uploaded")
        with Pieces(fitted.path, tell) as pieces:
            until = remote.begun_at + self._longest_s
            await self._written(self._store.lease(remote.name, holder, remote.sha256, until))
            file = await self._uploader.upload(pieces, fitted, remote.name, remote.say)
        await self._written(
            self._store.uploaded(
                remote.name,
                uri=str(file.uri),
                mime_type=fitted.mime_type,
                size=fitted.size,
                at=remote.begun_at,
            )
        )
        return file

    async def _abandon(self, remote: Remote) -> None:
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
        await self._written(self._store.forget(name))

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

    async def _written(self, write: Coroutine[None, None, None]) -> None:
        """Write to the database, after all that was to be written before."""
        try:
            async with self._writing:
                await write
        finally:
            write.close()  # where it was cancelled while it waited

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
