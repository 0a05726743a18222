"""Notices that people speak and nothing of it comes out, or that the end-to-end group goes on without us.

It goes by the outcome, whatever the cause: voice packets of somebody who may be heard arrive, and none of
them is heard. By then new keys were asked for (op 31) where that could help, as 36 frames in a row that can't
be decrypted make us do at once; what is left is a new connection. That disturbs everybody, so it is tried a
few times, ever more rarely. Then only people can help, and they are told. What was decrypted and is no Opus
is its sender's trouble: people are told that without a new connection.

Outside of the group nobody hears us either, whether anybody speaks who may be heard or not. So there it goes
by the time.

Sans-I/O: who spoke and who was heard go in with the time, an alarm comes out.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bot.voice.recovery import rejoin_pace

# Of speech, pauses not counted. What is joined, mapped or decrypted late is so within 2 s.
DEAF_S = 5.0
# Longer between two packets is a pause: frames last up to 60 ms, and a network may hold some back.
PAUSE_S = 0.5
PENDING_S = 10.0  # a change of the encryption explains so much; one that is stuck for longer explains nothing
WELCOME_S = 3.0  # in which others let us in: 0.1 s is usual, and the proposals cross the world twice
SHUT_OUT_S = WELCOME_S + 5.0  # new keys were asked for by then, perhaps more than once
MAX_REJOINS = 3  # in a row without having heard anything of those whom we don't hear
MAX_REJOINS_FOR_ONE = 1  # where others are heard: then the trouble is most likely that person's own
CALM_S = 600.0  # after which an earlier trouble is another one

REJOIN = (
    "Packets of somebody in the voice channel arrive and no sound comes out of them, so I connect to it anew."
)
HOPELESS = "I still can't hear somebody in the voice channel: leave it and join again, then I may hear you."
UNWELCOME = "The voice channel's end-to-end encryption does not let me in, so I connect to it anew."
SHUT_OUT = (
    "Nobody in the voice channel hears me, since its end-to-end encryption does not let me in: "
    "I keep trying, and /leave and then /join may help."
)

GROUP: Final = "group"
"""Stands for everybody in the end-to-end group that we are not in."""
Whom: TypeAlias = int | Literal["group"] | None
"""A user id; None is whoever an SSRC without a name belongs to."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """We are deaf to these people; without any, to somebody who is unknown yet, or to the whole group."""

    users: tuple[int, ...]
    rejoin: bool
    """Whether a new connection is to be tried; otherwise what could be tried has been."""
    reason: str
    """A sentence to show."""


@dataclass(slots=True)
class _Unheard:
    speech_s: float
    at: float
    packets: int = 0
    undecodable: int = 0

    @property
    def broken(self) -> bool:
        """Whether most of it was decrypted, and then refused by Opus."""
        return 2 * self.undecodable > self.packets


@dataclass(slots=True)
class _Outside:
    since: float
    asked_at: float


class Watchdog:
    """One call's."""

    def __init__(self) -> None:
        self.alarms = 0
        self._unheard: dict[int | None, _Unheard] = {}
        self._outside: _Outside | None = None  # of the end-to-end group, though others are in the call
        self._deaf_to: set[Whom] = set()  # alarmed about, and not heard since
        self._hopeless: set[Whom] = set()
        self._told = False  # that it is hopeless, and not yet that it is over
        self._rejoins = 0
        self._alarm_at = float("-inf")
        self._heard_at = float("-inf")
        self._pace = rejoin_pace()
        self._broken_pace = rejoin_pace()  # such an encoder may make sound now and then
        self._pending_since: float | None = None

    def spoke(self, user_id: int | None, at: float, *, pending: bool) -> None:
        """Note a voice packet of somebody who may be heard; `heard` or `undecodable` follows if it comes out.

        `pending`: the encryption is being changed, and nothing can be expected.
        """
        if user_id in self._hopeless or self._is_pending(at, pending=pending):
            return
        unheard = self._unheard.setdefault(user_id, _Unheard(0.0, at))
        step = at - unheard.at
        unheard.speech_s += step if 0.0 < step < PAUSE_S else 0.0
        unheard.at = max(unheard.at, at)
        unheard.packets += 1

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

    def undecodable(self, user_id: int) -> None:
        """Note that a packet of the person got as far as Opus, which refused it."""
        if user_id in self._unheard:
            self._unheard[user_id].undecodable += 1

    def left(self, user_id: int) -> None:
        """Forget somebody who left, or who may not be heard any more."""
        self._forget(user_id)

    def named(self) -> None:
        """Note that an SSRC got a name: whose it is may be heard now."""
        self._forget(None)

    def inside(self) -> None:
        """Note that we are in the end-to-end group, or that there is no need to be in one."""
        if self._outside is not None or GROUP in self._hopeless:
            self._unheard.clear()  # for that reason
        self._outside = None
        self._forget(GROUP)

    def outside(self, now: float, *, awaited: bool) -> None:
        """Note that we are in no end-to-end group; `awaited`: others are there, who should have let us in."""
        if not awaited:
            self._outside = None
        elif self._outside is None:
            self._outside = _Outside(now, now)

    def wants_keys(self, now: float) -> bool:
        """Return, once in WELCOME_S outside of the group, that we should ask to be let in (op 31)."""
        if self._outside is None or now - self._outside.asked_at < WELCOME_S:
            return False
        self._outside.asked_at = now
        return True

    def reset(self) -> None:
        """Count from 0 again: the connection is a new one. What was tried is not forgotten."""
        self._unheard.clear()
        self._outside = None
        self._pending_since = None

    def _forget(self, whom: Whom) -> None:
        if whom != GROUP:
            self._unheard.pop(whom, None)
        self._hopeless.discard(whom)
        if whom in self._deaf_to:
            self._deaf_to.remove(whom)
            if not self._deaf_to:
                self._rejoins = 0

    def over(self) -> bool:
        """Return, once after people were told that it is hopeless, that it is so for nobody any more."""
        if not self._told or self._hopeless:
            return False
        self._told = False
        return True

    def look(self, now: float) -> Alarm | None:
        """Return an alarm when it is time for one; where it says so, a new connection is then under way."""
        whom, broken = self._overdue(now)
        if not whom:
            return None
        if now - self._alarm_at >= CALM_S:
            self._rejoins = 0
        if broken and self._broken_pace.wait(now) > 0.0:
            return None
        one = GROUP in whom or now - self._heard_at < DEAF_S
        if broken or self._rejoins >= (MAX_REJOINS_FOR_ONE if one else MAX_REJOINS):
            self._hopeless |= whom
            self._told = True
            return self._alarm(whom, now, rejoin=False)
        if self._pace.wait(now) > 0.0:
            return None
        self._rejoins += 1
        return self._alarm(whom, now, rejoin=True)

    def _overdue(self, now: float) -> tuple[set[Whom], bool]:
        """Return whom an alarm is due for, and whether it is their own trouble, a broken encoder's."""
        if self._outside is not None:  # that explains why nobody is heard
            due = GROUP not in self._hopeless and now - self._outside.since >= SHUT_OUT_S
            return ({GROUP} if due else set()), False
        deaf_to = {user: each for user, each in self._unheard.items() if each.speech_s >= DEAF_S}
        broken: set[Whom] = {user for user, each in deaf_to.items() if each.broken}
        return broken or set(deaf_to), bool(broken)

    def _alarm(self, whom: set[Whom], now: float, *, rejoin: bool) -> Alarm:
        self.alarms += 1
        self._alarm_at = now
        self._deaf_to |= whom
        if GROUP in whom:
            self._outside = None  # the next connection is timed by itself
            return Alarm((), rejoin, UNWELCOME if rejoin else SHUT_OUT)
        self._unheard = {user: each for user, each in self._unheard.items() if user not in whom}
        known = tuple(sorted(user for user in whom if isinstance(user, int)))
        return Alarm(known, rejoin, REJOIN if rejoin else HOPELESS)
