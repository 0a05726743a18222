"""Writes what a played scene gave: recordings, the timeline, the transcript and the summary."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np

from bot.audio.pcm import DISCORD_HZ, LIVE_IN_HZ, Pcm16
from bot.demo.gallery import as_markdown
from bot.demo.judge import Verdict, spoken
from bot.demo.plot import Span, Timeline, draw
from bot.demo.scene import INTERRUPTED, Outcome
from bot.emulators.client.gate import FRAME, resampled


def write(outcome: Outcome, verdict: Verdict, folder: Path) -> None:
    """Write every result into `folder`."""
    person, bot = _person(outcome), outcome.recording
    _wav(folder / "conversation.wav", np.stack((person, bot), axis=1), DISCORD_HZ)
    _wav(folder / "heard-by-live.wav", _heard_by_live(outcome, verdict), LIVE_IN_HZ)
    _wav(folder / "heard-by-person.wav", bot, DISCORD_HZ)
    timeline = Timeline(
        rate_hz=DISCORD_HZ,
        person=person,
        bot=bot,
        person_name=outcome.name,
        said=_said(outcome),
        answered=_answered(outcome, verdict),
        interruptions=[outcome.lines[INTERRUPTED + 1].utterance.started_at - outcome.started],
        figures=_headline(outcome, verdict),
    )
    draw(timeline, "A call with Earshot: three sentences, one interruption", folder / "timeline.png")
    (folder / "transcript.md").write_text(_transcript(outcome, verdict), encoding="utf-8")
    (folder / "shown.md").write_text(as_markdown(outcome.exhibits), encoding="utf-8")
    for exhibit in outcome.exhibits:
        for name, data in exhibit.files:
            (folder / name).write_bytes(data)
    text = json.dumps(summary(outcome, verdict), indent=2)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def summary(outcome: Outcome, verdict: Verdict) -> dict[str, Any]:
    """Return what `summary.json` holds."""
    names = ("mouth_to_live", "live_to_ear", "barge_in")
    return {
        "heard": verdict.heard,
        "passed": verdict.passed,
        "measured_by_the_bot_ms": {
            f"{name}_ms": {f"p{p}": _round(outcome.figures.get(f"{name} p{p}")) for p in (50, 99)}
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
        "utterances": [
            {
                "text": line.text,
                "frames_sent": each.frames_sent,
                "frames_arrived": each.frames_arrived,
                "level_difference_db": round(each.level_difference_db, 3),
            }
            for line, each in zip(outcome.lines, verdict.arrivals, strict=False)
        ],
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _person(outcome: Outcome) -> Pcm16:
    """Return what the person said on the timeline, 48 kHz mono; each frame where it was due."""
    line = np.zeros(round((outcome.ended - outcome.started) * DISCORD_HZ), np.int16)
    for said in outcome.lines:
        frames = resampled(said.utterance.pcm16k, LIVE_IN_HZ, DISCORD_HZ).reshape(-1, FRAME)
        start = round((said.utterance.started_at - outcome.started) * DISCORD_HZ)
        for sent, pcm in zip(said.utterance.frames, frames, strict=True):
            _place(line, pcm, start + sent.index * FRAME)
    return line


def _heard_by_live(outcome: Outcome, verdict: Verdict) -> Pcm16:
    """Return what the model was given, each turn placed where it began, 16 kHz mono."""
    line = np.zeros(round((outcome.ended - outcome.started) * LIVE_IN_HZ), np.int16)
    for turn in verdict.turns:
        _place(line, turn.pcm, round((turn.started - outcome.started) * LIVE_IN_HZ))
    return line


def _place(line: Pcm16, pcm: Pcm16, at: int) -> None:
    room = line[at : at + pcm.size]
    room[:] = pcm[: room.size]


def _wav(path: Path, pcm: Pcm16, rate_hz: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm.astype("<i2").tobytes())


def _said(outcome: Outcome) -> list[Span]:
    return [
        Span(frames[0].at - outcome.started, frames[-1].at - outcome.started, line.text)
        for line in outcome.lines
        if (frames := line.utterance.frames)
    ]


def _answered(outcome: Outcome, verdict: Verdict) -> list[Span]:
    """Return the answers as they left the bot."""
    return [
        Span(
            sent[0] - outcome.started,
            sent[-1] - outcome.started,
            answer.text.strip(),
            cut=answer.interrupted is not None,
        )
        for answer, sent in zip(verdict.answers, spoken(outcome, verdict.answers), strict=True)
        if sent
    ]


def _headline(outcome: Outcome, verdict: Verdict) -> list[tuple[str, str, bool]]:
    passed = {check.name: check.passed for check in verdict.checks}
    frames = next(check for check in verdict.checks if check.name.startswith("20 ms frames"))
    rows = [("frames that reached Gemini", frames.value, frames.passed)]
    for name, label, percents in (
        ("mouth_to_live", "mouth to Gemini, p50 / p99", (50, 99)),
        ("live_to_ear", "Gemini to ear, p50 / p99", (50, 99)),
        ("barge_in", "silent after interruption, p99", (99,)),
    ):
        values = [outcome.figures.get(f"{name} p{percent}") for percent in percents]
        shown = " / ".join("-" if value is None else f"{value:.1f}" for value in values)
        rows.append((label, f"{shown} ms", all(passed[f"{name} p{percent}"] for percent in percents)))
    return rows


def _transcript(outcome: Outcome, verdict: Verdict) -> str:
    """Return who said what, in order; the person's words are those of the recordings."""
    name = outcome.name
    rows = [(span.start, name, span.text, "") for span in _said(outcome)] + [
        (span.start, "Earshot", span.text, " *(interrupted)*" if span.cut else "")
        for span in _answered(outcome, verdict)
    ]
    lines = ["# A call with Earshot", ""]
    lines += [f"**{start:5.1f} s  {who}:** {text}{mark}  " for start, who, text, mark in sorted(rows)]
    return "\n".join(lines) + "\n"
