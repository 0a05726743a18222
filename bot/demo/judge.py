"""Judges a played scene: what arrived, how late, and whether each bar of the project is met."""

from dataclasses import dataclass

from bot.audio.pcm import FRAME_MS
from bot.demo.measure import Arrival, arrival
from bot.demo.scene import INTERRUPTED, Outcome
from bot.demo.turns import GivenAnswer, HeardTurn, given_answers, heard_turns
from bot.latency import Latency

# The project's bars in ms: name, percentile, at most.
BARS = (
    ("mouth_to_live", 50, 5.0),
    ("mouth_to_live", 99, 50.0),
    ("live_to_ear", 50, 20.0),
    ("live_to_ear", 99, 50.0),
    ("barge_in", 99, 25.0),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    value: str
    bar: str
    passed: bool
    timing: bool = False
    """Whether it is a latency: a busy machine misses one, and nothing said is lost by that."""


@dataclass
class Verdict:
    """What was found."""

    turns: list[HeardTurn]
    answers: list[GivenAnswer]
    arrivals: list[Arrival]
    on_the_wire: dict[str, Latency]
    """The same latencies and two more, as seen from outside the bot; they include its sockets and TLS."""
    checks: list[Check]

    @property
    def heard(self) -> bool:
        """Whether all that was said was heard and answered, whatever the time it took."""
        return all(check.passed for check in self.checks if not check.timing)

    @property
    def passed(self) -> bool:
        """Whether everything holds, every latency too."""
        return all(check.passed for check in self.checks)


def judge(outcome: Outcome) -> Verdict:
    """Compare what was said with what was heard, and the figures with their bars."""
    turns, answers = heard_turns(outcome.record), given_answers(outcome.record)
    arrivals = [
        arrival(line.utterance.pcm16k, turn.pcm) for line, turn in zip(outcome.lines, turns, strict=False)
    ]
    return Verdict(
        turns=turns,
        answers=answers,
        arrivals=arrivals,
        on_the_wire=_wire_latencies(outcome, turns, answers),
        checks=[*_heard(outcome, turns, arrivals), *_answered(outcome, answers), *_latencies(outcome)],
    )


def _heard(outcome: Outcome, turns: list[HeardTurn], arrivals: list[Arrival]) -> list[Check]:
    said = len(outcome.lines)
    frames = sum(len(line.utterance.frames) for line in outcome.lines)
    arrived = sum(each.frames_arrived for each in arrivals)
    level = max((abs(each.level_difference_db) for each in arrivals), default=float("inf"))
    order = sum(each.frames_compared - each.frames_in_place for each in arrivals)
    lost = outcome.person.undecryptable + int(outcome.figures.get("undecrypted", 0))
    return [
        Check("sentences heard as turns", f"{len(turns)} of {said}", "all, once", len(turns) == said),
        Check("20 ms frames that reached Live", f"{arrived} of {frames}", "all, once", arrived == frames),
        Check("frames out of place", str(order), "0", order == 0 and bool(arrivals)),
        Check("level difference", f"{level:.2f} dB", "0.5 dB", level <= 0.5),
        Check("frames nobody could decrypt", str(lost), "0", lost == 0),
    ]


def _answered(outcome: Outcome, answers: list[GivenAnswer]) -> list[Check]:
    said = len(outcome.lines)
    clear = sum(not entry.fields["encrypted"] for entry in outcome.sent_by_bot)
    cut = sum(answer.interrupted is not None for answer in answers)
    return [
        Check("answers", f"{len(answers)} of {said}", "one each", len(answers) == said),
        Check("answers interrupted", str(cut), "1", cut == 1),
        Check("voiced datagrams not end-to-end encrypted", str(clear), "0", clear == 0),
        Check("exit code of the bot", str(outcome.exit_code), "0", outcome.exit_code == 0),
    ]


def _latencies(outcome: Outcome) -> list[Check]:
    checks = []
    for name, percent, bar in BARS:
        value = outcome.figures.get(f"{name} p{percent}")
        shown = "not measured" if value is None else f"{value:.1f} ms"
        met = value is not None and value <= bar
        checks.append(Check(f"{name} p{percent}", shown, f"{bar:.0f} ms", met, timing=True))
    return checks


def _wire_latencies(
    outcome: Outcome, turns: list[HeardTurn], answers: list[GivenAnswer]
) -> dict[str, Latency]:
    mouth, ear, barge, onset = Latency(), Latency(), Latency(), Latency()
    for line, turn in zip(outcome.lines, turns, strict=False):
        frames = [at for at, chunk in turn.chunks for _ in range(len(chunk) * 1000 // (32_000 * FRAME_MS))]
        for sent, arrived in zip(line.utterance.frames, frames, strict=False):
            mouth.record(arrived - sent.at)
    for answer in answers:
        first = next((entry.at for entry in outcome.sent_by_bot if entry.at >= answer.first_audio), None)
        if first is not None:
            ear.record(first - answer.first_audio)
    if len(answers) > INTERRUPTED + 1 and (cut := answers[INTERRUPTED].interrupted) is not None:
        old = [e.at for e in outcome.sent_by_bot if e.at < answers[INTERRUPTED + 1].first_audio]
        barge.record(max(0.0, old[-1] - cut))
        onset.record(max(0.0, old[-1] - outcome.lines[INTERRUPTED + 1].utterance.frames[0].at))
    return {
        "mouth_to_live": mouth,
        "live_to_ear": ear,
        "barge_in": barge,
        "first_word_to_silence": onset,
    }
