"""What is copied to YouTube, and subtitles: YouTube's rules, and how they are held against the film."""

import io
import re
import threading
from dataclasses import replace
from typing import Any

import av
import pytest
from media_rig import Rig, rig, words
from summarize_rig import MINUTE, THREE, chapter, made, whole

from bot.media.tasks.captions import Captions
from bot.media.tasks.youtube import YouTube

__all__ = ["rig"]

TOO_MUCH_DESCRIBED = "description, chapters included, is longer than 5000 bytes in UTF-8"
SIGNS = "the title, the description or a chapter's title holds < or >, which YouTube does not take"


def complete(**changes: Any) -> dict[str, Any]:
    value = {
        "title": "Big Buck Bunny",
        "description": "A rabbit.\n\nBy Blender.",
        "chapters": THREE["chapters"],
        "tags": ["a", "b"],
    }
    return {**value, **changes}


def test_what_is_copied_to_youtube() -> None:
    assert YouTube().render(complete(), [MINUTE]) == (
        "**Title**\n```text\nBig Buck Bunny\n```\n\n"
        "**Description**\n```text\nA rabbit.\n\nBy Blender.\n\n"
        "0:00 Waking\n0:20 The meadow\n0:41 Credits\n```\n\n"
        "**Tags**\n```text\na, b\n```"
    )
    assert "````text" in YouTube().render(complete(title="```"), [MINUTE])
    assert YouTube().problems(complete(tags=["x" * 99] * 5), [MINUTE]) == [], "499 with their commas"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": "x" * 101}, "title is longer than 100 characters"),
        ({"description": "x" * 4990}, TOO_MUCH_DESCRIBED),
        ({"description": "я" * 2500}, TOO_MUCH_DESCRIBED),
        ({"tags": ["x" * 99] * 6}, "tags are longer than 500 characters together"),
        ({"tags": ["x y" * 33] * 5}, "tags are longer than 500 characters together"),
        ({"title": "a <b>"}, SIGNS),
        ({"chapters": [*THREE["chapters"][:2], chapter(41, 60, "The <end>")]}, SIGNS),
        (
            {"chapters": [chapter(0, 30), chapter(30, 60)]},
            "there are 2 chapters, and YouTube wants at least 3",
        ),
        (
            {"chapters": [chapter(3, 23), chapter(23, 40), chapter(40, 60)]},
            "the first chapter does not start at 0",
        ),
        (
            {"chapters": [chapter(0, 20), chapter(20, 29), chapter(29, 60)]},
            "chapters[1] is shorter than 10 s: join it to another",
        ),
    ],
)
def test_youtubes_rules(changes: dict[str, Any], told: str) -> None:
    assert YouTube().problems(complete(), [MINUTE]) == []
    assert YouTube().problems(complete(**changes), [MINUTE]) == [told]


def test_a_film_too_short_for_youtubes_chapters_has_them_all_the_same() -> None:
    short = replace(MINUTE, duration_s=6.0)
    value = complete(chapters=[chapter(0, 2), chapter(2, 4), chapter(4, 6)])
    assert YouTube().problems(value, [short]) == []
    assert (
        YouTube()
        .render(value, [short])
        .endswith("*YouTube shows no chapters in this one: it wants at least 3 of 10 seconds or more.*")
    )
    assert "YouTube shows" not in YouTube().render(complete(), [MINUTE])


# Subtitles


async def test_subtitles_of_a_recording_end_to_end(rig: Rig) -> None:
    events = await rig.ask(rig.post_media("speech-austen-0920.wav"), task=Captions())
    file = made(events)["subtitles.srt"]
    with av.open(io.BytesIO(file.data), format="srt") as read:
        stream = read.streams.subtitles[0]
        packets = [packet for packet in read.demux(stream) if packet.pts is not None]
        spans = [
            (float(p.pts * stream.time_base), float((p.pts + p.duration) * stream.time_base)) for p in packets
        ]
    heard = await rig.ask(rig.post_media("speech-austen-0920.wav"))
    measured = re.findall(r"(\d+\.\d\d) to (\d+\.\d\d) s", words(heard))
    assert measured and len(measured) == len(spans)
    for (start, end), (begins, ends) in zip(spans, measured, strict=True):
        assert start == pytest.approx(float(begins), abs=0.01)
        assert end == pytest.approx(float(ends), abs=0.01)
    assert "Part 1, from 00:00" in whole(events)


def test_subtitles_are_shown_and_held_against_the_recording() -> None:
    value = {
        "cues": [
            {"start": 1, "end": 2.5, "text": "He was not"},
            {"start": 2, "end": 4, "text": "ill disposed"},
        ]
    }
    assert Captions().render(value, [MINUTE]) == "`0:01` He was not\n`0:02` ill disposed"
    assert Captions().problems(value, [MINUTE]) == []
    late = {"cues": [{"start": 90, "end": 95, "text": "x"}]}
    assert "not within" in Captions().problems(late, [MINUTE])[0]
    assert (
        Captions().render({"cues": []}, [MINUTE]) == "No words can be heard in it, so there are no subtitles."
    )
    assert Captions().render({}, [MINUTE]) == ""
    assert Captions().make({"cues": []}, [MINUTE], threading.Event()) == ()
