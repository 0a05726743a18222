"""What `/status` shows of a call: plain data, and how it is put together."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from bot.conversation.conversation import Conversation
from bot.conversation.room import Mode
from bot.latency import Latency
from bot.voice.client import EarshotVoiceClient


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
    volume: int
    """How loud the bot is, in percent."""
    muted: bool
    """Whether the bot says nothing, as somebody asked of it."""
    mouth_to_live: Latency
    live_to_ear: Latency
    barge_in: Latency
    address_hold: Latency
    """How long answers were held until it was clear that they were asked for."""
    started_at: float
    """On time.monotonic's clock."""
    counters: dict[str, int]

    @property
    def hangover_ms(self) -> float | None:
        """What the end of a turn costs now, in ms: the holder's, or the longest of those who spoke."""
        if self.holder is not None and self.holder in self.hangovers_ms:
            return self.hangovers_ms[self.holder]
        return max(self.hangovers_ms.values(), default=None)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What the call itself knows."""

    channel_id: int
    connection: str
    """How the voice connection is."""
    started_at: float


def status_of(
    facts: CallFacts,
    talk: Conversation,
    voice: EarshotVoiceClient | None,
    consented: Callable[[int], bool],
) -> CallStatus:
    """Return how a call is now; `voice` is None before it is connected."""
    room, downlink, live = talk.room, talk.downlink, talk.live
    people = voice.participants if voice is not None else set()
    gate = downlink.gate if downlink is not None else None
    return CallStatus(
        channel_id=facts.channel_id,
        participants={user_id: consented(user_id) for user_id in sorted(people)},
        voice=facts.connection,
        live=live.state.value,
        mode=room.mode,
        mixed=room.mixed,
        marks=live.marks,
        holder=room.holder,
        waiting=room.waiting,
        pressed=room.keys.pressed,
        hangovers_ms=room.hangovers_ms(),
        to_say=len(talk.agenda.sayings),
        volume=round(100 * downlink.gain) if downlink is not None else 100,
        muted=talk.muted,
        mouth_to_live=live.mouth_to_live,
        live_to_ear=voice.playout.live_to_ear if voice is not None else Latency(),
        barge_in=voice.playout.barge_in if voice is not None else Latency(),
        address_hold=gate.hold if gate is not None else Latency(),
        started_at=facts.started_at,
        counters=_counters(talk, voice),
    )


def _counters(talk: Conversation, voice: EarshotVoiceClient | None) -> dict[str, int]:
    counters = {
        "frames_dropped_while_waiting_for_the_floor": talk.room.frames_lost,
        "frames_not_pressed_for": talk.room.frames_unpressed,
    }
    tools = talk.errands.toolbox.counters
    counters |= {f"tools_{name}": count for name, count in asdict(tools).items()}
    counters |= talk.live.counters() | talk.agenda.showing.overload.counters()
    if voice is not None:
        counters |= voice.counters()
    return counters
