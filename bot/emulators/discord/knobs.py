"""What a test may turn to make the emulated Discord misbehave. Read at each use, so set them at any time."""

import math
from dataclasses import dataclass, field
from typing import Self

from bot.emulators.discord.errors import missing_permissions


@dataclass
class UdpKnobs:
    """How the voice server's links behave from it to each receiver. All zero is a perfect network."""

    loss: float = 0.0
    """Probability that a datagram to a receiver vanishes."""
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Added to the delay, drawn evenly from 0 to this."""
    reorder: float = 0.0
    """Probability that a datagram is held back by `reorder_ms`, so that later ones overtake it."""
    reorder_ms: float = 30.0
    duplicate: float = 0.0
    padding: float = 0.0
    """Probability that a datagram carries RTP padding (1 to 255 bytes)."""
    extension_words: tuple[int, ...] = (2, 0, 1, 3)
    """Lengths of the encrypted header extension, taken in turn; a negative one means no extension at all."""
    seed: int = 1
    """Each link's dice start from this and the two clients' SSRCs, which count up in the order of joining."""
    deaf_after_s: float = 60.0
    """A receiver that has sent no datagram for this long gets no more, as with Discord."""


@dataclass
class DaveKnobs:
    """How the voice server runs end-to-end encryption."""

    max_version: int = 1
    """0 forces every call to plain transport encryption; changed in mid-call, a transition follows."""
    required: bool = True
    """Close with 4017 on a client that supports none (stage channels excepted), as Discord does."""
    transition_timeout_s: float = 2.0
    """A transition is executed after this even when someone has not reported ready."""
    proposals_first: bool = False
    """Send one who joins op 27, the proposals, before op 25, whose sender signs them: against the rules."""


@dataclass
class RestFault:
    """What happens to the next `times` matching REST requests, after the first `skip` of them."""

    method: str
    """"GET", "POST", ...; "*" matches all."""
    path_regex: str
    """Searched in the path after /api/v10."""
    status: int | None = None
    """Answered in place of serving the request; None serves it, so that only the answer can be late."""
    body: object = None
    """Sent as JSON; None sends an empty body."""
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    skip: int = 0
    delay_s: float = 0.0
    """How late the answer comes; `inf`: never."""

    @classmethod
    def limited(cls, method: str, path_regex: str, *, retry_after_s: float, times: int = 1) -> Self:
        """Return a 429 for one route, as Discord words it."""
        body = {"message": "You are being rate limited.", "retry_after": retry_after_s, "global": False}
        headers = {"Retry-After": str(math.ceil(retry_after_s)), "X-RateLimit-Scope": "user"}
        return cls(method, path_regex, 429, {**body, "code": 0}, headers, times)

    @classmethod
    def refused(cls, method: str, path_regex: str, *, times: int = 1) -> Self:
        """Return a 403 for permissions that are missing, as Discord words it."""
        return cls(method, path_regex, 403, missing_permissions().body(), times=times)


@dataclass
class Knobs:
    """All that can be turned."""

    udp: UdpKnobs = field(default_factory=UdpKnobs)
    dave: DaveKnobs = field(default_factory=DaveKnobs)
    rest_faults: list[RestFault] = field(default_factory=list)
    voice_mode: str | None = None
    """The only transport mode that the voice server offers; None offers all that it knows."""
    voice_heartbeat_ms: float = 13_750.0
    """What the voice server's HELLO asks for: Discord's own figure."""
    voice_mute_acks: bool = False
    """Leave heartbeats on voice websockets unanswered, on new ones too."""
    voice_resume_window_s: float = 30.0
    """How long after losing its websocket a session stays in the call, to be resumed."""
    voice_noise: bool = True
    """Send the undocumented opcodes (18, 20) that real voice servers send."""
    speaking_after_packets: int | None = 2
    """A listener gets op 5, which maps an SSRC, once, with that one of the speaker's datagrams (1: the
    first one); None: never. As on Discord it often comes late, so clients hold what they can't place."""
    voice_server_first: bool = False
    """On a join or move, send VOICE_SERVER_UPDATE before VOICE_STATE_UPDATE."""
    voice_word_after_s: float = 0.0
    """How long after the voice server's close the main gateway tells someone who was moved, or whose call has
    a new region: these are two servers. Who joins another channel by themselves is told at once."""
    interaction_clock_offset_s: float = 0.0
    """Added to the clock that expires interactions and their tokens."""
    cdn_clock_offset_s: float = 0.0
    """Added to the clock that expires links of the CDN; a day of it expires all that were given out."""
    gateway_heartbeat_ms: float = 41_250.0
    """What the main gateway's HELLO asks for: Discord's own figure."""
    gateway_resume_window_s: float = 180.0
    """How long after losing its connection a session can be resumed; then the bot is gone, from voice too."""
    dead_voice_s: float = 2.0
    """How long a session that lost its connection stays in voice once its bot has identified anew, as after
    a crash; Discord says nothing of it, and takes from seconds to a minute."""
    gateway_down: bool = False
    """Answer new connections to the main gateway with 503."""
    max_concurrency: int = 1
    """Identifies allowed at once, in each `identify_interval_s`."""
    identify_interval_s: float = 5.0
    identifies_a_day: int = 1_000
    rest_requests_a_second: int = 50
    """The whole bot's budget; interaction endpoints are exempt."""
    invalid_requests_limit: int = 10_000
    """Answers 401, 403 and 429 in 10 minutes after which the address is banned."""
