"""Writes what the scene of the room gave: its picture and recording, and its part of the texts."""

from pathlib import Path
from typing import Any

import numpy as np

from bot.audio.pcm import DISCORD_HZ
from bot.demo import sound
from bot.demo.gallery import as_paragraphs
from bot.demo.judge_room import RoomVerdict, described
from bot.demo.picture_room import answered, given, picture_of, returned
from bot.demo.plot_room import WAIT_S, draw_room
from bot.demo.plot_style import Span
from bot.demo.room import ASKS, PICTURE
from bot.demo.room_outcome import RoomOutcome
from bot.demo.speech import Line
from bot.demo.turns import HeardTurn
from bot.text.escape import escaped

TITLE = "A room with Earshot: three who agreed to be heard, one who did not, a picture and a tool"


def write(outcome: RoomOutcome, verdict: RoomVerdict, folder: Path) -> None:
    """Write the picture, the recording, and the photo as the model was shown it."""
    draw_room(picture_of(outcome, verdict), TITLE, folder / "room.png")
    people = sound.said(outcome.lines, outcome.started, outcome.ended)
    sound.write_wav(folder / "room.wav", np.stack((people, outcome.recording), axis=1), DISCORD_HZ)
    for entry in outcome.record.of("shown")[:1]:
        (folder / "look-photo.jpg").write_bytes(entry.body)


def summary(outcome: RoomOutcome, verdict: RoomVerdict) -> dict[str, Any]:
    """Return the room's part of `summary.json`."""
    return {
        "utterances": [
            {
                "name": line.name,
                "text": line.text,
                "waited_for_the_floor_s": None if turn is None else round(_waited(line, turn), 2),
                "frames_sent": each.frames_sent,
                "frames_arrived": each.frames_arrived,
            }
            for line, turn, each in zip(outcome.lines, verdict.given, verdict.arrivals, strict=True)
        ],
        "share_of_time_in_which_several_spoke": round(verdict.overlap, 3),
        "packets_that_reached_the_bot": dict(outcome.to_bot),
        "packets_dropped_before_decryption": outcome.figures.get("unconsented"),
        "tools": [{"name": use.name, "args": use.args, "response": use.response} for use in verdict.uses],
        "captions": outcome.captions,
    }


def transcript(outcome: RoomOutcome, verdict: RoomVerdict) -> str:
    """Return who said and did what, in order, and the captions that the bot wrote."""
    rows = [
        (line.begin, f"{line.name}:** {escaped(line.text)}{_fate(line, turn)}")
        for line, turn in zip(outcome.lines, verdict.given, strict=True)
    ]
    rows += [
        (line.begin, f"{line.name}:** {escaped(line.text)} *(not heard: did not agree)*")
        for line in outcome.unheard
    ]
    rows += [
        (span.start + outcome.started, f"Earshot:** {escaped(span.text)}{_mark(span)}")
        for span in answered(outcome, verdict)
    ]
    rows.append((outcome.shown_at, f"Ada** runs `/look file: {PICTURE}`"))
    rows += [
        (use.called, f"Earshot** does `{use.name}` for the model: {given(use.args)}") for use in verdict.uses
    ]
    if outcome.stopped_at is not None:
        rows.append((outcome.stopped_at, "Ada** runs `/stop`"))
    lines = ["# A room with Earshot", ""]
    lines += [f"**[{at - outcome.started:.1f} s] {text}  " for at, text in sorted(rows)]
    lines += ["", "## The captions in the call's chat", "", as_paragraphs("\n\n".join(outcome.captions))]
    return "\n".join(lines) + "\n"


def shown(outcome: RoomOutcome, verdict: RoomVerdict) -> str:
    """Return the room's part of `shown.md`: the picture as the model was shown it, and what it asked for."""
    lines = [f"## In the call: `/look file: {PICTURE}`", ""]
    if outcome.record.of("shown"):
        lines += ["![look-photo.jpg](look-photo.jpg)", ""]
    for picture in outcome.model_saw or ():
        if picture.facts is not None:
            lines += [f"The model measured in it: {described(picture.facts)}.", ""]
    for use in verdict.uses:
        asked = f"When {ASKS} asked about it the model called `{use.name}`: {given(use.args)}"
        lines += [asked, "", returned(use.response), ""]
    return "\n".join(lines)


def _waited(line: Line, turn: HeardTurn) -> float:
    """Return for how long a person had to wait for the floor while they spoke, in seconds."""
    return max(0.0, turn.started - line.begin)


def _fate(line: Line, turn: HeardTurn | None) -> str:
    if turn is None:
        return " *(never given to the model)*"
    waited = _waited(line, turn)
    return f" *(waited {waited:.1f} s for the floor)*" if waited >= WAIT_S else ""


def _mark(span: Span) -> str:
    if span.label:
        return f" *({span.label})*"
    return " *(cut off)*" if span.cut else ""
