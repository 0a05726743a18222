"""The emulated world: one object through which tests and emulated people see and change everything.

Use it on the emulator's event loop. Changes are told to connected bots at once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.emulators.discord.acts import Acts
from bot.emulators.discord.cdn import Cdn
from bot.emulators.discord.commands import Commands
from bot.emulators.discord.drafts import Draft, draft_of
from bot.emulators.discord.errors import ActError, RestError
from bot.emulators.discord.events import Bus, Event, Intent
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.interactions import Interactions
from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.model import (
    PERSON_FILE_LIMIT,
    Channel,
    ChannelType,
    EmulatedUser,
    Guild,
    Json,
    Message,
    Upload,
)
from bot.emulators.discord.payloads import guild_create_payload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.places import Places
from bot.emulators.discord.posts import Posts
from bot.emulators.discord.snowflakes import Snowflakes
from bot.emulators.discord.threads import Threads
from bot.emulators.discord.voices import VoiceJoin, Voices, VoiceService

GUILD_NAME = "Earshot Lab"


class World:
    """A guild with a text channel, three voice channels and a stage, a bot in it, and people as added."""

    def __init__(
        self, voice: VoiceService, knobs: Knobs, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.bus = Bus()
        self.places = Places(self.bus, Snowflakes())
        self.posts = Posts(self.places, Cdn(lambda: time.time() + knobs.cdn_clock_offset_s))
        self.commands = Commands(self.places.bot.id, self.places.snowflakes)
        self.interactions = Interactions(self.places, self.posts, knobs, clock)
        self.threads = Threads(self.places)
        self.voices = Voices(self.places, voice, knobs)
        self._acts = Acts(self.places, self.posts, self.commands, self.interactions)
        self.guild: Guild = self.places.add_guild(GUILD_NAME)
        self.text: Channel = self.places.add_channel("general")
        self.voice_channels: list[Channel] = [
            self.places.add_channel(name, ChannelType.VOICE) for name in ("Lounge", "Workshop", "Attic")
        ]
        self.stage: Channel = self.places.add_channel("Stage", ChannelType.STAGE)

    @property
    def bot(self) -> EmulatedUser:
        """The bot's account; its id is the application's, too."""
        return self.places.bot

    # --- places ---

    def add_user(self, name: str, guild: Guild | None = None) -> EmulatedUser:
        """Make a person, a member of the guild."""
        return self.places.add_user(name, guild)

    def add_channel(
        self,
        name: str,
        kind: ChannelType = ChannelType.TEXT,
        *,
        guild: Guild | None = None,
        user_limit: int = 0,
    ) -> Channel:
        """Make a channel."""
        return self.places.add_channel(name, kind, guild=guild, user_limit=user_limit)

    def add_guild(self, name: str, *, with_bot: bool = True) -> Guild:
        """Make another guild, with or without the bot in it."""
        return self.places.add_guild(name, with_bot=with_bot)

    def invite_bot(self, guild: Guild) -> None:
        """Put the bot into a guild that was made without it."""
        self.places.invite_bot(guild)

    def boost(self, guild: Guild, tier: int) -> None:
        """Set how far a guild is boosted, 0 to 3; from 2 on the bot may send larger files there."""
        self.places.boost(guild, tier)

    def add_thread(self, channel_id: int, name: str, user_id: int, *, private: bool = False) -> Channel:
        """Make a thread on a text channel, as a person; a private one is seen by those who are added."""
        parent, owner = self.places.channel(channel_id), self.places.user(user_id)
        return self.threads.add(parent, name, owner, private=private)

    def add_to_thread(self, thread_id: int, user_id: int) -> None:
        """Add someone, or the bot, to a thread."""
        self.threads.admit(self.places.channel(thread_id), self.places.user(user_id))

    def remove_from_thread(self, thread_id: int, user_id: int) -> None:
        """Take someone, or the bot, out of a thread."""
        self.threads.dismiss(self.places.channel(thread_id), self.places.user(user_id))

    def add_group(self, user_ids: Sequence[int], name: str) -> Channel:
        """Make a group channel of people; the bot is not in it, and never can be."""
        return self.places.add_private([self.places.user(user_id) for user_id in user_ids], name)

    def open_private(self, user_id: int, other_id: int) -> Channel:
        """Make the direct channel between two people."""
        return self.places.add_private([self.places.user(user_id), self.places.user(other_id)], None)

    def install(self, user_id: int, *, installed: bool = True) -> None:
        """Put the app on a person's account, or take it off: then its commands go wherever they go."""
        self.places.user(user_id).installed = installed

    def close_dms(self, user_id: int, *, closed: bool = True) -> None:
        """Let no direct messages of the bot through to a person, or let them through again."""
        self.places.user(user_id).takes_direct = not closed

    def delete_channel(self, channel_id: int) -> None:
        """Delete a channel and all in it; whoever is in voice there is disconnected."""
        channel = self.places.channel(channel_id)
        threads = [one for one in self.places.channels.values() if one.parent_id == channel_id]
        self.voices.empty(channel)
        self.places.remove_channel(channel)
        for gone in (channel, *threads):
            self.posts.forget(gone.id)

    def set_permissions(
        self,
        channel_id: int,
        target_id: int,
        *,
        allow: int = Permission.NONE,
        deny: int = Permission.NONE,
    ) -> None:
        """Replace what a channel allows and denies a member or role; the guild's id is @everyone."""
        self.places.set_permissions(channel_id, target_id, allow=allow, deny=deny)

    def set_user_limit(self, channel_id: int, user_limit: int) -> None:
        """Say how many people fit into a voice channel; 0 is no limit."""
        channel = self.places.channel(channel_id)
        channel.user_limit = user_limit
        self.places.channel_changed(channel)

    def open_dm(self, user_id: int) -> Channel:
        """Return the direct channel between a person and the bot."""
        return self.places.direct_channel(self.places.user(user_id))

    def guild_create(self, guild: Guild, intents: int) -> Json:
        """Return the guild as a session with these intents gets it.

        Without the Guild Presences intent that is, of the members, only the bot and who is in voice.
        """
        everyone = intents & Intent.GUILD_PRESENCES
        shown = guild.members if everyone else {self.bot.id, *guild.voice_states}
        return guild_create_payload(
            guild,
            visible_members=[member for member in guild.members.values() if member.user.id in shown],
            visible_threads=self.places.visible_threads(guild, self.bot.id),
        )

    # --- voice ---

    def join_voice(
        self, user_id: int, channel_id: int, *, self_mute: bool = False, self_deaf: bool = False
    ) -> VoiceJoin:
        """Join, or move oneself to, a voice channel."""
        return self.voices.join(user_id, channel_id, self_mute=self_mute, self_deaf=self_deaf)

    def leave_voice(self, user_id: int) -> None:
        """Leave voice; nothing happens where someone is in none."""
        self.voices.leave(user_id)

    def move(self, user_id: int, channel_id: int) -> VoiceJoin:
        """Move someone, as a moderator."""
        return self.voices.move(user_id, channel_id)

    def kick_from_voice(self, user_id: int) -> None:
        """Disconnect someone, as a moderator."""
        self.voices.kick(user_id)

    def server_mute(self, user_id: int, *, muted: bool = True) -> None:
        """Mute someone, as a moderator, or let them speak again; ActError where they are not in voice."""
        self.voices.silence(user_id, mute=muted)

    def server_deafen(self, user_id: int, *, deafened: bool = True) -> None:
        """Deafen someone, as a moderator, or undo it; ActError where they are not in voice."""
        self.voices.silence(user_id, deaf=deafened)

    def change_region(self, channel_id: int, *, close_code: int = 4014) -> None:
        """Move a channel's call to another voice server."""
        self.voices.change_region(channel_id, close_code=close_code)

    def watch(self, user_id: int, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Tell a person's client what concerns its voice: its VOICE_SERVER_UPDATEs, all voice states.

        Returns what ends that.
        """

        def deliver(event: Event) -> None:
            if event.name == "VOICE_STATE_UPDATE" or (
                event.name == "VOICE_SERVER_UPDATE" and event.to_user == user_id
            ):
                listener(event)

        return self.bus.subscribe(deliver)

    # --- messages ---

    def post(
        self,
        user_id: int,
        channel_id: int,
        content: str = "",
        files: Sequence[Upload] = (),
        *,
        reply_to: int | None = None,
        ping: bool = True,
    ) -> Message:
        """Write a message, as a person."""
        user, channel = self.places.user(user_id), self.places.channel(channel_id)
        if not self.places.can(user_id, channel, Permission.SEND_MESSAGES):
            raise ActError(f"user {user_id} may not write in #{channel.name}")
        mentions = {"parse": ["users", "roles", "everyone"], "replied_user": ping}
        body: Json = {"content": content, "allowed_mentions": mentions}
        draft = _typed(body, files)
        target = None if reply_to is None else self.posts.by_id(reply_to)
        return self.posts.write(channel, user, draft, reply_to=target)

    def edit_post(self, message_id: int, content: str) -> Message:
        """Change what a person wrote."""
        message = self.posts.by_id(message_id)
        return self.posts.edit(message, _typed({"content": content}, editing=message))

    def delete_post(self, message_id: int) -> None:
        """Delete a message."""
        self.posts.delete(self.posts.by_id(message_id))

    def messages(self, channel_id: int) -> list[Message]:
        """Return what everyone can see in a channel, oldest first."""
        return self.posts.in_channel(channel_id)

    # --- commands and components ---

    def run_command(
        self, user_id: int, channel_id: int, name: str, options: Mapping[str, Any] | None = None
    ) -> Interaction:
        """Run a slash command; "group sub" names a subcommand, an Upload is a file, an id is a user."""
        return self._acts.run_command(user_id, channel_id, name, options)

    def autocomplete(
        self,
        user_id: int,
        channel_id: int,
        name: str,
        options: Mapping[str, Any],
        *,
        focused: str,
    ) -> Interaction:
        """Ask for choices while typing an option."""
        return self._acts.autocomplete(user_id, channel_id, name, options, focused=focused)

    def run_on_message(self, user_id: int, message_id: int, name: str) -> Interaction:
        """Use a right-click app on a message."""
        return self._acts.run_on_message(user_id, message_id, name)

    def run_on_user(self, user_id: int, channel_id: int, target_user_id: int, name: str) -> Interaction:
        """Use a right-click app on a user."""
        return self._acts.run_on_user(user_id, channel_id, target_user_id, name)

    def click(self, user_id: int, message_id: int, custom_id: str) -> Interaction:
        """Press a button."""
        return self._acts.click(user_id, message_id, custom_id)

    def select(self, user_id: int, message_id: int, custom_id: str, values: list[str]) -> Interaction:
        """Choose in a select."""
        return self._acts.select(user_id, message_id, custom_id, values)

    def submit_modal(self, opened_by: Interaction, values: Mapping[str, Any]) -> Interaction:
        """Submit the modal that an interaction opened."""
        return self._acts.submit_modal(opened_by, values)


def _typed(body: Json, files: Sequence[Upload] = (), *, editing: Message | None = None) -> Draft:
    """Return what a person typed, within the limits that bind bots, too."""
    try:
        return draft_of(body, dict(enumerate(files)), editing=editing, file_limit=PERSON_FILE_LIMIT)
    except RestError as error:
        raise ActError(f"{error} {error.errors or ''}") from None
