"""Counts the pages of a PDF, as a program of its own: `pdf_probe.py FILE` prints one JSON object.

pypdf is written in Python, so in a thread it would hold the GIL against the voice, and a hostile file could
keep it busy for ever. A process can be ended, and has its own memory.
"""

import json
import logging
import sys

from pypdf import PasswordType, PdfReader
from pypdf.errors import PyPdfError

MEMORY_BYTES = 1 << 30  # a small file may unpack into anything
CPU_S = 20


def limit() -> None:
    """Bound this process, where the system can."""
    try:
        import resource
    except ImportError:
        return  # Windows: the parent's time limit remains
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def look(path: str) -> dict[str, object]:
    """Return `{"pages": n}`, or `{"problem": "encrypted" | "broken"}`."""
    try:
        reader = PdfReader(path)
        # Many files are encrypted only against changes, and open with an empty password.
        if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
            return {"problem": "encrypted"}
        return {"pages": len(reader.pages)}
    except NotImplementedError:  # an encryption that pypdf has not
        return {"problem": "encrypted"}
    except (PyPdfError, OSError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return {"problem": "broken"}
    except (RecursionError, MemoryError):
        return {"problem": "broken"}


if __name__ == "__main__":
    logging.disable()  # pypdf reports each oddity of a file
    limit()
    print(json.dumps(look(sys.argv[1])))
