"""One call: the sessions in a channel, and what they are told about each other."""

import time

from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.voice.delivery import DeliveryService
from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.external_sender import ExternalSender
from bot.emulators.discord.voice.messages import Op, Outgoing
from bot.emulators.discord.voice.session import VoiceSession


class Room:
    """Joins gateway, delivery service and SFU for one channel."""

    def __init__(self, channel_id: int, sender: ExternalSender, knobs: Knobs, *, e2ee: bool) -> None:
        self.channel_id = channel_id
        self.sessions: dict[int, VoiceSession] = {}
        self.delivery = DeliveryService(channel_id, sender, knobs.dave, e2ee=e2ee)
        self._knobs = knobs

    def join(self, session: VoiceSession) -> None:
        """Let a session in that has agreed on its transport: op 4, then 11 and the rest."""
        media = session.media
        if media is None:
            raise RefusedError("a session without a transport joins nothing")
        others = [*self.sessions.values()]
        self.sessions[session.user_id] = session
        description = {
            "audio_codec": "opus",
            "video_codec": "H264",
            "media_session_id": session.permit.session_id,
            "mode": media.mode,
            "secret_key": list(media.key),
            "dave_protocol_version": self.delivery.version_with(session.max_dave_version),
        }
        session.send(Op.SESSION_DESCRIPTION, description)
        if others:
            session.send(Op.CLIENTS_CONNECT, {"user_ids": [str(each.user_id) for each in others]})
        for other in others:
            other.send(Op.CLIENTS_CONNECT, {"user_ids": [str(session.user_id)]})
            if self._knobs.voice_noise:
                other.send(Op.CLIENT_FLAGS, {"user_id": str(session.user_id), "flags": 2})
                other.send(Op.CLIENT_PLATFORM, {"user_id": str(session.user_id), "platform": 0})
        self.deliver(self.delivery.joined(session.user_id, session.max_dave_version, time.monotonic()))

    def leave(self, session: VoiceSession) -> None:
        """Let a session go, and tell the rest."""
        if self.sessions.get(session.user_id) is not session:
            return
        del self.sessions[session.user_id]
        for other in self.sessions.values():
            other.streams.pop(session.ssrc, None)
            other.send(Op.CLIENT_DISCONNECT, {"user_id": str(session.user_id)})
        self.deliver(self.delivery.left(session.user_id, time.monotonic()))

    def deliver(self, messages: list[Outgoing]) -> None:
        """Send what the delivery service said."""
        for message in messages:
            if session := self.sessions.get(message.user_id):
                session.send(message.op, message.data)
