"""The emulated CDN: attachments behind signed links that expire, as Discord's do."""

import hashlib
import hmac
import mimetypes
import secrets
import struct
import time
from collections.abc import Callable
from urllib.parse import quote

from bot.emulators.discord.model import Attachment, Upload

HOST = "cdn.discordapp.com"
PROXY_HOST = "media.discordapp.net"
LINK_LIFE_S = 24 * 3600  # a real link is good for about a day
_SHARED_TYPES = {".ogg": "audio/ogg", ".opus": "audio/ogg", ".webp": "image/webp", ".md": "text/markdown"}


class Cdn:
    """Keeps what was uploaded and signs links to it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._files: dict[int, Attachment] = {}

    def store(self, upload: Upload, *, attachment_id: int, channel_id: int, ephemeral: bool) -> Attachment:
        """Keep an uploaded file and return it as an attachment."""
        attachment = Attachment(
            id=attachment_id,
            channel_id=channel_id,
            filename=upload.filename,
            data=upload.data,
            content_type=content_type_of(upload.filename),
            description=upload.description,
            duration_secs=upload.duration_secs,
            waveform=upload.waveform,
            ephemeral=ephemeral,
            size=picture_size(upload.data),
        )
        self._files[attachment_id] = attachment
        return attachment

    def url(self, attachment: Attachment, host: str = HOST) -> str:
        """Return a fresh link, good for a day from now."""
        issued = int(self._clock())
        expires = issued + LINK_LIFE_S
        path = _path(attachment)
        signature = self._sign(path, expires, issued)
        return f"https://{host}{path}?ex={expires:x}&is={issued:x}&hm={signature}&"

    def open(self, path: str, *, expires: str, issued: str, signature: str) -> Attachment | None:
        """Return the file behind a link, or None where the link is forged, expired or unknown."""
        try:
            expires_at, issued_at = int(expires, 16), int(issued, 16)
            attachment = self._files[int(path.split("/")[3])]
        except (ValueError, IndexError, KeyError):
            return None
        expected = self._sign(_path(attachment), expires_at, issued_at)
        if not hmac.compare_digest(expected.encode(), signature.encode()) or expires_at < self._clock():
            return None
        return attachment

    def _sign(self, path: str, expires: int, issued: int) -> str:
        text = f"{path}|{expires}|{issued}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def _path(attachment: Attachment) -> str:
    folder = "ephemeral-attachments" if attachment.ephemeral else "attachments"
    return f"/{folder}/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"


def content_type_of(filename: str) -> str | None:
    """Return the type that the name suggests; what the sender claims counts for nothing, as with Discord."""
    suffix = f".{filename.rpartition('.')[2].lower()}"
    if suffix in _SHARED_TYPES:
        return _SHARED_TYPES[suffix]
    guessed, _ = mimetypes.guess_type(filename)
    return f"{guessed}; charset=utf-8" if guessed and guessed.startswith("text/") else guessed


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels from the header of a PNG, GIF or JPEG; None for anything else."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    return _jpeg_size(data) if data[:2] == b"\xff\xd8" else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments to the first start-of-frame, which holds height and width."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # these three are tables
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
