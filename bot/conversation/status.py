"""What `/status` shows of a call. Plain data."""

from dataclasses import dataclass

from bot.conversation.room import Mode
from bot.latency import Latency


@dataclass(frozen=True, slots=True)
class CallStatus:
    """A call at one moment."""

    channel_id: int
    participants: dict[int, bool]
    """Who is in the channel, by user id, and whether they are heard."""
    voice: str
    live: str
    mode: Mode
    mixed: bool
    """Whether all who speak are heard as one; else one person at a time has the floor."""
    marks: bool
    """Whether turns end by the people's own silence; else the model finds their end itself."""
    holder: int | None
    """Who has the floor, by user id."""
    waiting: tuple[int, ...]
    """Who waits for it, in order."""
    pressed: tuple[int, ...]
    """Who has pressed to talk."""
    hangovers_ms: dict[int, float]
    """How much silence ends a person's turn, by user id: what it costs before each answer."""
    to_say: int
    """How many texts wait to be said aloud."""
    mouth_to_live: Latency
    live_to_ear: Latency
    barge_in: Latency
    address_hold: Latency
    """How long answers were held until it was clear that they were asked for."""
    started_at: float
    counters: dict[str, int]

    @property
    def hangover_ms(self) -> float | None:
        """What the end of a turn costs now, in ms: the holder's, or the longest of those who spoke."""
        if self.holder is not None and self.holder in self.hangovers_ms:
            return self.hangovers_ms[self.holder]
        return max(self.hangovers_ms.values(), default=None)
