"""The weather on the way from the voice server to one listener. Sans-I/O."""

import random
from dataclasses import dataclass, field

from bot.emulators.discord.knobs import UdpKnobs

_LONGEST_PADDING = 255  # what its length byte can say


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a datagram."""

    decision: str
    """"sent", "dropped", "delayed" (so that later ones overtake it) or "duplicated"."""
    delays_s: tuple[float, ...]
    """When each copy goes out, from now."""
    padding: int
    """Bytes of RTP padding it carries."""


@dataclass
class Link:
    """One speaker's stream to one listener, with dice of its own, so that a seed repeats what happened."""

    name: str
    _seed: int | None = None
    _dice: random.Random = field(default_factory=random.Random)

    def fate(self, knobs: UdpKnobs) -> Fate:
        """Throw for the next datagram; always as many dice, so that no knob changes another's luck."""
        if knobs.seed != self._seed:
            self._seed = knobs.seed
            self._dice = random.Random(f"{knobs.seed}/{self.name}")  # noqa: S311 -- repeatable on purpose
        loss, jitter, reorder, duplicate, padding, length = (self._dice.random() for _ in range(6))
        delay_s = (knobs.delay_ms + jitter * knobs.jitter_ms) / 1000.0
        padded = 1 + int(length * _LONGEST_PADDING) if padding < knobs.padding else 0
        if loss < knobs.loss:
            return Fate("dropped", (), padded)
        if reorder < knobs.reorder:
            return Fate("delayed", (delay_s + knobs.reorder_ms / 1000.0,), padded)
        if duplicate < knobs.duplicate:
            return Fate("duplicated", (delay_s, delay_s), padded)
        return Fate("sent", (delay_s,), padded)
