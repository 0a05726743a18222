"""Judges the scene of the room: who was heard, under which name, who was not, and what was seen and done."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image

from bot.demo.check import ANSWER_FRAME_BYTES, Check, not_encrypted, noticed
from bot.demo.measure import FRAME, Arrival, arrival
from bot.demo.room import NOT_AGREED, PICTURE, TOOL
from bot.demo.room_outcome import RoomOutcome
from bot.demo.speech import Line
from bot.demo.turns import GivenAnswer, HeardTurn, ToolUse, given_answers, heard_turns, spoken, tool_uses
from bot.emulators.gemini.media_facts import PictureFacts
from bot.emulators.gemini.media_picture import look

WHERE = "room: "
OVERLAP = 1 / 3
ALIKE = 0.97  # correlation of the pixels: a JPEG of good quality keeps 0.99, another photo has under 0.5
SPEECH_S = 0.3  # how much the loopback Gemini's measure of a sentence may differ: it leaves out what is soft
_COLOUR = 0.1  # share of the area from which on a colour says something of a picture
_UNDERSTOOD = re.compile(r"\*\*(?P<name>[^*]+):\*\* \[speech, (?P<seconds>[\d.]+) s")


@dataclass
class RoomVerdict:
    """What was found."""

    turns: list[HeardTurn]
    """All that the model was given."""
    given: list[HeardTurn | None]
    """Of each sentence of those who agreed, the turn that it became."""
    arrivals: list[Arrival]
    """How each of them arrived; not at all where there is no turn."""
    answers: list[GivenAnswer]
    uses: list[ToolUse]
    overlap: float
    """For what share of the time in which anybody spoke, before the picture, two or more did."""
    checks: list[Check]


def judge_room(outcome: RoomOutcome) -> RoomVerdict:
    """Compare what was said, shown and done with what arrived."""
    turns, answers, uses = (
        heard_turns(outcome.record),
        given_answers(outcome.record),
        tool_uses(outcome.record),
    )
    given = turns_of(outcome.lines, turns)
    nothing = np.zeros(0, np.int16)
    arrivals = [
        arrival(line.utterance.pcm16k, turn.pcm if turn is not None else nothing)
        for line, turn in zip(outcome.lines, given, strict=True)
    ]
    overlap = overlapping([line for line in outcome.lines if line.begin < outcome.shown_at])
    checks = [
        Check(f"{WHERE}time in which several spoke", f"{overlap:.0%}", "a third or more", overlap >= OVERLAP),
        *_heard(outcome, turns, given, arrivals),
        _unheard(outcome),
        noticed(answers, WHERE),
        _listened(outcome),
        not_encrypted([*outcome.sent, *outcome.sent_by_bot], WHERE),
        _shown(outcome),
        _noted(outcome),
    ]
    if outcome.model_saw is not None:  # what it says and does is known
        facts = look(outcome.picture)
        checks += [_seen(outcome, facts), _told(outcome, uses, answers, facts), _captioned(outcome)]
    return RoomVerdict(turns, given, arrivals, answers, uses, overlap, checks)


def turns_of(lines: Sequence[Line], turns: Sequence[HeardTurn]) -> list[HeardTurn | None]:
    """Return for each sentence the turn of that person's that comes as it does among their sentences."""
    found: list[HeardTurn | None] = []
    for number, line in enumerate(lines):
        earlier = sum(before.name == line.name for before in lines[:number])
        of_person = [turn for turn in turns if turn.speaker == line.name]
        found.append(of_person[earlier] if earlier < len(of_person) else None)
    return found


def overlapping(lines: Sequence[Line]) -> float:
    """Return for what share of the time in which anybody speaks two or more do."""
    edges = sorted(edge for line in lines for edge in ((line.begin, 1), (line.end, -1)))
    speaking, any_s, several_s = 0, 0.0, 0.0
    for (at, change), (following, _) in pairwise(edges):
        speaking += change
        any_s += (following - at) * (speaking > 0)
        several_s += (following - at) * (speaking > 1)
    return several_s / any_s if any_s else 0.0


def likeness(picture: bytes, other: bytes) -> float:
    """Return the correlation of two pictures' pixels, 0 for pictures of different sizes."""
    with Image.open(io.BytesIO(picture)) as one, Image.open(io.BytesIO(other)) as two:
        if one.size != two.size:
            return 0.0
        a, b = (np.asarray(each.convert("RGB"), np.float64).ravel() for each in (one, two))
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm else 0.0


def _heard(
    outcome: RoomOutcome,
    turns: Sequence[HeardTurn],
    given: Sequence[HeardTurn | None],
    arrivals: Sequence[Arrival],
) -> list[Check]:
    said, found = len(outcome.lines), sum(turn is not None for turn in given)
    sent = sum(each.frames_sent for each in arrivals)
    arrived = sum(each.frames_arrived for each in arrivals)
    whole = bool(arrivals) and all(each.frames_arrived == each.frames_sent for each in arrivals)
    astray = sum(each.frames_compared - each.frames_in_place for each in arrivals)
    in_all = sum(len(entry.pcm) for entry in outcome.record.of("heard")) // (2 * FRAME)
    others = in_all - arrived
    return [
        Check(
            f"{WHERE}sentences under the right name",
            f"{found} of {said}",
            "all, once",
            found == said == len(turns),
        ),
        Check(f"{WHERE}20 ms frames that reached Live", f"{arrived} of {sent}", "all, once", whole),
        Check(f"{WHERE}frames silent or out of place", str(astray), "0", astray == 0 and found > 0),
        Check(f"{WHERE}other frames that reached Live", str(others), "0", others == 0),
    ]


def _unheard(outcome: RoomOutcome) -> Check:
    """Check that each packet of who did not agree was dropped before it was decrypted."""
    sent = outcome.to_bot.get(NOT_AGREED, 0)
    opened = sent - round(outcome.figures.get("unconsented", 0))
    name = f"{WHERE}{NOT_AGREED}'s packets that were opened"
    return Check(name, f"{opened} of {sent}", "0", opened == 0 < sent)


def _listened(outcome: RoomOutcome) -> Check:
    sent = len(outcome.sent_by_bot)
    least = min(outcome.heard_frames.values(), default=0)
    all_of_them = bool(sent) and all(heard == sent for heard in outcome.heard_frames.values())
    return Check(f"{WHERE}frames of answers that each heard", f"{least} of {sent}", "all", all_of_them)


def _shown(outcome: RoomOutcome) -> Check:
    shown = [entry.body for entry in outcome.record.of("shown")]
    alike = min((likeness(outcome.picture, each) for each in shown), default=0.0)
    value = f"{len(shown)}, {alike:.0%} alike"
    once = len(shown) == 1 and alike >= ALIKE
    return Check(f"{WHERE}pictures that reached Live", value, "1, alike", once)


def _noted(outcome: RoomOutcome) -> Check:
    noted = sum(f"looked at {PICTURE} (from Ada)" in line for line in outcome.captions)
    return Check(f"{WHERE}captions of the picture", str(noted), "1", noted == 1, timing=True)


def _seen(outcome: RoomOutcome, facts: PictureFacts) -> Check:
    """Check what the model measured in what it was shown by the same measure of the picture's file."""
    saw = [each.facts for each in outcome.model_saw or ()]
    value = ", ".join("not measured" if each is None else _in_short(each) for each in saw) or "nothing"
    bar = _in_short(facts)
    return Check(f"{WHERE}size and colour that were measured", value, bar, value == bar)


def _in_short(facts: PictureFacts) -> str:
    colour = facts.colours[0].name if facts.colours else "no colour"
    return f"{facts.width} x {facts.height}, {colour}"


def described(facts: PictureFacts) -> str:
    """Return a picture's size and main colours."""
    colours = " and ".join(colour.name for colour in facts.colours if colour.share >= _COLOUR)
    return f"{facts.width} x {facts.height}, {colours}"


def _told(
    outcome: RoomOutcome, uses: Sequence[ToolUse], answers: Sequence[GivenAnswer], facts: PictureFacts
) -> Check:
    """Check that a close look was asked for, made at the real picture, and heard from the bot."""
    fact = f"{facts.width} x {facts.height} pixels"
    looks = [use for use in uses if use.name == TOOL]
    made = sum(fact in str(use.response.get("result", "")) for use in looks)
    heard = sum(fact in words for words in words_heard(outcome, answers))
    value = f"{len(looks)}, {made}, {heard}"
    return Check(f"{WHERE}close looks called, made, told", value, "1, 1, 1", value == "1, 1, 1")


def words_heard(outcome: RoomOutcome, answers: Sequence[GivenAnswer]) -> list[str]:
    """Return of each answer the words that were heard, as many of them as of its sound."""
    heard = []
    for answer, sent in zip(answers, spoken(outcome.sent_by_bot, answers), strict=True):
        share = len(sent) * ANSWER_FRAME_BYTES / max(1, answer.audio_bytes)
        heard.append(answer.text[: int(share * len(answer.text))] if share < 1 else answer.text)
    return heard


def _captioned(outcome: RoomOutcome) -> Check:
    """Check that the captions show each sentence as its person's: of that length, in that order.

    Whose words a transcript is the bot finds by the time at which it comes, so a busy machine may err.
    """
    found = [match for line in outcome.captions if (match := _UNDERSTOOD.match(line))]
    right = sum(
        caption["name"] == line.name and abs(float(caption["seconds"]) - _length(line)) <= SPEECH_S
        for caption, line in zip(found, outcome.lines, strict=False)
    )
    name, said = f"{WHERE}captions under the right name", len(outcome.lines)
    return Check(name, f"{right} of {said}", "all", right == said == len(found), timing=True)


def _length(line: Line) -> float:
    return line.end - line.begin
