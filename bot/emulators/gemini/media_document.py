"""Reading: the pages of a PDF, and text files."""

import io
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from bot.emulators.gemini.media_facts import DocumentFacts, TextFacts, UnreadableError

MOST_PAGES = 1000  # the real limit of a document
_MOST_TEXT = 200_000  # characters that are kept of a page, or of a text


def read_pdf(source: Path | bytes) -> DocumentFacts:
    """Return the text of each page; raise UnreadableError if it is no PDF, locked, or has too many pages."""
    try:
        reader = PdfReader(str(source) if isinstance(source, Path) else io.BytesIO(source))
        if reader.is_encrypted:
            raise UnreadableError("The document is encrypted and can't be processed.")
        count = len(reader.pages)
        if count > MOST_PAGES:
            raise UnreadableError(
                f"The document contains {count} pages which exceeds the limit of {MOST_PAGES}."
            )
        pages = tuple((page.extract_text() or "")[:_MOST_TEXT] for page in reader.pages)
    except (PyPdfError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # pypdf lets all of these out when objects are missing or of another type.
        raise UnreadableError("The document is corrupted and can't be processed.") from None
    if not pages:
        raise UnreadableError("The document has no pages.")
    return DocumentFacts(pages)


def read_text(source: Path | bytes) -> TextFacts:
    """Return a text; raise UnreadableError if it is not UTF-8."""
    try:
        if isinstance(source, Path):
            with source.open(encoding="utf-8-sig") as file:
                return TextFacts(file.read(_MOST_TEXT))
        return TextFacts(source.decode("utf-8-sig")[:_MOST_TEXT])
    except UnicodeDecodeError:
        raise UnreadableError("The text is not valid UTF-8.") from None
