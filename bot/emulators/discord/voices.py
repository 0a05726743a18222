"""Who is in voice where: joining, leaving, being moved or kicked, and what everyone is told of it."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Protocol

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.events import Event
from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.model import VOICE_LIKE, Channel, ChannelType, Guild, Json, VoiceState
from bot.emulators.discord.payloads import voice_state_payload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.places import Places

DISCONNECTED = 4014  # voice close code: kicked, moved, or the channel is gone


class Grant(Protocol):
    """Leave to connect to a voice server."""

    @property
    def token(self) -> str:
        """What IDENTIFY must carry."""

    @property
    def endpoint(self) -> str:
        """Host and port of the voice gateway, without a scheme."""


class VoiceService(Protocol):
    """The voice servers, as the main half of Discord uses them."""

    region: int
    """Part of every endpoint issued from now on."""

    def issue(self, *, guild_id: int, channel_id: int, user_id: int, session_id: str, e2ee: bool) -> Grant:
        """Let someone connect to a channel's voice server."""

    def revoke(self, *, guild_id: int, user_id: int, close_code: int = DISCONNECTED) -> None:
        """Close someone's voice connection and take the leave to connect back."""


@dataclass(frozen=True)
class VoiceJoin:
    """What a client is told when it joins: the data of two gateway events."""

    voice_state_update: Json
    voice_server_update: Json


class Voices:
    """Voice states, and the leave to connect that goes with them."""

    def __init__(self, places: Places, service: VoiceService, knobs: Knobs) -> None:
        self._places = places
        self._service = service
        self._knobs = knobs

    def join(
        self,
        user_id: int,
        channel_id: int,
        *,
        session_id: str | None = None,
        self_mute: bool = False,
        self_deaf: bool = False,
    ) -> VoiceJoin:
        """Connect someone to a channel, leaving any other of the guild; ActError where Discord refuses."""
        channel = self._places.channel(channel_id)
        guild = self._places.guild_of(channel)
        self._check(user_id, channel, guild)
        session = session_id or secrets.token_hex(16)
        state = VoiceState(user_id, guild.id, channel_id, session, self_mute, self_deaf)
        return self._enter(guild, channel, state)

    def _check(self, user_id: int, channel: Channel, guild: Guild) -> None:
        if channel.type not in VOICE_LIKE:
            raise ActError(f"#{channel.name} is no voice channel")
        if not self._places.can(user_id, channel, Permission.CONNECT):
            raise ActError(f"user {user_id} may not connect to {channel.name}")
        present = {state.user_id for state in guild.voice_states.values() if state.channel_id == channel.id}
        full = channel.user_limit and len(present - {user_id}) >= channel.user_limit
        if full and not self._places.can(user_id, channel, Permission.MOVE_MEMBERS):
            raise ActError(f"{channel.name} is full")

    def _enter(self, guild: Guild, channel: Channel, state: VoiceState, *, moved: bool = False) -> VoiceJoin:
        needed = Permission.MUTE_MEMBERS if channel.type is ChannelType.STAGE else Permission.SPEAK
        state.suppress = not self._places.can(state.user_id, channel, needed)
        if state.user_id in guild.voice_states:
            self._service.revoke(guild_id=guild.id, user_id=state.user_id)
        guild.voice_states[state.user_id] = state
        told = VoiceJoin(self._shown(guild, state), self._issue(channel, state))
        to_all = Event("VOICE_STATE_UPDATE", told.voice_state_update, guild.id)
        to_one = Event("VOICE_SERVER_UPDATE", told.voice_server_update, guild.id, to_user=state.user_id)
        events = (to_one, to_all) if self._knobs.voice_server_first else (to_all, to_one)
        self._publish(*events, after_s=self._knobs.voice_word_after_s if moved else 0.0)
        return told

    def _publish(self, *events: Event, after_s: float) -> None:
        """Tell of these, now or so long after."""
        for event in events:
            if after_s > 0:
                asyncio.get_running_loop().call_later(after_s, self._places.bus.publish, event)
            else:
                self._places.bus.publish(event)

    def _issue(self, channel: Channel, state: VoiceState) -> Json:
        """Let someone connect; returns the data of VOICE_SERVER_UPDATE. Stages are outside of DAVE."""
        grant = self._service.issue(
            guild_id=state.guild_id,
            channel_id=channel.id,
            user_id=state.user_id,
            session_id=state.session_id,
            e2ee=channel.type is not ChannelType.STAGE,
        )
        return {"token": grant.token, "guild_id": str(state.guild_id), "endpoint": grant.endpoint}

    def _shown(self, guild: Guild, state: VoiceState) -> Json:
        return voice_state_payload(state, guild.members[state.user_id])

    def _tell(self, guild: Guild, state: VoiceState) -> Json:
        shown = self._shown(guild, state)
        self._places.bus.publish(Event("VOICE_STATE_UPDATE", shown, guild.id))
        return shown

    def set_flags(self, user_id: int, guild_id: int, *, self_mute: bool, self_deaf: bool) -> None:
        """Mute or deafen oneself."""
        guild = self._places.guilds[guild_id]
        state = self.state(user_id, guild)
        state.self_mute, state.self_deaf = self_mute, self_deaf
        self._tell(guild, state)

    def silence(self, user_id: int, *, mute: bool | None = None, deaf: bool | None = None) -> None:
        """Mute or deafen someone as a moderator does, or undo it; ActError where they are not in voice."""
        homes = [guild for guild in self._places.guilds.values() if user_id in guild.voice_states]
        if not homes:
            raise ActError(f"user {user_id} is not in voice")
        for guild in homes:
            self.silence_in(guild, user_id, mute=mute, deaf=deaf)

    def silence_in(self, guild: Guild, user_id: int, *, mute: bool | None, deaf: bool | None) -> None:
        """Do so in one guild; it stays with the member when they leave voice and come back."""
        member = self._places.member(guild, user_id)
        state = self.state(user_id, guild)
        member.mute = member.mute if mute is None else mute
        member.deaf = member.deaf if deaf is None else deaf
        self._places.member_changed(guild, member)
        self._tell(guild, state)

    def set_suppress(self, user_id: int, guild_id: int, *, suppress: bool) -> None:
        """Become part of a stage's audience, or a speaker there."""
        guild = self._places.guilds[guild_id]
        state = self.state(user_id, guild)
        state.suppress = suppress
        self._tell(guild, state)

    def may_speak(self, user_id: int, guild_id: int) -> bool:
        """Say whether the voice server passes on what someone says; on a stage everyone counts as invited."""
        guild = self._places.guilds[guild_id]
        state = guild.voice_states.get(user_id)
        if state is None or state.channel_id is None or guild.members[user_id].mute:
            return False
        channel = self._places.channel(state.channel_id)
        return channel.type is ChannelType.STAGE or self._places.can(user_id, channel, Permission.SPEAK)

    def state(self, user_id: int, guild: Guild) -> VoiceState:
        """Return where someone is connected, or raise ActError."""
        try:
            return guild.voice_states[user_id]
        except KeyError:
            raise ActError(f"user {user_id} is not in voice") from None

    def leave(self, user_id: int, guild_id: int | None = None) -> None:
        """Disconnect someone, everywhere where no guild is given; nothing happens where they are in none."""
        for guild in tuple(self._places.guilds.values()):
            if guild_id in (None, guild.id) and user_id in guild.voice_states:
                self._disconnect(guild, user_id)

    def _disconnect(self, guild: Guild, user_id: int) -> None:
        state = guild.voice_states.pop(user_id)
        self._service.revoke(guild_id=guild.id, user_id=user_id, close_code=DISCONNECTED)
        state.channel_id = None
        self._tell(guild, state)

    def end_session(self, user_id: int, session_id: str) -> None:
        """Disconnect someone wherever they are by a session that is over."""
        for guild in tuple(self._places.guilds.values()):
            state = guild.voice_states.get(user_id)
            if state is not None and state.session_id == session_id:
                self._disconnect(guild, user_id)

    def kick(self, user_id: int) -> None:
        """Disconnect someone as a moderator does; ActError where they are not in voice."""
        if not any(user_id in guild.voice_states for guild in self._places.guilds.values()):
            raise ActError(f"user {user_id} is not in voice")
        self.leave(user_id)

    def move(self, user_id: int, channel_id: int) -> VoiceJoin:
        """Move someone who is in voice to another channel, as a moderator does, full or not."""
        channel = self._places.channel(channel_id)
        guild = self._places.guild_of(channel)
        old = self.state(user_id, guild)
        state = VoiceState(user_id, guild.id, channel_id, old.session_id, old.self_mute, old.self_deaf)
        return self._enter(guild, channel, state, moved=True)

    def change_region(self, channel_id: int, *, close_code: int = DISCONNECTED) -> None:
        """Move a channel's call to another voice server: VOICE_SERVER_UPDATE alone, and the old one ends."""
        channel = self._places.channel(channel_id)
        guild = self._places.guild_of(channel)
        self._service.region += 1
        for state in [state for state in guild.voice_states.values() if state.channel_id == channel_id]:
            self._service.revoke(guild_id=guild.id, user_id=state.user_id, close_code=close_code)
            server = self._issue(channel, state)
            event = Event("VOICE_SERVER_UPDATE", server, guild.id, to_user=state.user_id)
            self._publish(event, after_s=self._knobs.voice_word_after_s)

    def empty(self, channel: Channel) -> None:
        """Disconnect everyone from a channel that is about to go."""
        guild = self._places.guild_of(channel)
        for state in [state for state in guild.voice_states.values() if state.channel_id == channel.id]:
            self._disconnect(guild, state.user_id)
