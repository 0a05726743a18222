"""Who may come, who is here, and in which room."""

import itertools
import time
from collections.abc import Callable, Iterator

from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.external_sender import ExternalSender
from bot.emulators.discord.voice.messages import FINAL, Close
from bot.emulators.discord.voice.room import Room
from bot.emulators.discord.voice.session import Media, Permit, VoiceSession
from bot.emulators.discord.voice.sfu import Sfu

_FIRST_SSRC = 10_000


class Sessions:
    """The registry that websockets, rooms and the forwarding unit share."""

    def __init__(self, trace: Trace, knobs: Knobs, may_speak: Callable[[int, int], bool]) -> None:
        self.sfu = Sfu(self.room_of, trace, knobs, may_speak)
        self.rooms: dict[int, Room] = {}
        self._permits: dict[str, Permit] = {}
        self._sessions: dict[tuple[int, int], VoiceSession] = {}
        self._ssrcs: Iterator[int] = itertools.count(_FIRST_SSRC)
        self._sender = ExternalSender()
        self._trace = trace
        self._knobs = knobs

    def all(self) -> list[VoiceSession]:
        """Return a list of the sessions of now."""
        return list(self._sessions.values())

    def permit(self, token: str, permit: Permit) -> None:
        """Let a token open a session; the user's earlier tokens in the guild open nothing any more."""
        self.forbid(permit.guild_id, permit.user_id)
        self._permits[token] = permit

    def forbid(self, guild_id: int, user_id: int) -> None:
        """Take back a user's tokens in a guild; a session that is open stays so."""
        for token, permit in list(self._permits.items()):
            if (permit.guild_id, permit.user_id) == (guild_id, user_id):
                del self._permits[token]

    def permit_of(self, token: str) -> Permit | None:
        """Return what a token permits."""
        return self._permits.get(token)

    def open(self, token: str, max_dave_version: int) -> VoiceSession:
        """Begin the session that a token permits, in place of the user's earlier one in that guild."""
        permit = self._permits[token]
        if earlier := self.get(permit.guild_id, permit.user_id):
            self.drop(earlier, Close.INVALID_SESSION)
        session = VoiceSession(permit, token, next(self._ssrcs), max_dave_version, self._trace)
        self._sessions[permit.guild_id, permit.user_id] = session
        self.sfu.add(session)
        return session

    def reuse_ssrc(self, ssrc: int) -> None:
        """Give the next session this SSRC."""
        self._ssrcs = itertools.chain((ssrc,), self._ssrcs)

    def get(self, guild_id: int, user_id: int) -> VoiceSession | None:
        """Return a user's session in a guild."""
        return self._sessions.get((guild_id, user_id))

    def resumable(self, token: str, session_id: str) -> VoiceSession:
        """Find the session of a RESUME; raises `RefusedError`."""
        for session in self._sessions.values():
            if (session.token, session.permit.session_id) == (token, session_id) and session.media:
                return session
        raise RefusedError("a resume of a session that is not here")

    def enter(self, session: VoiceSession, mode: str) -> None:
        """Take a session into its room, with new keys; one that was ended meanwhile stays out."""
        if self.get(session.permit.guild_id, session.user_id) is not session:
            return
        if room := self.room_of(session):
            room.leave(session)
        session.media = Media.agree(mode)
        permit = session.permit
        if permit.channel_id not in self.rooms:
            room = Room(permit.channel_id, self._sender, self._knobs, e2ee=permit.e2ee)
            self.rooms[permit.channel_id] = room
        self.rooms[permit.channel_id].join(session)

    def hang_up(self, session: VoiceSession, code: int) -> None:
        """Close a session's websocket; the code says whether the session lives on, to be resumed."""
        session.outbox.close(code)
        self.lost(session, code)

    def lost(self, session: VoiceSession, code: int) -> None:
        """Note that a session's websocket ended with this code."""
        if code in FINAL:
            self.drop(session, code)
        else:
            session.lost_at = time.monotonic()

    def drop(self, session: VoiceSession, code: int) -> None:
        """End a session for good, closing its websocket with the code if it has one."""
        session.outbox.close(code)
        key = (session.permit.guild_id, session.user_id)
        if self._sessions.get(key) is session:
            del self._sessions[key]
        self.sfu.remove(session)
        if room := self.room_of(session):
            room.leave(session)
            if not room.sessions:
                del self.rooms[room.channel_id]

    def room_of(self, session: VoiceSession) -> Room | None:
        """Return the room that a session is in."""
        room = self.rooms.get(session.permit.channel_id)
        return room if room and room.sessions.get(session.user_id) is session else None

    def poll(self, now: float) -> None:
        """Do what time brings: forget sessions that nobody resumed, and run the rooms' transitions."""
        for session in self.all():
            if session.lost_at is not None and now - session.lost_at > self._knobs.voice_resume_window_s:
                self.drop(session, Close.SESSION_TIMEOUT)
        for room in self.rooms.values():
            room.deliver(room.delivery.poll(now))
