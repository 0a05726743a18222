"""One file at Google, or on its way there, and who needs it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from google.genai import types

Say = Callable[[str, float | None], None]


@dataclass(eq=False)
class Remote:
    """A remote file; kept by the leases on it."""

    name: str
    """As in files/NAME."""
    sha256: str
    size: int
    """Bytes."""
    begun_at: float
    """Unix seconds."""
    upload: asyncio.Future[types.File] | None = None
    leases: dict[str, float] = field(default_factory=dict)
    """Holder: until when, Unix seconds."""
    listeners: dict[str, Say] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether it never arrived, and never will."""
        upload = self.upload
        if upload is None or not upload.done():
            return False
        return upload.cancelled() or upload.exception() is not None

    def say(self, stage: str, fraction: float | None = None) -> None:
        """Tell all who wait for it how far it is."""
        for listener in self.listeners.values():
            listener(stage, fraction)
