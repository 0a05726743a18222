"""The things that an interaction names, spelled out beside their ids, as Discord sends them."""

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.message_payload import attachment_payload
from bot.emulators.discord.model import PERSON_FILE_LIMIT, Channel, Json, Message, Upload
from bot.emulators.discord.payloads import (
    channel_payload,
    partial_member_payload,
    role_payload,
    user_payload,
)
from bot.emulators.discord.places import Places
from bot.emulators.discord.posts import Posts

_USER, _CHANNEL, _ROLE, _MENTIONABLE = 6, 7, 8, 9  # types of options


class Resolver:
    """Collects what one interaction refers to."""

    def __init__(self, places: Places, posts: Posts, channel: Channel) -> None:
        self._places = places
        self._posts = posts
        self._channel = channel
        self.data: dict[str, Json] = {}

    def add(self, kind: int, target_id: int) -> str:
        """Spell out a user, channel, role or mentionable, and return its id as options carry it."""
        if kind in (_USER, _MENTIONABLE) and target_id in self._places.users:
            self._add_user(target_id)
        elif kind in (_ROLE, _MENTIONABLE):
            self._add_role(target_id)
        elif kind == _CHANNEL:
            self._add_channel(target_id)
        else:
            raise ActError(f"there is no user {target_id}")
        return str(target_id)

    def add_message(self, message: Message) -> None:
        """Spell out a message in full: its content is shown whatever the bot's intents."""
        self._put("messages", message.id, self._posts.payload(message))

    def attach(self, upload: Upload) -> str:
        """Take a file that comes with the interaction; it can't be fetched again, and is ephemeral."""
        if len(upload.data) > PERSON_FILE_LIMIT:
            raise ActError(f"{upload.filename!r} is larger than people may upload")
        (attachment,) = self._posts.attach(self._channel.id, [upload], ephemeral=True)
        self._put("attachments", attachment.id, attachment_payload(attachment, self._posts.cdn))
        return str(attachment.id)

    def _put(self, kind: str, key: int, payload: Json) -> None:
        self.data.setdefault(kind, {})[str(key)] = payload

    def _add_user(self, user_id: int) -> None:
        self._put("users", user_id, user_payload(self._places.user(user_id)))
        if self._channel.guild_id is None:
            return
        member = self._places.guilds[self._channel.guild_id].members.get(user_id)
        if member is not None:
            permissions = str(self._places.permissions(user_id, self._channel))
            self._put("members", user_id, partial_member_payload(member) | {"permissions": permissions})

    def _add_role(self, role_id: int) -> None:
        roles = self._places.guild_of(self._channel).roles
        if role_id not in roles:
            raise ActError(f"there is no role {role_id}")
        self._put("roles", role_id, role_payload(roles[role_id]))

    def _add_channel(self, channel_id: int) -> None:
        payload = channel_payload(self._places.channel(channel_id))
        self._put("channels", channel_id, payload | {"permissions": "0"})
