"""PDFs looked into, in a process of their own: see pdf_probe."""

import asyncio
import json
import sys
from pathlib import Path

from bot.media.errors import MediaError

PROBE = Path(__file__).with_name("pdf_probe.py")
PROBE_S = 30.0  # an honest file of 1,000 pages takes one; starting Python on a busy machine a few
MAX_PAGES = 1000  # Gemini's limit for a document
MAX_BYTES = 50 * 1024 * 1024  # likewise


async def check_pdf(path: Path, name: str) -> int:
    """Return the number of pages; raise MediaError, which calls it `name`, where it can't be read."""
    if await asyncio.to_thread(_size, path) > MAX_BYTES:
        raise MediaError(f"{name} is larger than 50 MiB, the limit for a PDF: split it.")
    found = await _probe(path)
    if found.get("problem") == "encrypted":
        raise MediaError(f"{name} is locked with a password: unlock it and post it again.")
    pages = found.get("pages")
    if not isinstance(pages, int) or pages < 1:
        raise MediaError(f"{name} is damaged or not really a PDF: post another copy of it.")
    if pages > MAX_PAGES:
        raise MediaError(f"{name} has {pages} pages, and {MAX_PAGES} is the limit: split it.")
    return pages


async def _probe(path: Path) -> dict[str, object]:
    """Run the probe; whatever happens, its process has ended when this returns."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",  # nothing of the environment, nor of the folder that it stands in
        str(PROBE),
        str(path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PROBE_S):
            said, _ = await process.communicate()
        found = json.loads(said)
    except (TimeoutError, ValueError):
        return {}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return found if isinstance(found, dict) else {}


def _size(path: Path) -> int:
    return path.stat().st_size
