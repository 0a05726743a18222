"""One client in one call, from IDENTIFY until it left or can't resume any more."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice.link import Link
from bot.emulators.discord.voice.messages import Op
from bot.emulators.discord.voice.outbox import Outbox
from bot.emulators.discord.voice.port import Address
from bot.emulators.discord.voice.transport import KEY_BYTES, Transport


@dataclass(frozen=True, slots=True)
class VoiceGrant:
    """What VOICE_SERVER_UPDATE tells a client."""

    token: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Permit:
    """What a grant's token is good for."""

    guild_id: int
    channel_id: int
    user_id: int
    session_id: str
    e2ee: bool


@dataclass(frozen=True, slots=True)
class Media:
    """A client's transport encryption, as agreed by SELECT_PROTOCOL."""

    mode: str
    key: bytes
    inbound: Transport
    outbound: Transport

    @classmethod
    def agree(cls, mode: str) -> "Media":
        """Draw a new key."""
        key = secrets.token_bytes(KEY_BYTES)
        return cls(mode, key, Transport(mode, key), Transport(mode, key))


@dataclass
class Stream:
    """One speaker as this listener gets them."""

    link: Link
    forwarded: int = 0
    announced: bool = False
    """Whether op 5 told the listener whose SSRC it is."""


@dataclass(eq=False)
class VoiceSession:
    """The state of one client; `outbox` outlives its websockets, `media` its UDP address."""

    permit: Permit
    token: str
    ssrc: int
    max_dave_version: int
    trace: Trace
    outbox: Outbox = field(default_factory=Outbox)
    media: Media | None = None
    address: Address | None = None
    datagram_at: float = field(default_factory=time.monotonic)
    """When it last sent a datagram of any kind."""
    spoke: bool = False
    """It has sent op 5, so that Discord takes its media."""
    streams: dict[int, Stream] = field(default_factory=dict)
    """Speaker's SSRC -> state."""
    datagrams_to: int = 0
    """Media datagrams sent to it."""
    lost_at: float | None = None
    """When its websocket went away; None while there is one."""

    @property
    def user_id(self) -> int:
        """The user."""
        return self.permit.user_id

    def send(self, op: Op, data: dict[str, Any] | bytes) -> None:
        """Send a message and trace it."""
        self.trace.add("voice.out", user_id=self.user_id, op=int(op), data=data)
        self.outbox.send(op, data)

    def stream_of(self, speaker: "VoiceSession") -> Stream:
        """Return the state of that speaker's stream to this listener."""
        stream = self.streams.get(speaker.ssrc)
        if stream is None:
            stream = Stream(Link(f"{speaker.ssrc} to {self.ssrc}"))
            self.streams[speaker.ssrc] = stream
        return stream
