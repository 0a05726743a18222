"""The judge of the demo with doctored outcomes: whatever was not heard, it must say so."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demo_scenes import ANSWER, FRAME_S, datagram, good_room, later, notice, spoken
from markdown_it import MarkdownIt
from PIL import Image

from bot.demo.gallery import Exhibit
from bot.demo.judge import BARS, judge
from bot.demo.measure import FRAME
from bot.demo.plot_style import FIGURES
from bot.demo.results import summary, write
from bot.demo.scene import INTERRUPTED, Outcome
from bot.demo.speech import SENTENCES, Line
from bot.emulators.gemini.record import Passed, Record

THINK_S = 0.3
TURN_S = 20.0  # from the begin of one sentence to that of the next


# Of what the bot measured itself; what is seen from outside it is of 5 answers and every frame.
SAMPLES = {"mouth_to_live samples": 321.0, "live_to_ear samples": 3.0, "barge_in samples": 1.0}


@pytest.fixture
def outcome() -> Outcome:
    """A call, and a room, in which all went well."""
    passed, sent = notice(95.0)
    lines = []
    for number, (file, text) in enumerate(SENTENCES):
        said, heard = spoken(file)
        start = 100.0 + number * TURN_S
        lines.append(Line("Ada", text, later(said, start)))
        chunks = [pcm.tobytes() for pcm in heard.reshape(-1, FRAME)]
        if number == INTERRUPTED + 1:
            passed.append(Passed(start + 0.05, 1, "interrupted"))
        passed.append(Passed(start, 1, "activity_start"))
        passed += [Passed(start + n * FRAME_S + 0.001, 1, "heard", pcm=pcm) for n, pcm in enumerate(chunks)]
        first = lines[-1].utterance.ended_at + THINK_S
        passed.append(Passed(first - THINK_S, 1, "activity_end"))
        passed.append(Passed(first, 1, "said", pcm=ANSWER))
        passed.append(Passed(first + 0.1, 1, "said_text", text="I heard you."))
        frames = 101
        if number == INTERRUPTED:
            frames = 60
        else:
            passed.append(Passed(first + 2.0, 1, "ended"))
        sent += [datagram(first + 0.01 + n * FRAME_S) for n in range(frames)]
    figures = {f"{name} p{percent}": bar for name, percent, bar in BARS}
    return Outcome(
        name="Ada",
        started=94.0,
        ended=165.0,
        lines=lines,
        record=Record(passed),
        sent_by_person=[datagram(frame.at) for line in lines for frame in line.utterance.frames],
        sent_by_bot=sent,
        heard_frames=len(sent),
        undecryptable=0,
        recording=np.zeros(48_000 * 71, np.int16),
        figures={**figures, **SAMPLES, "missing": 0.0, "undecrypted": 0.0},
        room=good_room(),
        exhibits=[
            Exhibit("/find", "1. a cup", (("found.png", b""), ("boxes.json", b""))),
            Exhibit("/summarize", "Chapters", (("chapters.jpg", b""),)),
        ],
        exit_code=0,
    )


def missed(outcome: Outcome) -> set[str]:
    return {check.name for check in judge(outcome).checks if not check.passed}


def test_a_call_in_which_all_went_well_passes(outcome: Outcome) -> None:
    assert missed(outcome) == set()
    assert judge(outcome).passed


def heard(outcome: Outcome, turn: int) -> list[int]:
    """Return the places in the record of a turn's audio."""
    passed = outcome.record.passed
    turns = [n for n, entry in enumerate(passed) if entry.kind == "activity_start"] + [len(passed)]
    return [n for n in range(turns[turn], turns[turn + 1]) if passed[n].kind == "heard"]


def undrawn(outcome: Outcome) -> None:
    outcome.exhibits[0] = replace(outcome.exhibits[0], files=(("boxes.json", b""),))


def put(outcome: Outcome, place: int, pcm: bytes) -> None:
    outcome.record.passed[place] = replace(outcome.record.passed[place], pcm=pcm)


LOUD = 60  # a frame in the midst of a word, in each of the sentences


def lose(outcome: Outcome) -> None:
    del outcome.record.passed[heard(outcome, 1)[LOUD]]


def lose_one_and_double_another(outcome: Outcome) -> None:
    passed = outcome.record.passed
    twice = heard(outcome, 2)[LOUD]
    passed.insert(twice, passed[twice])
    lose(outcome)


def silence(outcome: Outcome) -> None:
    put(outcome, heard(outcome, 0)[LOUD], bytes(FRAME * 2))


def swap(outcome: Outcome) -> None:
    first, *_, second = heard(outcome, 0)[LOUD : LOUD + 5]
    passed = outcome.record.passed
    one, other = passed[first].pcm, passed[second].pcm
    put(outcome, first, other)
    put(outcome, second, one)


def soften(outcome: Outcome) -> None:
    for place in heard(outcome, 2):
        quieter = np.frombuffer(outcome.record.passed[place].pcm, np.int16) // 2
        put(outcome, place, quieter.astype(np.int16).tobytes())


def drop_a_turn(outcome: Outcome) -> None:
    first = [n for n, entry in enumerate(outcome.record.passed) if entry.kind == "activity_start"][1]
    last = [n for n, entry in enumerate(outcome.record.passed) if entry.kind == "activity_end"][1]
    del outcome.record.passed[first : last + 1]


def drop_every_turn(outcome: Outcome) -> None:
    kinds = {"activity_start", "heard", "activity_end"}
    outcome.record.passed = [entry for entry in outcome.record.passed if entry.kind not in kinds]


def split_a_turn(outcome: Outcome) -> None:
    place = heard(outcome, 1)[LOUD]
    at = outcome.record.passed[place].at
    outcome.record.passed[place:place] = [Passed(at, 1, "activity_end"), Passed(at, 1, "activity_start")]


def drop_an_answer(outcome: Outcome) -> None:
    place = max(n for n, entry in enumerate(outcome.record.passed) if entry.kind == "said")
    del outcome.record.passed[place]


def never_interrupt(outcome: Outcome) -> None:
    outcome.record.passed = [entry for entry in outcome.record.passed if entry.kind != "interrupted"]


def break_an_answer_off(outcome: Outcome) -> None:
    del outcome.sent_by_bot[-5:]
    outcome.heard_frames -= 5


def play_an_answer_twice(outcome: Outcome) -> None:
    last = outcome.sent_by_bot[-1].at
    outcome.sent_by_bot += [datagram(last + n * FRAME_S) for n in range(1, 101)]
    outcome.heard_frames += 100


def send_nothing(outcome: Outcome) -> None:
    outcome.sent_by_bot.clear()
    outcome.heard_frames = 0


def bot_in_clear(outcome: Outcome) -> None:
    outcome.sent_by_bot[7] = datagram(outcome.sent_by_bot[7].at, encrypted=False)


def person_in_clear(outcome: Outcome) -> None:
    outcome.sent_by_person[7] = datagram(outcome.sent_by_person[7].at, encrypted=False)


def person_misses_one(outcome: Outcome) -> None:
    outcome.heard_frames -= 1


def person_cannot_decrypt(outcome: Outcome) -> None:
    outcome.undecryptable = 1


def figure(name: str, value: float | None) -> Callable[[Outcome], None]:
    def change(outcome: Outcome) -> None:
        outcome.figures.pop(name)
        if value is not None:
            outcome.figures[name] = value

    return change


def exits_with(code: int) -> Callable[[Outcome], None]:
    def change(outcome: Outcome) -> None:
        outcome.exit_code = code

    return change


def say_no_notice(outcome: Outcome) -> None:
    outcome.record.passed = [entry for entry in outcome.record.passed if entry.kind != "told"]


def go_wrong_in_the_room(outcome: Outcome) -> None:
    outcome.room.figures["unconsented"] = 0.0


REACHED, PLACE = "20 ms frames that reached Live", "frames silent or out of place"
TURNS, ANSWERS = "sentences heard as turns", "answers"
SENT, HEARD = "frames of whole answers that were sent", "frames of answers that Ada heard"
CLEAR, MADE_UP = "voiced datagrams not under DAVE", "frames that had to be made up"
UNDECRYPTED = "frames the bot could not decrypt"
FAULTS: dict[str, tuple[Callable[[Outcome], None], set[str]]] = {
    "nothing drawn": (undrawn, {"answers that came with a picture"}),
    "a lost frame": (lose, {REACHED, PLACE}),
    "one lost, another doubled": (lose_one_and_double_another, {REACHED, PLACE}),
    "a frame of silence": (silence, {PLACE}),
    "two frames swapped": (swap, {PLACE}),
    "half the level": (soften, {"level difference"}),
    "a missing turn": (drop_a_turn, {TURNS, REACHED}),
    "nothing heard": (drop_every_turn, {TURNS, REACHED, PLACE, "level difference"}),
    "a turn in two": (split_a_turn, {TURNS, REACHED}),
    "a missing answer": (drop_an_answer, {ANSWERS}),
    "no notice that it is an AI": (say_no_notice, {"notice that it is an AI, unasked", ANSWERS}),
    "somebody heard who did not agree": (go_wrong_in_the_room, {"room: Dan's packets that were opened"}),
    "no interruption": (never_interrupt, {"answers interrupted"}),
    "an answer broken off": (break_an_answer_off, {SENT}),
    "an answer played twice": (play_an_answer_twice, {SENT}),
    "nothing sent": (send_nothing, {SENT, HEARD}),
    "the bot in clear": (bot_in_clear, {CLEAR}),
    "the person in clear": (person_in_clear, {CLEAR}),
    "one not heard": (person_misses_one, {HEARD}),
    "one not decrypted by the person": (person_cannot_decrypt, {HEARD}),
    "one not decrypted by the bot": (figure("undecrypted", 1.0), {UNDECRYPTED}),
    "not known how many": (figure("undecrypted", None), {UNDECRYPTED}),
    "one made up": (figure("missing", 1.0), {MADE_UP}),
    "an exit code": (exits_with(1), {"exit code of the bot"}),
    "a killed bot": (exits_with(-9), {"exit code of the bot"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails(outcome: Outcome, fault: str) -> None:
    doctor, expected = FAULTS[fault]
    doctor(outcome)
    verdict = judge(outcome)
    assert not verdict.heard
    assert expected <= missed(outcome)
    told = summary(outcome, verdict)
    assert (told["heard"], told["passed"]) == (False, False)


def test_the_bots_figures_are_told_with_its_own_samples(outcome: Outcome, tmp_path: Path) -> None:
    verdict = judge(outcome)
    assert verdict.on_the_wire["mouth_to_live"].count != 321
    told = summary(outcome, verdict)["measured_by_the_bot_ms"]
    assert {name: of["samples"] for name, of in told.items()} == {
        "mouth_to_live_ms": 321,
        "live_to_ear_ms": 3,
        "barge_in_ms": 1,
    }
    write(outcome, verdict, tmp_path)
    with Image.open(tmp_path / "timeline.png") as picture:
        figures = json.loads(picture.info[FIGURES])
    assert "mouth to Gemini, p50 / p99 of 321 frames" in figures
    assert "Gemini to ear, p50 / slowest of 3 answers" in figures


@pytest.mark.parametrize(("name", "percent", "bar"), BARS)
def test_a_late_call_was_heard_all_the_same(outcome: Outcome, name: str, percent: int, bar: float) -> None:
    for value in (bar + 0.1, None):
        figure(f"{name} p{percent}", value)(outcome)
        verdict = judge(outcome)
        assert (verdict.heard, verdict.passed) == (True, False)
        assert missed(outcome) == {f"{name} p{percent}"}
        outcome.figures[f"{name} p{percent}"] = bar


@pytest.mark.parametrize("fault", ["nothing heard", "nothing sent", "a missing answer"])
def test_what_went_wrong_is_written_all_the_same(outcome: Outcome, fault: str, tmp_path: Path) -> None:
    FAULTS[fault][0](outcome)
    write(outcome, judge(outcome), tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())["heard"] is False
    written = {"timeline.png", "room.png", "transcript.md", "conversation.wav", "room.wav"}
    assert written <= {path.name for path in tmp_path.iterdir()}


def test_the_transcript_reads_well_where_markdown_is_shown(outcome: Outcome, tmp_path: Path) -> None:
    write(outcome, judge(outcome), tmp_path)
    shown = MarkdownIt("commonmark").render((tmp_path / "transcript.md").read_text())
    assert "*" not in shown, "nothing that should be bold or in italics is shown raw"
    assert "<strong>[6.0 s] Ada:</strong> he was not an ill disposed young man" in shown
    assert re.search(r"<strong>\[\d+\.\d s\] Ada</strong> runs <code>/look file: ", shown)
    assert "<em>Earshot looked at photo-cat.png (from Ada)</em>" in shown
