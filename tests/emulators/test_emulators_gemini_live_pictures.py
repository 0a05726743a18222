"""What a Live session of the loopback Gemini sees: pictures are measured, told, remembered and billed."""

import hashlib
from typing import Any

import pytest
from gemini_rig import MARKS, TRANSCRIPTS, Rig, buzz, drawn, quiet

from bot.emulators.gemini.faults import Fault, Forget, Stall, Where
from bot.emulators.gemini.knobs import Knobs

SPEECH = buzz(1.0) + quiet(1.0)


def opened(knobs: Knobs | None = None, **fields: Any) -> Rig:
    rig = Rig(knobs=knobs)
    rig.setup(**TRANSCRIPTS, **fields)
    return rig


def marked(rig: Rig) -> None:
    rig.mark("activityStart")
    rig.audio(buzz(1.0))
    rig.mark("activityEnd")
    rig.run(60.0)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_measured_and_told(form: str) -> None:
    rig = opened()
    data = drawn("orange", "orange", "blue", size=(768, 512), form=form)
    rig.picture(data, f"image/{form.lower()}")
    rig.audio(SPEECH)
    rig.run(60.0)
    assert "I saw a picture of 768 by 512 pixels, mostly orange and blue. That was turn" in rig.words()
    (turn,) = rig.core.log.turns
    (picture,) = turn.pictures
    assert list(rig.core.log.pictures) == [picture]
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert (picture.mime_type, picture.size_bytes) == (f"image/{form.lower()}", len(data))
    assert picture.facts is not None
    assert (picture.facts.format, picture.facts.width, picture.facts.height) == (form, 768, 512)


def test_a_few_pictures_are_told_one_by_one() -> None:
    rig = opened()
    for colours in (("black",), ("red", "blue", "white"), ("red", "yellow", "green", "blue")):
        rig.picture(drawn(*colours))
    rig.audio(SPEECH)
    rig.run(60.0)
    assert "64 by 48 pixels, mostly black. I saw" in rig.words()
    assert "mostly white, red and blue. I saw" in rig.words()  # of equal shares: by the order of the names
    assert "mostly red, yellow and green. That" in rig.words()
    assert rig.words().count("I saw a picture") == 3


def test_a_video_is_summed_up() -> None:
    rig = opened()
    for number in range(12):
        rig.picture(drawn("green" if number < 6 else "blue", size=(640, 360), form="JPEG"), "image/jpeg")
        rig.run(1.0)
    rig.audio(SPEECH)
    rig.run(60.0)
    said = "I saw 12 pictures, the first mostly green, the last mostly blue, 640 by 360 pixels."
    assert said in rig.words()
    assert len(rig.core.log.turns[0].pictures) == 12
    assert {p.at for p in rig.core.log.pictures} == {1000.0 + number for number in range(12)}
    for number in range(5):
        rig.picture(drawn("red", size=(64, 48 + number)))
    rig.text("And now", complete=True)
    rig.run(60.0)
    assert "I saw 5 pictures, the first mostly red, the last mostly red, of several sizes." in rig.words()


@pytest.mark.parametrize(
    ("coverage", "seen"),
    [({}, 3), ({"turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY"}, 1)],
)
def test_pictures_around_an_activity_belong_to_the_next_turn(coverage: dict[str, str], seen: int) -> None:
    rig = opened(realtimeInputConfig={**MARKS["realtimeInputConfig"], **coverage})
    rig.picture(drawn("red"))
    rig.mark("activityStart")
    rig.audio(buzz(1.0))
    rig.picture(drawn("green"))
    rig.mark("activityEnd")
    rig.picture(drawn("blue"))  # after the end: it waits for the turn after
    rig.run(60.0)
    assert len(rig.core.log.turns[0].pictures) == min(seen, 2)
    marked(rig)
    assert [len(turn.pictures) for turn in rig.core.log.turns] == ([2, 1] if seen == 3 else [1, 0])
    assert len(rig.core.log.pictures) == 3
    assert rig.words().count("I saw a picture") == seen


def test_pictures_are_remembered_over_a_resumption_and_forgotten_with_the_context() -> None:
    first = opened(sessionResumption={})
    first.picture(drawn("orange"))
    first.picture(drawn("purple"))
    first.audio(SPEECH)
    first.run(60.0)
    first.audio(SPEECH)
    first.run(60.0)
    assert first.words().count("I saw a picture") == 2
    assert first.words().count("I remember 2 pictures, the last mostly purple.") == 1
    assert first.core.log.turns[1].pictures == ()
    handle = first.messages("sessionResumptionUpdate")[-1]["newHandle"]
    first.core.lost(1000)
    for name, faults, remembers in (("s2", [], True), ("s3", [Fault(Where.RESUME, Forget())], False)):
        rig = Rig(handles=first.handles, name=name, knobs=Knobs(faults=faults))
        rig.setup(sessionResumption={"handle": handle}, **TRANSCRIPTS)
        rig.audio(SPEECH)
        rig.run(60.0)
        assert ("I remember 2 pictures, the last mostly purple." in rig.words()) is remembers
        modalities = {one["modality"]: one["tokenCount"] for one in _bill(rig)["promptTokensDetails"]}
        assert modalities.get("IMAGE", 0) == (516 if remembers else 0)
        rig.core.lost(1000)


def test_compression_lets_the_oldest_pictures_go() -> None:
    rig = opened(contextWindowCompression={"triggerTokens": 1000, "slidingWindow": {"targetTokens": 500}})
    for colour in ("red", "green", "blue", "white"):
        rig.picture(drawn(colour))
    rig.audio(SPEECH)
    rig.run(60.0)
    rig.audio(SPEECH)
    rig.run(60.0)
    assert "I remember 1 picture, mostly white." in rig.words()


@pytest.mark.parametrize("data", [b"", b"abc", drawn("red")[:60], drawn("red", form="GIF")])
def test_what_is_no_picture_ends_the_session(data: bytes) -> None:
    rig = opened()
    rig.picture(data)
    assert rig.end == 1007
    assert rig.core.log.close_reason == "Unable to process input image."


@pytest.mark.parametrize("mime_type", ["image/gif", "image/heic", "image/bmp", "video/mp4", "", "image/*"])
def test_other_types_end_the_session(mime_type: str) -> None:
    rig = opened()
    rig.picture(drawn("red"), mime_type)
    assert rig.end == 1007
    assert not rig.core.log.pictures


def test_a_burst_is_taken_whole() -> None:
    rig = opened()
    for _ in range(100):
        rig.picture(drawn("red"))
    assert rig.end is None
    rig.audio(SPEECH)
    rig.run(60.0)
    assert "I saw 100 pictures" in rig.words()


def test_a_picture_can_be_lost() -> None:
    rig = opened(Knobs(faults=[Fault(Where.PICTURE_IN, Stall())]))
    rig.picture(drawn("red"))
    rig.picture(drawn("blue"))
    rig.audio(SPEECH)
    rig.run(60.0)
    assert "mostly blue" in rig.words()
    assert "red" not in rig.words()


def _bill(rig: Rig) -> dict[str, Any]:
    bill: dict[str, Any] = rig.messages("usageMetadata")[-1]
    return bill
