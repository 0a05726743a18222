"""Judges a played scene: what arrived, how late, and whether each bar of the project is met."""

from dataclasses import dataclass

from bot.audio.pcm import FRAME_MS
from bot.demo.check import ANSWER_FRAME_BYTES, Check, not_encrypted, noticed
from bot.demo.judge_room import RoomVerdict, judge_room
from bot.demo.measure import Arrival, arrival
from bot.demo.scene import INTERRUPTED, Outcome
from bot.demo.turns import GivenAnswer, HeardTurn, given_answers, heard_turns, spoken
from bot.latency import Latency

# The project's bars in ms: name, percentile, at most.
BARS = (
    ("mouth_to_live", 50, 5.0),
    ("mouth_to_live", 99, 50.0),
    ("live_to_ear", 50, 20.0),
    ("live_to_ear", 99, 50.0),
    ("barge_in", 99, 25.0),
)
LEVEL_DB = 0.5
FILLED_FRAMES = 1  # may follow: what a resampler held back


@dataclass
class Verdict:
    """What was found."""

    turns: list[HeardTurn]
    answers: list[GivenAnswer]
    """With the notice that it is an AI, which nobody asks for."""
    arrivals: list[Arrival]
    on_the_wire: dict[str, Latency]
    """The same latencies and two more, as seen from outside the bot; they include its sockets and TLS."""
    room: RoomVerdict
    checks: list[Check]
    """All of them."""

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
    room = judge_room(outcome.room)
    return Verdict(
        turns=turns,
        answers=answers,
        arrivals=arrivals,
        on_the_wire=_wire_latencies(outcome, turns, answers),
        room=room,
        checks=[
            *_heard(outcome, turns, arrivals),
            *_answered(outcome, answers),
            _shown(outcome),
            *room.checks,
            *_latencies(outcome),
        ],
    )


def _heard(outcome: Outcome, turns: list[HeardTurn], arrivals: list[Arrival]) -> list[Check]:
    said = len(outcome.lines)
    frames = sum(len(line.utterance.frames) for line in outcome.lines)
    arrived = sum(each.frames_arrived for each in arrivals)
    whole = len(arrivals) == said and all(each.frames_arrived == each.frames_sent for each in arrivals)
    levels = [abs(each.level_difference_db) for each in arrivals]
    order = sum(each.frames_compared - each.frames_in_place for each in arrivals)
    return [
        Check("sentences heard as turns", f"{len(turns)} of {said}", "all, once", len(turns) == said),
        Check("20 ms frames that reached Live", f"{arrived} of {frames}", "all, once", whole),
        Check("frames silent or out of place", str(order), "0", order == 0 and bool(arrivals)),
        Check(
            "level difference",
            f"{max(levels, default=float('inf')):.2f} dB",
            f"{LEVEL_DB} dB",
            bool(levels) and all(level <= LEVEL_DB for level in levels),
        ),
        _counted(outcome, "missing", "frames that had to be made up"),
        _counted(outcome, "undecrypted", "frames the bot could not decrypt"),
    ]


def _shown(outcome: Outcome) -> Check:
    """Check that what was shown came back as pictures too: marks on the photo, frames of the film."""
    drawn = sum(exhibit.pictures > 0 for exhibit in outcome.exhibits)
    return Check("answers that came with a picture", str(drawn), "2", drawn == 2)


def _counted(outcome: Outcome, counter: str, name: str) -> Check:
    """Check that one of the bot's counters is there, and is 0."""
    count = outcome.figures.get(counter)
    return Check(name, "not counted" if count is None else f"{count:.0f}", "0", count == 0)


def _answered(outcome: Outcome, answers: list[GivenAnswer]) -> list[Check]:
    said, replies = len(outcome.lines), sum(not answer.notice for answer in answers)
    cut = sum(answer.interrupted is not None for answer in answers)
    heard = f"{outcome.heard_frames} of {len(outcome.sent_by_bot)}"
    heard_all = outcome.heard_frames == len(outcome.sent_by_bot) and outcome.undecryptable == 0
    return [
        noticed(answers),
        Check("answers", f"{replies} of {said}", "one each", replies == said),
        Check("answers interrupted", str(cut), "1", cut == 1),
        _played(outcome, answers),
        Check(
            f"frames of answers that {outcome.name} heard",
            heard,
            "all",
            heard_all and bool(outcome.sent_by_bot),
        ),
        not_encrypted([*outcome.sent_by_person, *outcome.sent_by_bot]),
        Check("exit code of the bot", str(outcome.exit_code), "0", outcome.exit_code == 0),
    ]


def _played(outcome: Outcome, answers: list[GivenAnswer]) -> Check:
    """Check that the answers which were not interrupted left the bot to their ends."""
    given = played = 0
    whole = bool(answers)
    for answer, sent in zip(answers, spoken(outcome.sent_by_bot, answers), strict=True):
        if answer.interrupted is None:
            frames = -(-answer.audio_bytes // ANSWER_FRAME_BYTES)  # the last one is filled up
            given, played = given + frames, played + len(sent)
            whole = whole and frames <= len(sent) <= frames + FILLED_FRAMES
    return Check("frames of whole answers that were sent", f"{played} of {given}", "all, once", whole)


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
    for answer, times in zip(answers, spoken(outcome.sent_by_bot, answers), strict=True):
        if times:
            ear.record(times[0] - answer.first_audio)
        if times and answer.interrupted is not None:
            interrupting = outcome.lines[INTERRUPTED + 1].utterance
            barge.record(max(0.0, times[-1] - answer.interrupted))
            onset.record(max(0.0, times[-1] - interrupting.started_at))
    return {
        "mouth_to_live": mouth,
        "live_to_ear": ear,
        "barge_in": barge,
        "first_word_to_silence": onset,
    }
