"""PDFs looked into, in a process of their own: see pdf_probe."""

import asyncio
import json
import sys
from pathlib import Path

from bot.media.errors import MediaError, UnfitError

PROBE = Path(__file__).with_name("pdf_probe.py")
PROBE_S = 30.0  # an honest file of 1,000 pages takes one; starting Python on a busy machine a few
MAX_PAGES = 1000  # Gemini's limit for a document
MAX_BYTES = 50 * 1024 * 1024  # likewise
# The machine may be busy or short of memory, or the file made to take for ever: nobody knows which.
LATER = "{name} could not be looked into: try again in a minute, or post another copy of it."


async def check_pdf(path: Path, name: str) -> int:
    """Return the number of pages; raise MediaError, which calls it `name`, where it can't be read."""
    if await asyncio.to_thread(_size, path) > MAX_BYTES:
        raise UnfitError(f"{name} is larger than 50 MiB, the limit for a PDF: split it.")
    found = await _probe(path, name)
    if found.get("problem") == "encrypted":
        raise UnfitError(f"{name} is locked with a password: unlock it and post it again.")
    pages = found.get("pages")
    if not isinstance(pages, int) or pages < 1:
        raise UnfitError(f"{name} is damaged or not really a PDF: post another copy of it.")
    if pages > MAX_PAGES:
        raise UnfitError(f"{name} has {pages} pages, and {MAX_PAGES} is the limit: split it.")
    return pages


async def _probe(path: Path, name: str) -> dict[str, object]:
    """Run the probe; whatever happens, its process has ended when this returns.

    Raises MediaError where it did not come to its end.
    """
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
    except TimeoutError as error:
        raise MediaError(LATER.format(name=name)) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if await process.wait() < 0:  # the system has ended it
        raise MediaError(LATER.format(name=name))
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _size(path: Path) -> int:
    return path.stat().st_size
