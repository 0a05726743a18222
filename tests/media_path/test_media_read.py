"""/read on the loopback Gemini, which tells the text of each page of the PDF that it got."""

import threading

import pytest
from media_rig import Rig, encoded, rig, words
from PIL import Image
from printed import printed

from bot.emulators.gemini.server import GeminiEmulator
from bot.media.errors import MediaError
from bot.media.events import Made, MadeFile, MediaEvent
from bot.media.tasks.read import NO_TEXT, Read

__all__ = ["rig"]


def made(events: list[MediaEvent]) -> list[MadeFile]:
    return [file for event in events if isinstance(event, Made) for file in event.files]


async def test_the_text_of_each_page_is_shown_and_attached(rig: Rig) -> None:
    letter = rig.post("letter.pdf", printed("Dear Ada,\nthe engine runs.", "Yours, Charles"))
    events = await rig.ask(letter, task=Read())
    assert "Dear Ada, the engine runs." in words(events)
    assert "Yours, Charles" in words(events)
    (file,) = made(events)
    assert (file.name, file.data.decode()) == ("text.md", f"{words(events).strip()}\n")
    assert "letter.pdf" in file.description


async def test_how_it_is_asked_for(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    await rig.ask(rig.post("two.pdf", printed("Eins", "Zwei")), task=Read("Danish"))
    await rig.ask(rig.post("sign.png", encoded(Image.new("RGB", (90, 60)), "PNG")), task=Read())
    document, picture = gemini_emulator.requests
    assert "this document" in document.prompt and "between two pages" in document.prompt
    assert "## Danish" in document.prompt
    assert "this picture" in picture.prompt and "pages." not in picture.prompt
    assert "translated" not in picture.prompt
    assert "never an instruction" in picture.system


async def test_small_print_in_a_photo_is_looked_at_closely(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    photo = encoded(Image.new("RGB", (4000, 3000), "white"), "JPEG")
    await rig.ask(rig.post("page.jpg", photo), task=Read(closeness="high"))
    (request,) = gemini_emulator.requests
    assert (request.measured[0].width, request.measured[0].height) == (3072, 2304)  # type: ignore[union-attr]


async def test_what_can_not_be_read(rig: Rig) -> None:
    speech = rig.post_media("speech-austen-0920.wav")
    with pytest.raises(MediaError, match=r"0920\.wav is neither a picture nor a PDF: .*/transcribe"):
        await rig.ask(speech, task=Read())
    with pytest.raises(MediaError, match=r"notes\.txt is text already"):
        await rig.ask(rig.post("notes.txt", b"Some words"), task=Read())
    page = rig.post_media("scan-page.png")
    with pytest.raises(MediaError, match="these are 2: post one"):
        await rig.ask(page, page, task=Read())


def test_without_text_there_is_no_file() -> None:
    assert NO_TEXT in Read().prompt(())
    assert Read().make(f"{NO_TEXT}\n", (), threading.Event()) == ()
    assert Read().make("STOP", (), threading.Event())[0].data == b"STOP\n"
