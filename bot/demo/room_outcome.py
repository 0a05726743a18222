"""What the scene of the room leaves behind, to be judged and drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.audio.pcm import Pcm16
from bot.demo.speech import Line
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.live_pictures import Picture
from bot.emulators.gemini.record import Record


@dataclass
class RoomOutcome:
    """All that the results about the room are made from; times are `time.monotonic()`."""

    started: float
    ended: float
    lines: list[Line]
    """Of those who agreed, in the order in which they began."""
    unheard: list[Line]
    """Of who did not agree."""
    record: Record
    sent: list[TraceEntry]
    """Voiced datagrams of people as the voice server received them."""
    sent_by_bot: list[TraceEntry]
    to_bot: Mapping[str, int]
    """How many datagrams of each person, by name, the voice server passed on to the bot: silence too."""
    heard_frames: Mapping[str, int]
    """How many voiced frames of the bot's each person could decrypt, by name."""
    recording: Pcm16
    """What Ada heard of the bot from `started` to `ended`, 48 kHz mono."""
    shown_at: float
    """When Ada showed the picture."""
    stopped_at: float | None
    """When she had heard enough; None where the bot had ended by itself."""
    picture: bytes
    """Its file."""
    captions: list[str]
    """Lines that the bot wrote into the call's chat, in Discord's Markdown."""
    figures: dict[str, float]
    model_saw: Sequence[Picture] | None
    """What the loopback Gemini measured in pictures that it was shown; None where the real one answers."""

    @property
    def loopback(self) -> bool:
        """Whether the loopback Gemini answers, of which it is known which tools it uses and what it says."""
        return self.model_saw is not None
