"""/transcribe: who said what when, and what came of it."""

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from media_rig import Rig, finished, rig, words
from pydantic_core import from_json

from bot.media.errors import MediaError
from bot.media.events import Made, MadeFile, TextWhole
from bot.media.fit import Fitted
from bot.media.sniff import Kind
from bot.media.tasks.table import from_json as task_of
from bot.media.tasks.table import to_json
from bot.media.tasks.transcribe import Transcribe

__all__ = ["rig"]

TALK = Fitted(Path("talk.ogg"), "talk.ogg", "audio/ogg", 9, "0", Kind.RECORDING, duration_s=65.0)
MEETING: dict[str, Any] = {
    "language": "German",
    "segments": [
        {"speaker": "Ada", "start": 0.5, "end": 4.25, "text": "Wir nehmen den Zug."},
        {"speaker": "Ada", "start": 4.5, "end": 8, "text": "Wer kauft die Karten?"},
        {"speaker": "Speaker 2", "start": 61, "end": 64.5, "text": "Ich, bis Freitag."},
    ],
    "summary": "They plan a trip.",
    "decisions": ["They take the train."],
    "action_items": [{"owner": "Speaker 2", "task": "Buy tickets", "deadline": "Friday"}, {"task": "Pack"}],
    "open_questions": ["Which hotel?"],
    "next_agenda": [],
}
SPOKEN = (
    "**[0:00] Ada:** Wir nehmen den Zug.\n"
    "**[0:04] Ada:** Wer kauft die Karten?\n"
    "**[1:01] Speaker 2:** Ich, bis Freitag."
)
CAME = (
    "They plan a trip.\n\n"
    "### Decisions\n- They take the train.\n\n"
    "### Action items\n- **Speaker 2**: Buy tickets (by Friday)\n- Pack\n\n"
    "### Open questions\n- Which hotel?"
)


def made(value: Any, task: Transcribe | None = None) -> dict[str, MadeFile]:
    return {file.name: file for file in (task or Transcribe()).make(value, [TALK], threading.Event())}


def test_the_schema_is_one_and_takes_what_is_asked_for() -> None:
    check = Draft202012Validator(Transcribe().schema)
    check.check_schema(check.schema)
    check.validate(MEETING)
    assert not Draft202012Validator(Transcribe("French").schema).is_valid(MEETING), "translations are missing"


def test_the_words_come_first() -> None:
    """So that they are seen while the rest is thought about."""
    names = list(Transcribe().schema["properties"])
    assert names.index("segments") < names.index("summary")


def test_it_can_be_kept_and_followed() -> None:
    task = Transcribe("French", "Ada, Grace")
    assert task_of(json.loads(json.dumps(to_json(task)))) == task
    assert task.prompt(())


def test_what_the_person_knows_is_in_the_prompt() -> None:
    assert "French" in Transcribe("French").prompt([TALK])
    assert "Ada, {Grace}" in Transcribe(None, "Ada, {Grace}").prompt([TALK])
    assert "65 s long" in Transcribe().prompt([TALK])


def test_words_are_shown_as_they_come_then_what_came_of_them_above() -> None:
    growing = {"language": "German", "segments": MEETING["segments"]}
    assert Transcribe().render(growing, [TALK]) == SPOKEN
    assert Transcribe().render(MEETING, [TALK]) == f"{CAME}\n\n### Transcript\n\n{SPOKEN}"


def test_a_message_has_no_minutes() -> None:
    short = {**MEETING, "summary": "", "decisions": [], "action_items": [], "open_questions": []}
    assert Transcribe().render(short, [TALK]) == SPOKEN


def test_translations_stand_below() -> None:
    segment = {**MEETING["segments"][0], "translation": "Nous prenons le train."}
    shown = Transcribe("French").render({"segments": [segment, MEETING["segments"][1]]}, [TALK])
    assert shown == (
        "**[0:00] Ada:** Wir nehmen den Zug.\n> Nous prenons le train.\n\n"
        "**[0:04] Ada:** Wer kauft die Karten?"
    )


def test_nothing_said_is_a_sentence() -> None:
    silent = {**MEETING, "segments": []}
    assert Transcribe().render(silent, [TALK]) == "No words can be heard in it."
    assert Transcribe().render({}, [TALK]) == ""
    assert made(silent) == {}


def test_a_growing_answer_loses_no_words() -> None:
    written = json.dumps(MEETING)
    before = 0
    for end in range(len(written)):
        try:
            shown = Transcribe().render(from_json(written[:end], allow_partial="trailing-strings"), [TALK])
        except ValueError:
            continue
        assert shown.count("**[") >= before
        before = shown.count("**[")
    assert before == 3


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([(0, 5), (70, 75)], "segments[1] (70 to 75 s) is not within the recording"),
        ([(30, 35), (10, 15)], "segments[1] (10 to 15 s) begins before 30 s"),
        ([(9, 3)], "segments[0] (9 to 3 s) ends before it begins"),
    ],
)
def test_times_are_held_against_the_recording(times: list[tuple[float, float]], told: str) -> None:
    segments = [{"speaker": "A", "start": start, "end": end, "text": "x"} for start, end in times]
    (problem,) = Transcribe().problems({"segments": segments}, [TALK])
    assert problem.startswith(told)


def test_people_may_talk_at_once() -> None:
    segments = [{"start": 0, "end": 20, "text": "x"}, {"start": 5, "end": 6, "text": "y"}]
    assert Transcribe().problems({"segments": segments}, [TALK]) == []
    assert Transcribe().problems(MEETING, [TALK]) == []


@pytest.mark.parametrize(
    ("name", "kind"), [("cat.png", Kind.PICTURE), ("book.pdf", Kind.DOCUMENT), ("notes.txt", Kind.TEXT)]
)
def test_what_has_no_sound_gets_a_sentence(name: str, kind: Kind) -> None:
    file = replace(TALK, name=name, kind=kind)
    with pytest.raises(MediaError) as error:
        Transcribe().check([file])
    assert (
        str(error.value) == f"{name} is neither a video nor a recording: transcripts are made of those only."
    )


def test_the_transcript_as_a_document() -> None:
    assert made(MEETING)["transcript.md"].data.decode() == (
        "# Transcript of talk.ogg\n\n"
        "- Length: 1:05\n- Language: German\n- Speakers: Ada, Speaker 2\n\n"
        f"{CAME}\n\n## Transcript\n\n" + SPOKEN.replace("\n", "\n\n") + "\n"
    )


def test_the_transcript_as_subtitles_names_who_begins_to_speak() -> None:
    assert made(MEETING)["transcript.srt"].data.decode() == (
        "1\r\n00:00:00,500 --> 00:00:04,250\r\nAda: Wir nehmen den Zug.\r\n\r\n"
        "2\r\n00:00:04,500 --> 00:00:08,000\r\nWer kauft die Karten?\r\n\r\n"
        "3\r\n00:01:01,000 --> 00:01:04,500\r\nSpeaker 2: Ich, bis Freitag.\r\n\r\n"
    )


def test_a_translation_is_in_the_document_and_as_subtitles() -> None:
    segment = {**MEETING["segments"][0], "translation": "Nous prenons le train."}
    files = made({**MEETING, "segments": [segment]}, Transcribe("French"))
    assert "Wir nehmen den Zug.\n> Nous prenons le train.\n" in files["transcript.md"].data.decode()
    assert "Wir nehmen" in files["transcript.srt"].data.decode()
    assert "Nous prenons le train." in files["translation.srt"].data.decode()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from([*MEETING, *MEETING["segments"][0]]), inner)
    ),
)
SEGMENT = st.fixed_dictionaries({}, optional=dict.fromkeys(("speaker", "start", "end", "text"), JSON))


@given(JSON | st.fixed_dictionaries({"segments": st.lists(SEGMENT)}))
def test_any_json_can_be_shown_judged_and_written(value: Any) -> None:
    for files in ([], [TALK], [replace(TALK, duration_s=None)]):
        assert isinstance(Transcribe().render(value, files), str)
        assert isinstance(Transcribe().problems(value, files), list)
        Transcribe().make(value, files, threading.Event())


async def test_a_recording_end_to_end(rig: Rig) -> None:
    """The model's times are those of the sound that it heard in the file."""
    source = rig.post_media("speech-austen-0920.wav")
    events = await rig.ask(source, task=Transcribe())
    shown = [event.text for event in events if isinstance(event, TextWhole)]
    assert re.search(r"\*\*\[0:00\] A voice at \d+ Hz:\*\* Part 1, from 00:00", shown[-1])
    files = {file.name: file for event in events if isinstance(event, Made) for file in event.files}
    assert list(files) == ["transcript.md", "transcript.srt"]
    heard = re.findall(r"(\d)\.(\d\d) to (\d)\.(\d\d) s", words(await rig.ask(source)))
    stamps = re.findall(
        r"00:00:0(\d),(\d\d)\d --> 00:00:0(\d),(\d\d)\d", files["transcript.srt"].data.decode()
    )
    assert heard and stamps == heard


async def test_of_a_film_few_frames_are_looked_at(rig: Rig) -> None:
    """What counts is heard: so long films cost little, and fit."""
    events = await rig.ask(rig.post_media("video-bunny.mp4"), task=Transcribe())
    assert any(isinstance(event, Made) for event in events), "it was heard"
    assert finished(events).usage.prompt_tokens < 5 * 263, "less than at a frame a second"
