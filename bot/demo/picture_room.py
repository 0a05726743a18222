"""Puts together what the picture of the room shows, from what was measured."""

import json
from typing import Any

from bot.audio.pcm import DISCORD_HZ
from bot.demo import sound
from bot.demo.judge_room import RoomVerdict
from bot.demo.plot_room import Deed, Lane, RoomPicture, Utterance
from bot.demo.plot_style import NOTICE, Span
from bot.demo.room import AGREED, NOT_AGREED, PICTURE
from bot.demo.room_outcome import RoomOutcome
from bot.demo.speech import Line, quoted
from bot.demo.turns import spoken

_TOLD = 200  # characters of what a function returned
# Rows of the verdict for the picture's foot, under shorter names.
_HEADLINE = (
    ("sentences under the right name", "sentences under the right name"),
    ("20 ms frames that reached Live", "their frames that reached Gemini"),
    ("other frames that reached Live", "frames of anybody else in Gemini"),
    (f"{NOT_AGREED}'s packets that were opened", f"{NOT_AGREED}'s packets that were opened"),
    ("time in which several spoke", "time in which several spoke"),
)


def picture_of(outcome: RoomOutcome, verdict: RoomVerdict) -> RoomPicture:
    """Return what the picture shows; its seconds count from when the bot was asked to join."""
    zero, end = outcome.started, outcome.ended
    return RoomPicture(
        rate_hz=DISCORD_HZ,
        seconds=end - zero,
        lanes=[*(_lane(name, outcome, verdict) for name in AGREED), _unheard(outcome)],
        bot=outcome.recording,
        floor=[Span(turn.started - zero, turn.ended - zero, turn.speaker) for turn in verdict.turns],
        answered=answered(outcome, verdict),
        deeds=_deeds(outcome, verdict),
        figures=_headline(verdict),
    )


def answered(outcome: RoomOutcome, verdict: RoomVerdict) -> list[Span]:
    """Return the answers as they left the bot."""
    stopped = outcome.stopped_at or float("inf")
    return [
        Span(
            sent[0] - outcome.started,
            sent[-1] - outcome.started,
            answer.text.strip(),
            cut=answer.interrupted is not None or (answer.ended or float("inf")) > stopped,
            label=NOTICE if answer.notice else "",
        )
        for answer, sent in zip(verdict.answers, spoken(outcome.sent_by_bot, verdict.answers), strict=True)
        if sent
    ]


def given(args: dict[str, Any]) -> str:
    """Return what a function was given, for people to read."""
    return ", ".join(quoted(str(value)) for value in args.values())


def returned(response: dict[str, Any]) -> str:
    """Return what a function returned, for people to read."""
    return " ".join(str(response.get("result") or response.get("error") or json.dumps(response)).split())


def _lane(name: str, outcome: RoomOutcome, verdict: RoomVerdict) -> Lane:
    zero = outcome.started
    mine = [
        (line, turn) for line, turn in zip(outcome.lines, verdict.given, strict=True) if line.name == name
    ]
    utterances = [
        Utterance(_span(line, zero), (turn.started - zero, turn.ended - zero) if turn is not None else None)
        for line, turn in mine
    ]
    return Lane(name, sound.said([line for line, _ in mine], zero, outcome.ended), utterances)


def _unheard(outcome: RoomOutcome) -> Lane:
    zero = outcome.started
    dropped, sent = outcome.figures.get("unconsented", 0), outcome.to_bot.get(NOT_AGREED, 0)
    return Lane(
        NOT_AGREED,
        sound.said(outcome.unheard, zero, outcome.ended),
        [Utterance(_span(line, zero)) for line in outcome.unheard],
        f"not heard: did not agree ({dropped:.0f} of {sent} packets were dropped before they were decrypted)",
    )


def _span(line: Line, zero: float) -> Span:
    return Span(line.begin - zero, line.end - zero, line.text)


def _deeds(outcome: RoomOutcome, verdict: RoomVerdict) -> list[Deed]:
    zero, shown = outcome.started, outcome.record.of("shown")
    at = outcome.shown_at - zero
    seen = shown[0].at - zero if shown else at
    deeds = [Deed(at, seen, f"Ada: /look {PICTURE}", _noted(outcome), outcome.picture)]
    for use in verdict.uses:
        result = returned(use.response)
        cut = result if len(result) <= _TOLD else f"{result[:_TOLD]}\N{HORIZONTAL ELLIPSIS}"
        text = f"{given(use.args)} \N{RIGHTWARDS ARROW} {cut}"
        end = (use.answered or outcome.ended) - zero
        deeds.append(Deed(use.called - zero, end, f"the model calls {use.name}", text))
    if outcome.stopped_at is not None:
        at = outcome.stopped_at - zero
        deeds.append(Deed(at, at, "Ada: /stop", ""))
    return sorted(deeds, key=lambda deed: deed.start)


def _noted(outcome: RoomOutcome) -> str:
    note = next((line for line in outcome.captions if line.startswith("-# ") and PICTURE in line), "")
    return f"caption: {quoted(note.removeprefix('-# '))}" if note else ""


def _headline(verdict: RoomVerdict) -> list[tuple[str, str, bool]]:
    rows = []
    for name, label in _HEADLINE:
        check = next(check for check in verdict.checks if check.name.endswith(name))
        rows.append((label, check.value, check.passed))
    return rows
