"""Recordings and documents as a model is to get them, and what came of a request."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.media.events import Made, MadeFile, MediaEvent, TextWhole
from bot.media.fit import Fitted, Fitter
from bot.media.sniff import Kind

HOUR = Fitted(Path("film.mp4"), "film.mp4", "video/mp4", 9, "0", Kind.RECORDING, duration_s=3600.0)
MINUTE = replace(HOUR, duration_s=60.0)
ONLINE = replace(HOUR, path=None, name="youtu.be/-", duration_s=None)
SPEECH = replace(HOUR, name="speech.wav", mime_type="audio/wav")
PAGES = replace(
    HOUR, name="book.pdf", mime_type="application/pdf", kind=Kind.DOCUMENT, duration_s=None, pages=9
)
PICTURE = replace(HOUR, name="cat.png", mime_type="image/png", kind=Kind.PICTURE, duration_s=None)
ADDRESS = "https://www.youtube.com/watch?v=aqz-KE-bpKQ"


def chapter(start: float, end: float, title: str = "A title", summary: str = "It happens.") -> dict[str, Any]:
    return {"start": start, "end": end, "title": title, "summary": summary}


THREE = {
    "summary": "A rabbit wakes up.",
    "chapters": [chapter(0, 20, "Waking"), chapter(20, 41.5, "The meadow"), chapter(41.5, 60, "Credits", "")],
}


def made(events: list[MediaEvent]) -> dict[str, MadeFile]:
    return {file.name: file for event in events if isinstance(event, Made) for file in event.files}


def whole(events: list[MediaEvent]) -> str:
    return [event.text for event in events if isinstance(event, TextWhole)][-1]


async def fitted(folder: Path, data: bytes, name: str = "film.mp4") -> Fitted:
    path = folder / "0"
    path.write_bytes(data)
    return await Fitter().fit(path, name, None)
