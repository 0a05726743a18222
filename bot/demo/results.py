"""Writes what the played scenes gave: recordings, the pictures, the transcript and the summary."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bot.audio.pcm import DISCORD_HZ, LIVE_IN_HZ
from bot.demo import results_room, sound
from bot.demo.gallery import as_markdown
from bot.demo.judge import Verdict
from bot.demo.plot import Timeline, draw
from bot.demo.plot_style import NOTICE, Span
from bot.demo.scene import INTERRUPTED, Outcome
from bot.demo.turns import spoken
from bot.text.escape import escaped


def write(outcome: Outcome, verdict: Verdict, folder: Path) -> None:
    """Write every result into `folder`."""
    person = sound.said(outcome.lines, outcome.started, outcome.ended)
    heard_by_live = sound.given(verdict.turns, outcome.started, outcome.ended)
    sound.write_wav(folder / "conversation.wav", np.stack((person, outcome.recording), axis=1), DISCORD_HZ)
    sound.write_wav(folder / "heard-by-live.wav", heard_by_live, LIVE_IN_HZ)
    sound.write_wav(folder / "heard-by-person.wav", outcome.recording, DISCORD_HZ)
    timeline = Timeline(
        rate_hz=DISCORD_HZ,
        person=person,
        bot=outcome.recording,
        person_name=outcome.name,
        said=_said(outcome),
        answered=_answered(outcome, verdict),
        interruptions=[outcome.lines[INTERRUPTED + 1].begin - outcome.started],
        figures=_headline(outcome, verdict),
    )
    draw(timeline, "A call with Earshot: three sentences, one interruption", folder / "timeline.png")
    results_room.write(outcome.room, verdict.room, folder)
    _write_text(folder / "transcript.md", _transcript(outcome, verdict))
    shown = [as_markdown(outcome.exhibits), results_room.shown(outcome.room, verdict.room)]
    _write_text(folder / "shown.md", "\n".join(shown))
    for exhibit in outcome.exhibits:
        for name, data in exhibit.files:
            (folder / name).write_bytes(data)
    _write_text(folder / "summary.json", json.dumps(summary(outcome, verdict), indent=2) + "\n")


def summary(outcome: Outcome, verdict: Verdict) -> dict[str, Any]:
    """Return what `summary.json` holds."""
    names = ("mouth_to_live", "live_to_ear", "barge_in")
    answers = _answered(outcome, verdict)
    return {
        "heard": verdict.heard,
        "passed": verdict.passed,
        "measured_by_the_bot_ms": {
            f"{name}_ms": {f"p{p}": _round(outcome.figures.get(f"{name} p{p}")) for p in (50, 99)}
            | {"samples": _samples(outcome, name)}
            for name in names
        },
        "measured_on_the_wire_ms": {
            f"{name}_ms": {f"p{p}": _round(latency.p(p)) for p in (50, 99)} | {"samples": latency.count}
            for name, latency in verdict.on_the_wire.items()
        },
        "checks": [
            {"name": check.name, "value": check.value, "bar": check.bar, "passed": check.passed}
            for check in verdict.checks
        ],
        "room": results_room.summary(outcome.room, verdict.room),
        "utterances": [
            {
                "text": line.text,
                "answered_after_ms": _answered_after(line.end - outcome.started, answers),
                "frames_sent": each.frames_sent,
                "frames_arrived": each.frames_arrived,
                "level_difference_db": round(each.level_difference_db, 3),
            }
            for line, each in zip(outcome.lines, verdict.arrivals, strict=False)
        ],
    }


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _said(outcome: Outcome) -> list[Span]:
    return [
        Span(line.begin - outcome.started, line.end - outcome.started, line.text) for line in outcome.lines
    ]


def _answered(outcome: Outcome, verdict: Verdict) -> list[Span]:
    """Return the answers as they left the bot."""
    return [
        Span(
            sent[0] - outcome.started,
            sent[-1] - outcome.started,
            answer.text.strip(),
            cut=answer.interrupted is not None,
            label=NOTICE if answer.notice else "",
        )
        for answer, sent in zip(verdict.answers, spoken(outcome.sent_by_bot, verdict.answers), strict=True)
        if sent
    ]


def _answered_after(end: float, answers: list[Span]) -> int | None:
    """Return for how many ms nobody was heard from a sentence's end on; None where no answer came."""
    begin = next((span.start for span in answers if span.start > end), None)
    return None if begin is None else round(1000 * (begin - end))


def _headline(outcome: Outcome, verdict: Verdict) -> list[tuple[str, str, bool]]:
    passed = {check.name: check.passed for check in verdict.checks}
    frames = next(check for check in verdict.checks if check.name.startswith("20 ms frames"))
    rows = [("frames that reached Gemini", frames.value, frames.passed)]
    # One short call: of its few answers the 99th percentile is the slowest, and one of them is interrupted.
    frames_told, answers_told = (_samples(outcome, name) for name in ("mouth_to_live", "live_to_ear"))
    for name, label, percents in (
        ("mouth_to_live", f"mouth to Gemini, p50 / p99 of {frames_told} frames", (50, 99)),
        ("live_to_ear", f"Gemini to ear, p50 / slowest of {answers_told} answers", (50, 99)),
        ("barge_in", "silent after the interruption", (99,)),
    ):
        values = [outcome.figures.get(f"{name} p{percent}") for percent in percents]
        shown = " / ".join("-" if value is None else f"{value:.1f}" for value in values)
        rows.append((label, f"{shown} ms", all(passed[f"{name} p{percent}"] for percent in percents)))
    return rows


def _samples(outcome: Outcome, latency: str) -> int:
    """Return of how many samples of its own the bot tells a latency."""
    return round(outcome.figures.get(f"{latency} samples", 0))


def _transcript(outcome: Outcome, verdict: Verdict) -> str:
    """Return who said what, in order; the people's words are those of the recordings."""
    said = [(span.start, outcome.name, span.text, "") for span in _said(outcome)]
    answered = [(span.start, "Earshot", span.text, _mark(span)) for span in _answered(outcome, verdict)]
    lines = ["# A call with Earshot", ""]
    lines += [
        f"**[{start:.1f} s] {who}:** {escaped(text)}{mark}  "
        for start, who, text, mark in sorted([*said, *answered])
    ]
    return "\n".join(lines) + "\n\n" + results_room.transcript(outcome.room, verdict.room)


def _mark(span: Span) -> str:
    if span.label:
        return f" *({span.label})*"
    return " *(interrupted)*" if span.cut else ""
