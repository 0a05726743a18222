"""The gateway's transport compressions: one stream a connection, flushed at the end of each message."""

import importlib
import zlib
from collections.abc import Callable
from typing import Any

Compressor = Callable[[bytes], bytes]


def compressor_for(name: str | None) -> Compressor | None:
    """Return what compresses a connection's messages; None where the client asked for none.

    Raises ValueError for a compression that is unknown, or that this Python has no library for.
    """
    if name is None:
        return None
    if name == "zlib-stream":
        return _zlib_stream()
    if name == "zstd-stream":
        return _zstd_stream()
    raise ValueError(f"unknown compression {name!r}")


def _zlib_stream() -> Compressor:
    stream = zlib.compressobj()

    def compress(message: bytes) -> bytes:
        return stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)

    return compress


def _zstd_stream() -> Compressor:
    """Use the library that discord.py would: `zstandard` where installed, else Python 3.14's own."""
    try:
        zstandard: Any = importlib.import_module("zstandard")
    except ImportError:
        return _standard_zstd_stream()
    stream = zstandard.ZstdCompressor().compressobj()

    def compress(message: bytes) -> bytes:
        return bytes(stream.compress(message) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    return compress


def _standard_zstd_stream() -> Compressor:
    try:
        zstd: Any = importlib.import_module("compression.zstd")
    except ImportError:
        raise ValueError("no zstd library is installed") from None
    stream = zstd.ZstdCompressor()

    def compress(message: bytes) -> bytes:
        return bytes(stream.compress(message, stream.FLUSH_BLOCK))

    return compress
