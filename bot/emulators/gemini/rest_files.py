"""The Files API: what is stored, in which state, and until when. The bytes lie on disk."""

import base64
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.emulators.gemini.media_facts import Clip, Facts, VideoFacts
from bot.emulators.gemini.media_measure import kind_of
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_faults import Expire, Fail, RestEffect, Stick

PROCESSING, ACTIVE, FAILED = "PROCESSING", "ACTIVE", "FAILED"
_PROCESSED = ("video", "sound")  # kinds that take time; all else is ACTIVE at once
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_CLIPS_KEPT = 16  # measurements of one file; each clip of it is another
_GONE_KEPT = 10_000  # names of files that expired


@dataclass
class StoredFile:
    """One uploaded file; times of `time.monotonic`, and those that are shown of the calendar."""

    name: str
    """files/ID."""
    display_name: str
    mime_type: str
    size: int
    sha256: str
    """In hexadecimal digits."""
    path: Path
    created: datetime
    active_at: float
    """When it may become ACTIVE at the earliest; inf: never."""
    expires_at: float
    life_s: float
    failure: str = ""
    """Why it is FAILED, once it is processed."""
    measured: dict[Clip, Facts] = field(default_factory=dict)

    def state(self, now: float) -> str:
        """Return PROCESSING, ACTIVE or FAILED."""
        processed = Clip() in self.measured or bool(self.failure) or kind_of(self.mime_type) not in _PROCESSED
        if now < self.active_at or not processed:
            return PROCESSING
        return FAILED if self.failure else ACTIVE

    def keep(self, clip: Clip, facts: Facts) -> None:
        """Keep what was measured, so that it is measured once."""
        if len(self.measured) < _CLIPS_KEPT:
            self.measured[clip] = facts

    def resource(self, base_url: str, now: float) -> dict[str, Any]:
        """Return it as the API shows it."""
        state = self.state(now)
        shown: dict[str, Any] = {
            "name": self.name,
            "displayName": self.display_name,
            "mimeType": self.mime_type,
            "sizeBytes": str(self.size),
            "createTime": _stamp(self.created),
            "updateTime": _stamp(self.created),
            "expirationTime": _stamp(self.created + timedelta(seconds=self.life_s)),
            "sha256Hash": base64.b64encode(self.sha256.encode()).decode(),
            "uri": f"{base_url}/v1beta/{self.name}",
            "state": state,
            "source": "UPLOADED",
        }
        facts = self.measured.get(Clip())
        if state == ACTIVE and isinstance(facts, VideoFacts):
            shown["videoMetadata"] = {"videoDuration": f"{facts.duration_s:g}s"}
        if state == FAILED:
            shown["error"] = {"code": 3, "message": self.failure}  # INVALID_ARGUMENT of google.rpc.Code
        return shown


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is told of a file before it is uploaded."""

    name: str
    display_name: str
    mime_type: str


class FileStore:
    """All files of the project."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._gone: dict[str, None] = {}

    def check_name(self, name: str) -> str:
        """Return the name that a client wants, a new one if it is empty; raise RestError if it can't be."""
        if not name:
            return f"files/{secrets.token_hex(6)}"
        if not _NAME.fullmatch(name.removeprefix("files/")):
            raise RestError(
                400, "The file name must be lower case letters, digits and inner dashes, at most 40."
            )
        name = f"files/{name.removeprefix('files/')}"
        if name in self._files:
            raise RestError(409, f"The file {name} already exists.")
        return name

    def add(
        self,
        told: Metadata,
        path: Path,
        *,
        size: int,
        sha256: str,
        effects: list[RestEffect],
        now: float,
        processing_s: float,
        life_s: float,
    ) -> StoredFile:
        """Store a file whose bytes are all there; raise RestError if another took its name meanwhile."""
        self.check_name(told.name)
        life_s = min([life_s, *(one.after_s for one in effects if isinstance(one, Expire))])
        takes_s = processing_s if kind_of(told.mime_type) in _PROCESSED else 0.0
        file = StoredFile(
            name=told.name,
            display_name=told.display_name,
            mime_type=told.mime_type,
            size=size,
            sha256=sha256,
            path=path,
            created=datetime.now(UTC),
            active_at=float("inf") if Stick() in effects else now + takes_s,
            expires_at=now + life_s,
            life_s=life_s,
            failure=next((one.message for one in effects if isinstance(one, Fail)), ""),
        )
        self._files[file.name] = file
        return file

    def all(self, now: float) -> list[StoredFile]:
        """Return what is stored now, the oldest first."""
        for file in list(self._files.values()):
            if file.expires_at <= now:
                self.expire(file.name)
        return list(self._files.values())

    def get(self, name: str, now: float) -> StoredFile:
        """Return one file; raise RestError: 404 if it expired, 403 if there never was one."""
        found = next((file for file in self.all(now) if file.name == name), None)
        if found is not None:
            return found
        if name in self._gone:
            raise RestError(404, f"The file {name} has expired.")
        identity = name.removeprefix("files/")
        raise RestError(403, f"You do not have permission to access the File {identity} or it may not exist.")

    def expire(self, name: str) -> None:
        """Let a file expire now."""
        self._drop(name)
        self._gone[name] = None
        if len(self._gone) > _GONE_KEPT:
            del self._gone[next(iter(self._gone))]

    def delete(self, name: str, now: float) -> None:
        """Delete a file; raise RestError if there is none."""
        self.get(name, now)
        self._drop(name)

    def _drop(self, name: str) -> None:
        self._files.pop(name).path.unlink(missing_ok=True)


def name_in(uri: str) -> str:
    """Return files/ID of the address of a file; raise RestError for any other."""
    found = re.search(r"(?:^|/v1beta/)(files/[a-z0-9-]{1,40})$", uri)
    if found is None:
        raise RestError(400, f"Invalid or unsupported file uri: {uri}")
    return found[1]


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
