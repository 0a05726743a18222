"""What a test or the demo can set on the loopback Gemini; read live, so a change holds from the next use."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from bot.emulators.gemini.faults import Fault
from bot.emulators.gemini.rest_knobs import RestKnobs


@dataclass(frozen=True, slots=True)
class Call:
    """A function call to make. Without `args` the member is left out; `call_id` is made up if not given."""

    name: str
    args: dict[str, Any] | None = None
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """A web search to make, where the setup has google_search; elsewhere none is made."""

    query: str


@dataclass(frozen=True, slots=True)
class ToolScript:
    """What the model does in its next turn: calls, made together and cancelled after a while; searches."""

    calls: tuple[Call | Search, ...]
    cancel_after_s: float | None = None


@dataclass
class ToolRule:
    """What the model does in each turn of speech that has these measurable facts, as long as `times` says.

    It fires only where the setup declares every function that it calls: a model knows no others.
    """

    calls: tuple[Call | Search, ...]
    duration_s: tuple[float, float] = (0.0, math.inf)
    """From the first frame of speech to the last: at least, and at most."""
    speaker: str | None = None
    """Who was told to be speaking; None: anyone."""
    pictures: int = 0
    """How many the context must hold at least, those of this turn included."""
    times: int = 1
    hits: int = field(default=0, init=False)
    """How often it has fired."""


@dataclass
class Knobs:
    """Settings of the emulator."""

    seed: int = 1
    """Of the sizes and the pace of chunks."""
    think_s: float = 0.2
    """From the end of a turn to the first chunk of the answer: a quick model."""
    chunk_ms: tuple[int, int] = (20, 400)
    """The shortest and the longest chunk."""
    stream_speed: float = 4.0
    """How many times faster than it plays an answer is streamed."""
    playback_speed: float = 1.0
    """How fast the model takes its speech to be played; turnComplete waits for the end, and until then the
    answer can be interrupted. Tests raise it."""
    connection_life_s: float | None = None
    """After this the connection is closed with 1001; real ones last about 10 minutes."""
    go_away_lead_s: float = 60.0
    """How long before that goAway comes."""
    pong_delay_s: float = 0.0
    """How late pings are answered; `inf`: never."""
    read_delay_s: float = 0.0
    """A slow reader: how long it waits before it reads each message."""
    tool_calls: deque[ToolScript] = field(default_factory=deque)
    """One is taken at each turn."""
    tool_rules: list[ToolRule] = field(default_factory=list)
    """Where no script waits, the first that fits a turn fires."""
    faults: list[Fault] = field(default_factory=list)
    rest: RestKnobs = field(default_factory=RestKnobs)
    """Of all that is no Live session; change its members, not itself."""
