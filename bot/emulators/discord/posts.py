"""Messages: written, edited and deleted by people and by bots; each change is told on the bus."""

import itertools
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.emulators.discord.cdn import Cdn
from bot.emulators.discord.component_answers import completed
from bot.emulators.discord.drafts import Draft
from bot.emulators.discord.errors import ActError
from bot.emulators.discord.events import Event
from bot.emulators.discord.message_payload import message_payload
from bot.emulators.discord.model import (
    Attachment,
    Channel,
    EmulatedUser,
    Json,
    Message,
    MessageFlag,
    MessageType,
    Origin,
    Upload,
)
from bot.emulators.discord.payloads import partial_member_payload
from bot.emulators.discord.places import Places

KEPT = 10_000  # messages held in all; the oldest go first, as from a client's view
_USER_MENTION = re.compile(r"<@!?(\d+)>")
_ROLE_MENTION = re.compile(r"<@&(\d+)>")


class Posts:
    """All messages of the world, ephemeral ones too."""

    def __init__(self, places: Places, cdn: Cdn) -> None:
        self._places = places
        self.cdn = cdn
        self._messages: OrderedDict[int, Message] = OrderedDict()

    def find(self, channel_id: int, message_id: int) -> Message | None:
        """Return the message, ephemeral ones included, or None."""
        message = self._messages.get(message_id)
        return message if message is not None and message.channel_id == channel_id else None

    def by_id(self, message_id: int) -> Message:
        """Return the message wherever it is, or raise ActError."""
        try:
            return self._messages[message_id]
        except KeyError:
            raise ActError(f"there is no message {message_id}") from None

    def in_channel(self, channel_id: int) -> list[Message]:
        """Return what everyone can see in a channel, oldest first."""
        return [
            post for post in self._messages.values() if post.channel_id == channel_id and not post.ephemeral
        ]

    def payload(self, message: Message) -> Json:
        """Return the message in full, as REST gives it to its author."""
        return message_payload(message, cdn=self.cdn, application_id=self._places.bot.id)

    def write(
        self,
        channel: Channel,
        author: EmulatedUser,
        draft: Draft,
        *,
        origin: Origin | None = None,
        kind: MessageType = MessageType.DEFAULT,
        reply_to: Message | None = None,
    ) -> Message:
        """Add a message and tell of it, unless it is ephemeral."""
        message = Message(
            self._places.snowflakes.next(),
            channel.id,
            channel.guild_id,
            author,
            type=MessageType.REPLY if reply_to else kind,
            flags=draft.flags,
            reply_to=reply_to,
            origin=origin,
            nonce=draft.nonce,
        )
        self._fill(message, draft)
        self._keep(message)
        if not message.ephemeral:
            channel.last_message_id = message.id
        self._tell("MESSAGE_CREATE", message)
        return message

    def edit(self, message: Message, draft: Draft) -> Message:
        """Change a message and tell of it; one that was loading becomes what the draft says."""
        if not message.loading:
            message.edited_at = datetime.now(UTC)
        message.flags = draft.flags
        self._fill(message, draft)
        self._tell("MESSAGE_UPDATE", message)
        return message

    def delete(self, message: Message) -> None:
        """Remove a message and tell of it."""
        self._messages.pop(message.id, None)
        if message.ephemeral:
            return
        data: Json = {"id": str(message.id), "channel_id": str(message.channel_id)}
        if message.guild_id is not None:
            data["guild_id"] = str(message.guild_id)
        self._places.bus.publish(Event("MESSAGE_DELETE", data, message.guild_id))

    def forget(self, channel_id: int) -> None:
        """Let the messages of a channel go with it: nobody is told of each."""
        for message in [post for post in self._messages.values() if post.channel_id == channel_id]:
            del self._messages[message.id]

    def attach(self, channel_id: int, uploads: Sequence[Upload], *, ephemeral: bool) -> list[Attachment]:
        """Put files on the CDN."""
        return [
            self.cdn.store(
                upload,
                attachment_id=self._places.snowflakes.next(),
                channel_id=channel_id,
                ephemeral=ephemeral,
            )
            for upload in uploads
        ]

    def react(self, message: Message, user: EmulatedUser, emoji: str, *, add: bool) -> None:
        """Add or take back a reaction."""
        user_ids = message.reactions.setdefault(emoji, set())
        changed = (user.id not in user_ids) if add else (user.id in user_ids)
        user_ids.symmetric_difference_update({user.id} if changed else set())
        if not user_ids:
            del message.reactions[emoji]
        if changed:
            self._tell_reaction(message, user, emoji, "MESSAGE_REACTION_" + ("ADD" if add else "REMOVE"))

    def _tell_reaction(self, message: Message, user: EmulatedUser, emoji: str, name: str) -> None:
        data: Json = {
            "user_id": str(user.id),
            "channel_id": str(message.channel_id),
            "message_id": str(message.id),
            "message_author_id": str(message.author.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if message.guild_id is not None:
            data["guild_id"] = str(message.guild_id)
        self._places.bus.publish(Event(name, data, message.guild_id))

    def _fill(self, message: Message, draft: Draft) -> None:
        if draft.kept_ids is not None:
            message.attachments = [kept for kept in message.attachments if kept.id in draft.kept_ids]
        message.attachments += self.attach(message.channel_id, draft.uploads, ephemeral=message.ephemeral)
        if draft.content is not None:
            message.content = draft.content
        if draft.embeds is not None:
            message.embeds = [{"type": "rich"} | embed for embed in draft.embeds]
        if draft.components is not None:
            first_id = self._places.snowflakes.next()
            message.components = completed(draft.components, message.attachments, self.cdn, first_id)
        self._mention(message, draft.allowed_mentions)

    def _mention(self, message: Message, allowed: Json | None) -> None:
        """Find who is mentioned, of those whom `allowed_mentions` lets be pinged."""
        text = message.text
        users = {int(found) for found in _USER_MENTION.findall(text)}
        roles = {int(found) for found in _ROLE_MENTION.findall(text)}
        everyone = "@everyone" in text or "@here" in text
        if allowed is not None:
            kinds = set(allowed.get("parse") or [])
            users &= users if "users" in kinds else {int(user) for user in allowed.get("users") or []}
            roles &= roles if "roles" in kinds else {int(role) for role in allowed.get("roles") or []}
            everyone = everyone and "everyone" in kinds
        if _pings_reply(message, allowed) and message.reply_to is not None:
            users.add(message.reply_to.author.id)
        known = self._places.users
        message.mentions = [known[user_id] for user_id in sorted(users) if user_id in known]
        message.mention_role_ids = sorted(roles)
        message.mention_everyone = everyone

    def _keep(self, message: Message) -> None:
        self._messages[message.id] = message
        for oldest in tuple(itertools.islice(self._messages, max(0, len(self._messages) - KEPT))):
            del self._messages[oldest]

    def _tell(self, name: str, message: Message) -> None:
        """Ephemeral messages are told to nobody: bots get none either."""
        if message.flags & MessageFlag.EPHEMERAL:
            return
        data = self.payload(message)
        if message.guild_id is not None:
            data["guild_id"] = str(message.guild_id)
            member = self._places.guilds[message.guild_id].members.get(message.author.id)
            if member is not None:
                data["member"] = partial_member_payload(member)
        self._places.bus.publish(Event(name, data, message.guild_id, message=message))


def _pings_reply(message: Message, allowed: Json | None) -> bool:
    """Return whether it pings whom it replies to: by default, never in reply to an interaction's answer."""
    if message.reply_to is None or message.reply_to.origin is not None:
        return False
    return allowed is None or bool(allowed.get("replied_user"))
