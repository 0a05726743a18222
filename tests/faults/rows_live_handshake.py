"""A Live connection does not come up: at /join, and when one that broke off is to be made anew."""

from fault_row import SILENCE_S, Inject, Row, When
from fault_scenarios import JOIN_S
from fault_scene import Scene

from bot.emulators.gemini.faults import Abort, Close, Effect, Late, Send, Stall, Status, Where

AGAIN = "tried again within 0.25 s; /join waits for it"
SAID = "one sentence says what is wrong and what to do; the next /join works"
OTHER = "goes on with the next Live model"
GAP = "tried again, with back-off; what is said meanwhile is kept and sent fast"
LATER = "tried again when the server says (Retry-After); what is said meanwhile is kept"
REFUSED_ONCE = "a key that was taken is tried twice more before the call ends"
EVER = 50
# An attempt that nothing answers is given up after 4 s: on a bad network a good one takes two or three.
UNANSWERED_S = 4.0 + SILENCE_S
# The back-off is 0.25, 2 and 4 s at most: all calls together are not to overrun a server in trouble.
BACKED_OFF_S = 8.0


def at(where: Where, *effects: Effect, times: int = 1) -> Inject:
    """Return what scripts these for the next connection."""

    async def inject(scene: Scene) -> None:
        scene.script(where, *effects, times=times)

    return inject


def broken(where: Where, *effects: Effect, times: int = 1) -> Inject:
    """Return what breaks the connection off, so that the next one meets these."""

    async def inject(scene: Scene) -> None:
        scene.script(where, *effects, times=times)
        scene.live.abort()

    return inject


async def dead_at_join(scene: Scene) -> None:
    """Take connections, and answer no TLS."""
    scene.wire.dead = True


async def dead_for_one(scene: Scene) -> None:
    """Let the first attempt after a break hang in the TLS handshake."""
    scene.wire.dead_next = 1
    scene.live.abort()


def _retry_after(status: int, seconds: int) -> Status:
    return Status(status, (("Retry-After", str(seconds)),))


# What may still come up is tried for 7 s, so that /join is answered within 10 s: JOIN_S bounds these.
_JOIN = "handshake, at /join"
_GAP = "handshake, after a break in mid-sentence"

ROWS = [
    *(
        Row(
            f"live-{code}-join",
            f"HTTP {code}",
            _JOIN,
            When.JOIN,
            SAID,
            at(Where.UPGRADE, Status(code), times=EVER),
            silence_s=JOIN_S if code == 503 else SILENCE_S,
        )
        for code in (401, 403, 404, 429, 503)
    ),
    Row("live-503-join-once", "HTTP 503 once", _JOIN, When.JOIN, AGAIN, at(Where.UPGRADE, Status(503))),
    Row("live-tls-join", "TLS is never answered", _JOIN, When.JOIN, SAID, dead_at_join, silence_s=JOIN_S),
    Row(
        "live-upgrade-join",
        "upgrade never answered",
        _JOIN,
        When.JOIN,
        SAID,
        at(Where.UPGRADE, Stall(), times=EVER),
        silence_s=JOIN_S,
    ),
    Row(
        "live-silent-join",
        "no setupComplete",
        _JOIN,
        When.JOIN,
        SAID,
        at(Where.SETUP, Stall(), times=EVER),
        silence_s=JOIN_S,
    ),
    Row(
        "live-late-join",
        "setupComplete 2 s late",
        _JOIN,
        When.JOIN,
        "waited for",
        at(Where.SETUP, Late(2.0)),
        server_s=2.0,
    ),
    *(
        Row(
            f"live-{code}-setup-join",
            f"close {code} at setup",
            _JOIN,
            When.JOIN,
            OTHER,
            at(Where.SETUP, Close(code)),
        )
        for code in (1007, 1008)
    ),
    Row(
        "live-1008-all-join",
        "close 1008 at setup, every model",
        _JOIN,
        When.JOIN,
        SAID,
        at(Where.SETUP, Close(1008), times=EVER),
    ),
    Row("live-1011-setup-join", "close 1011 at setup", _JOIN, When.JOIN, AGAIN, at(Where.SETUP, Close(1011))),
    *(
        Row(
            f"live-{code}-gap",
            f"HTTP {code} once",
            _GAP,
            When.SPEAKING,
            how,
            broken(Where.UPGRADE, Status(code)),
        )
        for code, how in ((401, REFUSED_ONCE), (403, REFUSED_ONCE), (404, OTHER), (503, GAP))
    ),
    Row(
        "live-503-gap-twice",
        "HTTP 503 twice",
        _GAP,
        When.SPEAKING,
        GAP,
        broken(Where.UPGRADE, Status(503), times=2),
        silence_s=BACKED_OFF_S,
    ),
    *(
        Row(
            f"live-{code}-gap-told",
            f"HTTP {code}, Retry-After 2 s",
            _GAP,
            When.SPEAKING,
            LATER,
            broken(Where.UPGRADE, _retry_after(code, 2)),
            server_s=2.0,
        )
        for code in (429, 503)
    ),
    Row(
        "live-reset-gap", "TCP reset in the upgrade", _GAP, When.SPEAKING, GAP, broken(Where.UPGRADE, Abort())
    ),
    Row(
        "live-tls-gap",
        "TLS is never answered, once",
        _GAP,
        When.SPEAKING,
        GAP,
        dead_for_one,
        silence_s=UNANSWERED_S,
    ),
    Row(
        "live-upgrade-gap",
        "upgrade never answered, once",
        _GAP,
        When.SPEAKING,
        GAP,
        broken(Where.UPGRADE, Stall()),
        silence_s=UNANSWERED_S,
    ),
    Row(
        "live-silent-gap",
        "no setupComplete, once",
        _GAP,
        When.SPEAKING,
        GAP,
        broken(Where.SETUP, Stall()),
        silence_s=UNANSWERED_S,
    ),
    Row(
        "live-late-gap",
        "setupComplete 2 s late",
        _GAP,
        When.SPEAKING,
        "waited for; what is said meanwhile is kept",
        broken(Where.SETUP, Late(2.0)),
        server_s=2.0,
    ),
    *(
        Row(
            f"live-{code}-setup-gap",
            f"close {code} at setup, twice",
            _GAP,
            When.SPEAKING,
            f"without the handle, then {OTHER}",
            broken(Where.SETUP, Close(code), times=2),
            fresh=True,
        )
        for code in (1007, 1008)
    ),
    Row(
        "live-strange-gap",
        "another message than setupComplete",
        _GAP,
        When.SPEAKING,
        GAP,
        broken(Where.SETUP, Send({"neverHeardOf": {}})),
    ),
]
