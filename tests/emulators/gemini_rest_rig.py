"""What the tests of the loopback Gemini's REST half share: a client, and media made by hand."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from google import genai
from google.genai import types
from PIL import Image, ImageDraw

from bot.emulators.gemini.server import GeminiEmulator

KIT = Path(__file__).parents[1] / "media"
FLASH = "gemini-3.8-flash"
LITE = "gemini-3.5-flash-lite"


@asynccontextmanager
async def client_of(gemini: GeminiEmulator, key: str | None = None) -> AsyncIterator[genai.Client]:
    options = types.HttpOptions(base_url=gemini.base_url, api_version="v1beta")
    client = genai.Client(api_key=key or gemini.api_key, http_options=options)
    try:
        yield client
    finally:
        await client.aio.aclose()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the server is another program, as far as a client can see
            await asyncio.sleep(0.01)


def kit(name: str, mime_type: str) -> types.Part:
    return types.Part.from_bytes(data=(KIT / name).read_bytes(), mime_type=mime_type)


def part(data: bytes, mime_type: str) -> types.Part:
    return types.Part.from_bytes(data=data, mime_type=mime_type)


async def ask(
    client: genai.Client, *parts: types.Part | str, model: str = FLASH, **config: Any
) -> types.GenerateContentResponse:
    settings = types.GenerateContentConfig.model_validate(config)
    contents: list[types.PartUnion] = [*parts]
    return await client.aio.models.generate_content(model=model, contents=contents, config=settings)


def picture(form: str = "PNG", size: tuple[int, int] = (400, 200), *, orientation: int = 1) -> bytes:
    """A white picture with a red box: y from 30 % to 90 %, x from 25 % to 75 %."""
    image = Image.new("RGB", size, "white")
    width, height = size
    ImageDraw.Draw(image).rectangle(
        (width // 4, height * 3 // 10, width * 3 // 4 - 1, height * 9 // 10 - 1), fill="red"
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, form, exif=exif)
    return buffer.getvalue()


def tone(seconds: float, *, amplitude: float = 0.5, rate_hz: int = 16_000, silent: float = 0.0) -> bytes:
    """A WAV of a 440 Hz tone after some silence."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = np.rint(32767 * amplitude * np.sin(2 * np.pi * 440 * at)).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(bytes(round(silent * rate_hz) * 2) + samples.tobytes())
    return buffer.getvalue()


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        font = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {font} /Contents {5 + 2 * index} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    document, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(document)}\n%%EOF\n"
    return (document + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}").encode("latin-1")
