"""An uplink on a real Live session that is not connected: what it would send, in a time that is passed in."""

from dataclasses import dataclass, field

import numpy as np

from bot.audio.pcm import FRAME_MS, LIVE_IN_HZ, Pcm16
from bot.conversation.actions import Action
from bot.conversation.room import Mode, Room
from bot.conversation.uplink import Uplink
from bot.live.client import make_client
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Text
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.voice.events import Heard, Hushed

FRAME = LIVE_IN_HZ * FRAME_MS // 1000
FRAME_S = FRAME_MS / 1000
NAMES = {1: "Ada", 2: "Ben", 3: "Cara"}


@dataclass
class Rig:
    """The room of a call and all that went to the model, with when it went."""

    turns: str = "marks"
    mode: Mode = Mode.EVERYONE
    mixed: bool = False
    now: float = 0.0
    sent: list[tuple[float, Item]] = field(default_factory=list)
    taken: list[int | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        setup = LiveSetup(
            model="gemini-3.8-live",
            voice="Kore",
            system_instruction="Be kind.",
            turns="marks" if self.turns == "marks" else "model",
        )
        self.live = LiveSession(make_client("none"), setup, lambda _event: None, name="rig")
        self.room = Room(mode=self.mode, mixed=self.mixed)
        self.released: list[tuple[float, float]] = []
        self.uplink = Uplink(
            self.live,
            room=self.room,
            name_of=NAMES.get,
            present=lambda: NAMES,
            on_take=lambda user_id, _at: self.taken.append(user_id),
            on_speech=lambda _speakers, _at: None,
            on_release=lambda at, spoken_s: self.released.append((at, spoken_s)),
        )

    def until(self, now: float) -> None:
        """Let the time pass, and what is due be done when it is due."""
        while (due := self.uplink.deadline()) is not None and due <= now:
            self.now = max(self.now, due)
            self.uplink.poll(self.now)
            self._collect()
        self.now = now

    def hear(self, user_id: int, at: float, pcm: Pcm16 | None = None) -> None:
        self.until(at)
        self.uplink.heard(Heard(user_id, np.full(FRAME, 1000, np.int16) if pcm is None else pcm, at), at)
        self._collect()

    def hush(self, user_id: int, at: float) -> None:
        self.until(at)
        self.uplink.heard(Hushed(user_id, at), at)
        self._collect()

    def say(self, user_id: int, at: float, frames: int) -> float:
        """Speak, and close the gate; return when that was."""
        for i in range(frames):
            self.hear(user_id, at + i * FRAME_S)
        self.hush(user_id, at + frames * FRAME_S)
        return at + frames * FRAME_S

    def _collect(self) -> None:
        outbox = self.live._core.outbox
        while (outgoing := outbox.next(self.now)) is not None:
            self.sent.append((self.now, outgoing.item))

    def act(self, actions: list[Action], now: float) -> None:
        """Have what the room decided carried out."""
        self.now = now
        self.uplink.act(actions)
        self._collect()

    @property
    def pcm(self) -> bytes:
        return b"".join(item.pcm for _, item in self.sent if isinstance(item, Audio))

    def pcm_since(self, at: float) -> bytes:
        return b"".join(item.pcm for when, item in self.sent if isinstance(item, Audio) and when >= at)

    @property
    def story(self) -> list[str]:
        """What was sent, in words: marks, notes, and how many frames between them."""
        told: list[str] = []
        frames = 0
        for _, item in [*self.sent, (0.0, ActivityEnd())]:
            if isinstance(item, Audio):
                frames += len(item.pcm) // 2
                continue
            if frames:
                told.append(f"{frames / FRAME:g} frames")
                frames = 0
            match item:
                case ActivityStart():
                    told.append("start")
                case ActivityEnd():
                    told.append("end")
                case Text(text):
                    told.append(text)
        return told[:-1]
