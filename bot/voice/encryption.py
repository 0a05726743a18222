"""The end-to-end encrypted session of a connection: discord.py's handling of DAVE, with its faults mended.

The voice gateway's messages come from `bot.voice.gateway`; the session itself is davey's.
"""

import asyncio
import logging
import time
from typing import Any

import davey
import discord
from discord.voice_state import VoiceConnectionState

from bot.tasks import end
from bot.voice.commits import OwnCommits
from bot.voice.gateway import VoiceGateway
from bot.voice.observer import Observer
from bot.voice.recovery import recovery_pace

logger = logging.getLogger(__name__)

ANNOUNCED_S = 10.0  # a transition that was announced and is not executed within this is not coming


class EncryptedState(VoiceConnectionState):
    """The part of a connection's state that deals with end-to-end encryption."""

    def __init__(self, voice_client: discord.VoiceClient, observer: Observer) -> None:
        super().__init__(voice_client)
        self.observer = observer
        self.channel_id = voice_client.channel.id
        """Where the main gateway says that we are; the end-to-end group's id."""
        self.name = f"voice-{voice_client.guild.id}"
        self.own_commits = OwnCommits()
        self.refused_messages = 0
        self.recoveries = 0
        self._upgrading_until = self._downgrading_until = 0.0
        self._recovery_pace = recovery_pace()
        self._recovering: asyncio.Task[None] | None = None

    @property
    def misplaced(self) -> bool:
        """Whether the end-to-end session belongs to another channel than the one we are in."""
        return self.dave_session is not None and self.dave_session.channel_id != self.channel_id

    def receiving(self, op: int, data: Any) -> None:
        """Prepare for a message of the voice gateway before discord.py handles it."""
        if op == VoiceGateway.SESSION_DESCRIPTION:
            self._forget_dave()
        elif op == VoiceGateway.DAVE_PREPARE_EPOCH and data["epoch"] == 1:
            upgrade = self.dave_protocol_version == 0 and data["protocol_version"] > 0
            self._upgrading_until = time.monotonic() + ANNOUNCED_S if upgrade else 0.0

    def received(self, op: int, data: Any) -> None:
        """Pass on a message after discord.py handled it."""
        if op == VoiceGateway.READY:
            self.observer.session_began()
        elif op == VoiceGateway.SESSION_DESCRIPTION and self.dave_session is None:
            # Without a session discord.py would ignore the announcement of an upgrade.
            self.dave_session = davey.DaveSession(davey.DAVE_PROTOCOL_VERSION, self.user.id, self.channel_id)
        elif op == VoiceGateway.DAVE_PREPARE_EPOCH:
            self.observer.epoch_changed()
        elif op == VoiceGateway.DAVE_PREPARE_TRANSITION and data["protocol_version"] == 0:
            self._downgrading_until = time.monotonic() + ANNOUNCED_S
            self._end_passthrough()  # which discord.py allows for ever
        if isinstance(data, dict):
            self.observer.message(op, data)

    @property
    def version_changing(self) -> bool:
        """Whether a change from or to version 0 was announced lately and is not yet executed."""
        now = time.monotonic()
        downgrading = 0 in self.dave_pending_transitions.values() and now < self._downgrading_until
        return downgrading or now < self._upgrading_until

    def expected_users(self) -> set[int]:
        """Return who may be in the end-to-end group: whom the gateways say are in the channel, and we."""
        channel = self.voice_client.channel
        return {self.user.id, *self.observer.users, *channel.voice_states}

    async def reinit_dave_session(self) -> None:
        """Begin the end-to-end session anew, for the channel that we are in, and offer it to the server."""
        if self.dave_protocol_version == 0:
            return
        if self.dave_session is None:
            self.dave_session = davey.DaveSession(self.dave_protocol_version, self.user.id, self.channel_id)
        else:
            self.dave_session.reinit(self.dave_protocol_version, self.user.id, self.channel_id)
        await self.ws.send_binary(
            VoiceGateway.MLS_KEY_PACKAGE, self.dave_session.get_serialized_key_package()
        )

    async def recover_dave(self, transition_id: int = 0) -> None:
        """Ask to be taken out of the end-to-end group and added anew; not more often than makes sense."""
        wait = self._recovery_pace.wait(time.monotonic())
        if wait == 0.0:
            self.recoveries += 1
            await super()._recover_from_invalid_commit(transition_id)
        elif self._recovering is None or self._recovering.done():
            self._recovering = asyncio.create_task(
                self._recover_later(wait, transition_id), name=f"{self.name}-recovery"
            )

    async def _recover_later(self, wait: float, transition_id: int) -> None:
        epoch = self._epoch()
        await asyncio.sleep(wait)
        if self._epoch() not in (epoch, None):
            return  # a welcome or commit came after what was wrong, and fitted
        try:
            await self.recover_dave(transition_id)
        except (OSError, RuntimeError) as error:
            logger.debug("%s: lost the connection before the recovery: %s", self.name, error)

    def _epoch(self) -> int | None:
        """Return the epoch that we can hear in, None while there is none."""
        session = self.dave_session
        return session.epoch if session is not None and session.ready else None

    async def stop_recovering(self) -> None:
        """Forget a recovery that waits for its time."""
        if self._recovering is not None:
            await end(self._recovering)

    async def _recover_from_invalid_commit(self, transition_id: int) -> None:
        await self.recover_dave(transition_id)

    async def _execute_transition(self, transition_id: int) -> None:
        await super()._execute_transition(transition_id)
        self._upgrading_until = 0.0
        if self.dave_protocol_version > 0:
            self._end_passthrough()  # which discord.py allows for ever, once more
        self.observer.epoch_changed()

    def _end_passthrough(self) -> None:
        """Let davey take plaintext no longer than a transition may take."""
        if self.dave_session is not None:
            self.dave_session.set_passthrough_mode(False, int(ANNOUNCED_S))

    def _forget_dave(self) -> None:
        """Let no session of an earlier connection, channel or version stand under a new description."""
        self.dave_session = None
        self.dave_pending_transitions.clear()
        self.dave_downgraded = False
        self._upgrading_until = 0.0
