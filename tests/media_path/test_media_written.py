"""Text files in the encodings that people post them in; what is no text, or another document, is said."""

import asyncio
import gzip
import io
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.media.errors import MediaError
from bot.media.fit import Fitted, Fitter
from bot.media.sniff import CONTROLS, HEAD_BYTES, Kind, sniff
from bot.media.written import MAX_BYTES, decoded

NO_FILE = "thing is not a picture, video, recording, PDF or text: post one of these."
UNKNOWN = "thing is text in an encoding that is not known here: save it as UTF-8 and post it again."
DOCUMENT = "thing is a document that I can't open: save it as PDF and post that."
ARCHIVE = "thing is an archive: unpack it and post the files themselves."

letters = st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS.decode())
texts = st.text(letters).filter(lambda text: text.strip() and not text.startswith("\ufeff"))
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16"]


async def fitted(folder: Path, data: bytes) -> Fitted:
    path = folder / "0"
    path.write_bytes(data)
    return await Fitter().fit(path, "thing", None)


def content(made: Fitted) -> bytes:
    assert made.path is not None
    return made.path.read_bytes()


async def complaint(folder: Path, data: bytes) -> str:
    with pytest.raises(MediaError) as caught:
        await fitted(folder, data)
    return str(caught.value)


@settings(deadline=None)
@given(texts, st.sampled_from([*ENCODINGS, "utf-16-be"]))
def test_any_text_comes_through_whole(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    if encoding == "utf-16-be":
        data = b"\xfe\xff" + data
    assert decoded(data, "thing") == text
    assert sniff(data[:HEAD_BYTES]) is not None


@settings(max_examples=40, deadline=None)
@given(texts, st.sampled_from(ENCODINGS))
def test_files_of_any_text_reach_the_model_as_utf8(text: str, encoding: str) -> None:
    data = ("In short: " + text).encode(encoding)
    with tempfile.TemporaryDirectory() as folder:
        made = asyncio.run(fitted(Path(folder), data))
        assert content(made).decode() == "In short: " + text
    assert (made.mime_type, made.kind) == ("text/plain", Kind.TEXT)
    assert not (made.is_picture or made.is_video or made.is_sound)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: b"\xff\xfe" + data))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        text = decoded(data, "thing")
    except MediaError:
        return
    assert not set(text) & set(CONTROLS.decode())


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=400))
def test_any_file_is_fitted_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            asyncio.run(fitted(Path(folder), data))
        except MediaError as error:
            assert str(error).startswith("thing ") and "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "born": 1815}',
        "day;rain\nMonday;3,5\n",
        "<!doctype html><p>Hello</p>",
        'def look(head: bytes) -> bool:\n    return b"%PDF-" in head\n',
        "BMW builds cars.",
        "ID3 tags name songs.",
        "#EXTM3U\nfile:///etc/passwd",
        "\x1b[31mERROR\x1b[0m disk full\r\n\f",
        "Größe: 5 µm, 日本語, 🐈",
    ],
)
async def test_data_code_and_what_begins_like_something_else(tmp_path: Path, text: str) -> None:
    made = await fitted(tmp_path, text.encode())
    assert (content(made).decode(), made.mime_type) == (text, "text/plain")
    assert made.size == len(text.encode())


async def test_western_text_of_old_editors(tmp_path: Path) -> None:
    text = "Die Straße war naß, und Zoë sagte: „Das kostet 5 €.“"
    assert content(await fitted(tmp_path, text.encode("cp1252"))).decode() == text


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "iso8859-5"])
async def test_other_old_encodings_are_not_guessed(tmp_path: Path, encoding: str) -> None:
    assert await complaint(tmp_path, "Ждём Любимый мир Земли!".encode(encoding)) == UNKNOWN


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01" + bytes(200),
        b"words, and then " + bytes(4),
        b"#!/bin/sh\n" * 200 + b"\x1f\x8b\x08\0\x03",  # the first kilobyte is text
        b"\x07bell",
        b"\xff\xfe" + "a\0b".encode("utf-16-le"),
        b"\xff\xfea",
        b"\xff\xfe\x00\xd8",  # half a letter of two halves
        "no mark".encode("utf-16-le"),
    ],
)
async def test_what_only_looks_like_text(tmp_path: Path, data: bytes) -> None:
    assert await complaint(tmp_path, data) == NO_FILE


@pytest.mark.parametrize("data", [b" \n\t\n", b"\xef\xbb\xbf", b"\xff\xfe"])
async def test_text_without_any(tmp_path: Path, data: bytes) -> None:
    assert await complaint(tmp_path, data) == "thing holds no text: post one that does."


async def test_the_limit(tmp_path: Path) -> None:
    assert (await fitted(tmp_path, b"a" * MAX_BYTES)).size == MAX_BYTES
    assert await complaint(tmp_path, b"a" * (MAX_BYTES + 1)) == (
        "thing is larger than 1 MiB, the limit for text: post the part that matters."
    )


def packed(*names: str, **texts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, texts.get(name, "<xml/>"))
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        packed("[Content_Types].xml", "word/document.xml"),
        packed("_rels/.rels", "xl/workbook.xml"),
        packed("mimetype", mimetype="application/vnd.oasis.opendocument.text"),
        packed("mimetype", mimetype="application/epub+zip"),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        b"{\\rtf1\\ansi Hello}",
    ],
)
async def test_office_documents_are_told_how(tmp_path: Path, data: bytes) -> None:
    assert await complaint(tmp_path, data) == DOCUMENT


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        file.addfile(tarfile.TarInfo("a.txt"))
    return out.getvalue()


@pytest.mark.parametrize("data", [packed("a.txt"), packed(), tarred(), gzip.compress(b"hello", mtime=0)])
async def test_archives_are_told_how(tmp_path: Path, data: bytes) -> None:
    assert await complaint(tmp_path, data) == ARCHIVE
