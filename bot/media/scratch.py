"""A folder for the files of requests. What a crash leaves of one is removed by the next start.

Each has a lock file beside it, which the process holds: the system lets go of it however the process ends.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path

_PREFIX, _LOCK = "earshot-media-", ".lock"


class Scratch:
    """An empty folder that is removed by `close`; both are for a thread."""

    def __init__(self) -> None:
        """Make it, and remove those that no process holds any more."""
        place = Path(tempfile.gettempdir())
        for lock in place.glob(f"{_PREFIX}*{_LOCK}"):
            _remove_left(lock)
        while (locked := _locked(_new(place), os.O_CREAT | os.O_EXCL)) is None:
            pass  # another process that starts just now took it for one left behind
        self._lock, self._held = locked
        self.path = _folder_of(self._lock)
        self.path.mkdir(mode=0o700)

    def close(self) -> None:
        """Remove it, with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.unlink(missing_ok=True)
        os.close(self._held)


def _folder_of(lock: Path) -> Path:
    return lock.with_name(lock.name.removesuffix(_LOCK))


def _remove_left(lock: Path) -> None:
    """Remove a folder, unless a process holds it, or it is another user's."""
    try:
        locked = _locked(lock, 0)
    except OSError:
        return
    if locked is None:
        return
    shutil.rmtree(_folder_of(lock), ignore_errors=True)
    lock.unlink(missing_ok=True)
    os.close(locked[1])


def _new(place: Path) -> Path:
    return place / f"{_PREFIX}{secrets.token_hex(8)}{_LOCK}"


def _locked(lock: Path, flags: int) -> tuple[Path, int] | None:
    """Return a lock file of ours and a descriptor that holds it; None where another process does.

    Raises OSError where it can't be opened.
    """
    held = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    if os.fstat(held).st_uid != os.getuid() or not lock.exists():
        os.close(held)
        return None
    return lock, held
