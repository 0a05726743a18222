"""A file that somebody posted, and what is said of it where it is refused."""

import threading
from pathlib import Path

import pytest

from bot.media.errors import MediaError
from bot.media.glance import looked_at


def put(folder: Path, data: bytes) -> Path:
    path = folder / "posted"
    path.write_bytes(data)
    return path


def complaint(path: Path) -> str:
    """Return what is said of it where it is shown in a call, which is what is said of it elsewhere."""
    with pytest.raises(MediaError) as shown:
        looked_at(path, "it", 60, threading.Event())
    return str(shown.value)
