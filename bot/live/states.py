"""The states of a Live session and what moves it from one to another: the table is all there is to know.

    start                    up                  go away, stay: back
IDLE ----> CONNECTING ---------------> READY <--------------------> DRAINING
               | ^                       |                              |
          lost | | due              lost |                         lost | moved: CONNECTING
               v |                       v                              v
             BACKING_OFF <----------------------------------------------+

Refused and broke lead to FAILED, close leads to CLOSED, from wherever they can happen.
"""

from enum import Enum


class LiveState(Enum):
    """Where a session stands; the value is the word that people are shown."""

    IDLE = "idle"  # not started
    CONNECTING = "connecting"  # a connection is being made, up to setupComplete
    READY = "ready"  # it can be talked with
    DRAINING = "draining"  # it is to be left: it can be talked with until a good moment to move
    BACKING_OFF = "backing off"  # a connection was lost; the next attempt waits
    FAILED = "failed"  # over for good: nothing can be done with this setup
    CLOSED = "closed"  # over because it was closed


class Step(Enum):
    """What moves a session."""

    START = "start"
    UP = "up"  # setupComplete
    GO_AWAY = "go away"  # the connection is to be left: the server will close it, or settings have changed
    STAY = "stay"  # it need not be left any more: the settings are as before
    MOVED = "moved"  # the old connection is given up for a new one
    LOST = "lost"  # the connection, or the attempt at one, failed; another may succeed
    REFUSED = "refused"  # as it is set up, no attempt can succeed
    DUE = "due"  # the wait before the next attempt is over
    BROKE = "broke"  # a defect of ours: nothing makes connections any more
    CLOSE = "close"


_S = LiveState

TRANSITIONS: dict[tuple[LiveState, Step], LiveState] = {
    (_S.IDLE, Step.START): _S.CONNECTING,
    (_S.IDLE, Step.CLOSE): _S.CLOSED,
    (_S.CONNECTING, Step.UP): _S.READY,
    (_S.CONNECTING, Step.LOST): _S.BACKING_OFF,
    (_S.CONNECTING, Step.REFUSED): _S.FAILED,
    (_S.CONNECTING, Step.BROKE): _S.FAILED,
    (_S.CONNECTING, Step.CLOSE): _S.CLOSED,
    (_S.READY, Step.GO_AWAY): _S.DRAINING,
    (_S.READY, Step.LOST): _S.BACKING_OFF,
    (_S.READY, Step.REFUSED): _S.FAILED,
    (_S.READY, Step.BROKE): _S.FAILED,
    (_S.READY, Step.CLOSE): _S.CLOSED,
    (_S.DRAINING, Step.GO_AWAY): _S.DRAINING,
    (_S.DRAINING, Step.STAY): _S.READY,
    (_S.DRAINING, Step.MOVED): _S.CONNECTING,
    (_S.DRAINING, Step.LOST): _S.BACKING_OFF,
    (_S.DRAINING, Step.REFUSED): _S.FAILED,
    (_S.DRAINING, Step.BROKE): _S.FAILED,
    (_S.DRAINING, Step.CLOSE): _S.CLOSED,
    (_S.BACKING_OFF, Step.DUE): _S.CONNECTING,
    (_S.BACKING_OFF, Step.BROKE): _S.FAILED,
    (_S.BACKING_OFF, Step.CLOSE): _S.CLOSED,
    (_S.FAILED, Step.CLOSE): _S.CLOSED,
    (_S.CLOSED, Step.CLOSE): _S.CLOSED,
}

TALKING = frozenset({_S.READY, _S.DRAINING})
OVER = frozenset({_S.FAILED, _S.CLOSED})
