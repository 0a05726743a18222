"""What a verdict is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.audio.pcm import FRAME_MS
from bot.demo.turns import GivenAnswer
from bot.emulators.discord.trace import TraceEntry

ANSWER_FRAME_BYTES = 24_000 * FRAME_MS // 1000 * 2  # of a Live model's speech: 24 kHz mono, 16 bits


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    value: str
    bar: str
    passed: bool
    timing: bool = False
    """Whether it hangs on time: a busy machine misses one, and nothing said is lost by that."""


def not_encrypted(sent: Sequence[TraceEntry], where: str = "") -> Check:
    """Check that every voiced datagram was end-to-end encrypted."""
    clear = sum(not entry.fields["encrypted"] for entry in sent)
    return Check(f"{where}voiced datagrams not under DAVE", str(clear), "0", clear == 0 and bool(sent))


def noticed(answers: Sequence[GivenAnswer], where: str = "") -> Check:
    """Check that the model was asked once to say that it is an AI, and was heard to the end with that."""
    whole = sum(each.notice and each.ended is not None and each.interrupted is None for each in answers)
    once = whole == 1 and sum(each.notice for each in answers) == 1
    return Check(f"{where}notice that it is an AI, unasked", str(whole), "once, whole", once)
