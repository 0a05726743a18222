"""Notices that people speak and nothing of it comes out: packets in, no sound out.

It goes by the outcome, whatever the cause: voice packets of somebody who may be heard arrive, and none gets
as far as the decoder. By then new keys were asked for (op 31) where that could help, as 36 frames in a row
that can't be decrypted make us do at once; what is left is a new connection. That disturbs everybody, so it
is tried a few times, ever more rarely. Then only people can help, and they are told.

Sans-I/O: who spoke and who was heard go in with the time, an alarm comes out.
"""

from dataclasses import dataclass

from bot.voice.recovery import rejoin_pace

# Of speech, pauses not counted. What is joined, mapped or decrypted late is so within 2 s.
DEAF_S = 5.0
# Longer between two packets is a pause: frames last up to 60 ms, and a network may hold some back.
PAUSE_S = 0.5
PENDING_S = 10.0  # a change of the encryption explains so much; one that is stuck for longer explains nothing
MAX_REJOINS = 3  # in a row without having heard anything of those whom we don't hear
MAX_REJOINS_FOR_ONE = 1  # where others are heard: then the trouble is most likely that person's own
CALM_S = 600.0  # after which an earlier trouble is another one

REJOIN = (
    "Packets of somebody in the voice channel arrive and no sound comes out of them, so I connect to it anew."
)
HOPELESS = "I still can't hear somebody in the voice channel: leave it and join again, then I may hear you."


@dataclass(frozen=True, slots=True)
class Alarm:
    """We are deaf to these people; without any, to somebody who is unknown yet."""

    users: tuple[int, ...]
    rejoin: bool
    """Whether a new connection is to be tried; otherwise what could be tried has been."""
    reason: str
    """A sentence to show."""


@dataclass(slots=True)
class _Unheard:
    speech_s: float
    at: float


class Watchdog:
    """One call's. People are user ids; None is whoever an SSRC without a name belongs to."""

    def __init__(self) -> None:
        self.alarms = 0
        self._unheard: dict[int | None, _Unheard] = {}
        self._deaf_to: set[int | None] = set()  # alarmed about, and not heard since
        self._hopeless: set[int | None] = set()
        self._rejoins = 0
        self._alarm_at = float("-inf")
        self._heard_at = float("-inf")
        self._pace = rejoin_pace()
        self._pending_since: float | None = None

    def spoke(self, user_id: int | None, at: float, *, pending: bool) -> None:
        """Note a voice packet of somebody who may be heard; `heard` follows if it comes out.

        `pending`: the encryption is being changed, and nothing can be expected.
        """
        if user_id in self._hopeless or self._is_pending(at, pending=pending):
            return
        unheard = self._unheard.setdefault(user_id, _Unheard(0.0, at))
        step = at - unheard.at
        unheard.speech_s += step if 0.0 < step < PAUSE_S else 0.0
        unheard.at = max(unheard.at, at)

    def _is_pending(self, at: float, *, pending: bool) -> bool:
        if not pending:
            self._pending_since = None
            return False
        if self._pending_since is None:
            self._pending_since = at
        return at - self._pending_since < PENDING_S

    def heard(self, user_id: int, at: float) -> None:
        """Note that something that the person said came out."""
        self._heard_at = at
        self._forget(user_id)

    def left(self, user_id: int) -> None:
        """Forget somebody who left, or who may not be heard any more."""
        self._forget(user_id)

    def named(self) -> None:
        """Note that an SSRC got a name: whose it is may be heard now."""
        self._forget(None)

    def reset(self) -> None:
        """Count from 0 again: the connection is a new one. What was tried is not forgotten."""
        self._unheard.clear()
        self._pending_since = None

    def _forget(self, user_id: int | None) -> None:
        self._unheard.pop(user_id, None)
        self._hopeless.discard(user_id)
        if user_id in self._deaf_to:
            self._deaf_to.remove(user_id)
            if not self._deaf_to:
                self._rejoins = 0

    def look(self, now: float) -> Alarm | None:
        """Return an alarm when it is time for one; where it says so, a new connection is then under way."""
        users = {user_id for user_id, unheard in self._unheard.items() if unheard.speech_s >= DEAF_S}
        if not users:
            return None
        if now - self._alarm_at >= CALM_S:
            self._rejoins = 0
        others = now - self._heard_at < DEAF_S
        if self._rejoins >= (MAX_REJOINS_FOR_ONE if others else MAX_REJOINS):
            self._hopeless |= users
            return self._alarm(users, now, rejoin=False)
        if self._pace.wait(now) > 0.0:
            return None
        self._rejoins += 1
        return self._alarm(users, now, rejoin=True)

    def _alarm(self, users: set[int | None], now: float, *, rejoin: bool) -> Alarm:
        self.alarms += 1
        self._alarm_at = now
        self._deaf_to |= users
        for user_id in users:
            del self._unheard[user_id]
        known = tuple(sorted(user_id for user_id in users if user_id is not None))
        return Alarm(known, rejoin, REJOIN if rejoin else HOPELESS)
