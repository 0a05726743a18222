"""The judge of the room with doctored outcomes: whatever went wrong there, it must say so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from demo_scenes import as_json, good_room, photo, saw

from bot.demo.judge_room import WHERE, judge_room, turns_of
from bot.demo.measure import FRAME
from bot.demo.results_room import shown, summary, transcript, write
from bot.demo.room import NOT_AGREED
from bot.demo.room_outcome import RoomOutcome
from bot.demo.turns import heard_turns

LOUD = 60  # a frame in the midst of a word, in each of the sentences


@pytest.fixture
def room() -> RoomOutcome:
    return good_room()


def missed(room: RoomOutcome) -> set[str]:
    return {check.name.removeprefix(WHERE) for check in judge_room(room).checks if not check.passed}


def places(room: RoomOutcome, kind: str) -> list[int]:
    return [n for n, entry in enumerate(room.record.passed) if entry.kind == kind]


def test_a_room_in_which_all_went_well_passes(room: RoomOutcome) -> None:
    assert missed(room) == set()
    verdict = judge_room(room)
    assert [turn.speaker for turn in verdict.turns] == ["Ada", "Ben", "Cara", "Ada", "Ben"]
    assert [answer.notice for answer in verdict.answers] == [True, False, False, False]
    assert len(verdict.checks) == 14


def test_the_words_of_the_real_gemini_are_not_judged(room: RoomOutcome) -> None:
    room.model_saw, room.captions = None, ["-# Earshot looked at photo-cat.png (from Ada)"]
    room.record.passed = [entry for entry in room.record.passed if not entry.kind.startswith("tool_")]
    assert missed(room) == set()
    assert len(judge_room(room).checks) == 11
    assert "look_closely" not in shown(room, judge_room(room))


def name_wrongly(room: RoomOutcome) -> None:
    at = next(n for n in places(room, "told") if "Cara" in room.record.passed[n].text)
    room.record.passed[at] = replace(room.record.passed[at], text="[Ben is speaking now.]")


def swap_names(room: RoomOutcome) -> None:
    ben, cara = "[Ben is speaking now.]", "[Cara is speaking now.]"
    for n in places(room, "told"):
        entry = room.record.passed[n]
        room.record.passed[n] = replace(entry, text={ben: cara, cara: ben}.get(entry.text, entry.text))


def tell_nobody(room: RoomOutcome) -> None:
    room.record.passed = [entry for entry in room.record.passed if "speaking" not in entry.text]


def lose_a_frame(room: RoomOutcome) -> None:
    del room.record.passed[places(room, "heard")[LOUD]]


def silence_a_frame(room: RoomOutcome) -> None:
    at = places(room, "heard")[LOUD]
    room.record.passed[at] = replace(room.record.passed[at], pcm=bytes(FRAME * 2))


def hear_more(room: RoomOutcome) -> None:
    """Give the model a turn that none of them spoke."""
    first = places(room, "activity_start")[0]
    last = places(room, "activity_end")[0]
    room.record.passed += room.record.passed[first : last + 1]


def hear_between(room: RoomOutcome) -> None:
    """Give the model a frame more within a turn."""
    at = places(room, "heard")[-1]
    room.record.passed.insert(at, room.record.passed[at])


def hear_nobody(room: RoomOutcome) -> None:
    room.record.passed = [entry for entry in room.record.passed if entry.kind != "heard"]


def open_one_packet(room: RoomOutcome) -> None:
    room.figures["unconsented"] -= 1


def count_nothing(room: RoomOutcome) -> None:
    room.figures.clear()


def let_dan_be_silent(room: RoomOutcome) -> None:
    room.to_bot, room.figures["unconsented"] = {NOT_AGREED: 0}, 0.0


def say_no_notice(room: RoomOutcome) -> None:
    room.record.passed = [entry for entry in room.record.passed if "come into the channel" not in entry.text]


def cut_the_notice(room: RoomOutcome) -> None:
    at = places(room, "ended")[0]
    room.record.passed[at] = replace(room.record.passed[at], kind="interrupted")


def miss_a_frame(room: RoomOutcome) -> None:
    room.heard_frames = {**room.heard_frames, "Cara": 403}


def send_in_clear(room: RoomOutcome) -> None:
    room.sent[5] = replace(room.sent[5], fields={"encrypted": False})


def speak_in_clear(room: RoomOutcome) -> None:
    room.sent_by_bot[5] = replace(room.sent_by_bot[5], fields={"encrypted": False})


def show_nothing(room: RoomOutcome) -> None:
    del room.record.passed[places(room, "shown")[0]]
    room.model_saw = []


def show_twice(room: RoomOutcome) -> None:
    at = places(room, "shown")[0]
    room.record.passed.insert(at, room.record.passed[at])


def show_another(room: RoomOutcome) -> None:
    at = places(room, "shown")[0]
    other = photo("photo-coffee.png")
    room.record.passed[at] = replace(room.record.passed[at], body=other)
    room.model_saw = saw(other)


def never_look(room: RoomOutcome) -> None:
    room.record.passed = [entry for entry in room.record.passed if not entry.kind.startswith("tool_")]


def look_in_vain(room: RoomOutcome) -> None:
    at = places(room, "tool_answered")[0]
    room.record.passed[at] = replace(room.record.passed[at], body=as_json({"error": "It failed."}))


def tell_nothing(room: RoomOutcome) -> None:
    at = places(room, "said_text")[-1]
    room.record.passed[at] = replace(room.record.passed[at], text="I know nothing.")


def stop_too_early(room: RoomOutcome) -> None:
    """Let only a third of the last answer be heard."""
    del room.sent_by_bot[-70:]
    room.heard_frames = {name: len(room.sent_by_bot) for name in room.heard_frames}


def caption_wrongly(room: RoomOutcome) -> None:
    at = next(n for n, line in enumerate(room.captions) if line.startswith("**Cara:"))
    room.captions[at] = room.captions[at].replace("Cara", "Ada")


def caption_dan(room: RoomOutcome) -> None:
    room.captions.append(f"**{NOT_AGREED}:** [speech, 3.0 s, 85 Hz]")


def caption_no_picture(room: RoomOutcome) -> None:
    room.captions = [line for line in room.captions if "looked at" not in line]


def take_turns(room: RoomOutcome) -> None:
    """Have them speak one after the other."""
    for number, line in enumerate(room.lines):
        frames = [replace(frame, at=frame.at + 20.0 * number) for frame in line.utterance.frames]
        line.utterance = replace(line.utterance, frames=frames)
    room.shown_at += 200.0


NAMES, REACHED, OTHER = (
    "sentences under the right name",
    "20 ms frames that reached Live",
    "other frames that reached Live",
)
PLACE, OPENED, NOTICE = (
    "frames silent or out of place",
    f"{NOT_AGREED}'s packets that were opened",
    "notice that it is an AI, unasked",
)
HEARD, CLEAR = "frames of answers that each heard", "voiced datagrams not under DAVE"
SHOWN, MEASURED = "pictures that reached Live", "size and colour that were measured"
LOOKS, CAPTIONS, NOTED = (
    "close looks called, made, told",
    "captions under the right name",
    "captions of the picture",
)
FAULTS: dict[str, tuple[Callable[[RoomOutcome], None], set[str]]] = {
    "a wrong name": (name_wrongly, {NAMES, REACHED}),
    "two names swapped": (swap_names, {REACHED, PLACE}),
    "no names": (tell_nobody, {NAMES, REACHED, OTHER, PLACE}),
    "a lost frame": (lose_a_frame, {REACHED}),
    "a silenced frame": (silence_a_frame, {PLACE}),
    "a turn of nobody's": (hear_more, {NAMES, OTHER}),
    "a frame twice": (hear_between, {REACHED}),
    "nothing heard": (hear_nobody, {REACHED}),
    "a packet opened": (open_one_packet, {OPENED}),
    "not known how many": (count_nothing, {OPENED}),
    "nobody to drop": (let_dan_be_silent, {OPENED}),
    "no notice": (say_no_notice, {NOTICE}),
    "a notice cut off": (cut_the_notice, {NOTICE}),
    "a frame that one missed": (miss_a_frame, {HEARD}),
    "a person in clear": (send_in_clear, {CLEAR}),
    "the bot in clear": (speak_in_clear, {CLEAR}),
    "nothing shown": (show_nothing, {SHOWN, MEASURED}),
    "shown twice": (show_twice, {SHOWN}),
    "another photo": (show_another, {SHOWN, MEASURED}),
    "no closer look": (never_look, {LOOKS}),
    "a closer look in vain": (look_in_vain, {LOOKS}),
    "a result untold": (tell_nothing, {LOOKS}),
    "a result cut off": (stop_too_early, {LOOKS}),
    "a caption under a wrong name": (caption_wrongly, {CAPTIONS}),
    "a caption of who did not agree": (caption_dan, {CAPTIONS}),
    "no caption of the picture": (caption_no_picture, {NOTED}),
    "one after the other": (take_turns, {"time in which several spoke"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails(room: RoomOutcome, fault: str) -> None:
    doctor, expected = FAULTS[fault]
    doctor(room)
    assert expected <= missed(room)


def test_turns_go_to_people_in_the_order_of_their_sentences(room: RoomOutcome) -> None:
    turns = heard_turns(room.record)
    given = turns_of(room.lines, turns)
    assert given == turns
    assert turns_of(room.lines, turns[:3]) == [*turns[:3], None, None]
    assert turns_of(room.lines, []) == [None] * 5


@pytest.mark.parametrize("fault", ["no names", "nothing heard", "nothing shown", "no closer look"])
def test_what_went_wrong_is_written_all_the_same(room: RoomOutcome, fault: str, tmp_path: Path) -> None:
    FAULTS[fault][0](room)
    verdict = judge_room(room)
    write(room, verdict, tmp_path)
    assert (tmp_path / "room.png").exists()
    assert "not heard: did not agree" in transcript(room, verdict)
    assert summary(room, verdict)["packets_dropped_before_decryption"] == 300
