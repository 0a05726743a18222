"""What people do with a bot's commands, buttons, selects and modals; each act gives a handle to watch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.emulators.discord.commands import CHAT_INPUT, MESSAGE_COMMAND, USER_COMMAND, Commands, Target
from bot.emulators.discord.components import LINK_STYLES, SELECTS, Kind, is_kind
from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import Interaction, InteractionType
from bot.emulators.discord.installs import owners_of, owners_of_message
from bot.emulators.discord.interactions import Interactions
from bot.emulators.discord.model import Channel, EmulatedUser, Json, Message, walk
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.places import Places
from bot.emulators.discord.posts import Posts
from bot.emulators.discord.resolved import Resolver
from bot.emulators.discord.typed_options import chosen, submitted, typed


@dataclass(frozen=True)
class Typist:
    """Who uses a command, where, and who let the app in there."""

    user: EmulatedUser
    channel: Channel
    owners: dict[str, str]


class Acts:
    """People's hands. Every method raises ActError where a real client would not let them."""

    def __init__(self, places: Places, posts: Posts, commands: Commands, interactions: Interactions) -> None:
        self._places = places
        self._posts = posts
        self._commands = commands
        self._interactions = interactions

    def run_command(
        self, user_id: int, channel_id: int, name: str, options: Mapping[str, Any] | None = None
    ) -> Interaction:
        """Run a slash command ("group sub" for a subcommand); a file is given as an Upload, a user as id."""
        typist, target = self._typing(user_id, channel_id, name)
        resolver = Resolver(self._places, self._posts, typist.channel)
        filled = typed(target, options or {}, resolver)
        data = _command_data(target, resolver, options=filled)
        return self._begin(InteractionType.COMMAND, name, typist, data)

    def autocomplete(
        self,
        user_id: int,
        channel_id: int,
        name: str,
        options: Mapping[str, Any],
        *,
        focused: str,
    ) -> Interaction:
        """Ask for choices while typing the option `focused`."""
        typist, target = self._typing(user_id, channel_id, name)
        asked = [option for option in target.options if option["name"] == focused]
        if not asked or not asked[0].get("autocomplete"):
            raise ActError(f"{focused!r} has no autocompletion")
        resolver = Resolver(self._places, self._posts, typist.channel)
        filled = typed(target, options, resolver, focused=focused)
        data = _command_data(target, resolver, options=filled)
        return self._begin(InteractionType.AUTOCOMPLETE, name, typist, data)

    def run_on_message(self, user_id: int, message_id: int, name: str) -> Interaction:
        """Use a right-click app on a message."""
        message = self._seen(user_id, message_id)
        typist, target = self._typing(user_id, message.channel_id, name, MESSAGE_COMMAND)
        resolver = Resolver(self._places, self._posts, typist.channel)
        resolver.add_message(message)
        data = _command_data(target, resolver, target_id=str(message.id))
        return self._begin(InteractionType.COMMAND, name, typist, data, target_message_id=message.id)

    def run_on_user(self, user_id: int, channel_id: int, target_user_id: int, name: str) -> Interaction:
        """Use a right-click app on a user."""
        typist, target = self._typing(user_id, channel_id, name, USER_COMMAND)
        resolver = Resolver(self._places, self._posts, typist.channel)
        target_id = resolver.add(6, target_user_id)
        data = _command_data(target, resolver, target_id=target_id)
        return self._begin(InteractionType.COMMAND, name, typist, data)

    def click(self, user_id: int, message_id: int, custom_id: str) -> Interaction:
        """Press a button."""
        message, button = self._component(user_id, message_id, custom_id)
        if not is_kind(button, Kind.BUTTON) or button.get("style") in LINK_STYLES:
            raise ActError(f"{custom_id!r} is no button to press")
        if button.get("disabled"):
            raise ActError(f"{custom_id!r} is disabled")
        return self._use(user_id, message, button, {})

    def select(self, user_id: int, message_id: int, custom_id: str, values: list[str]) -> Interaction:
        """Choose values, or ids, in a select."""
        message, select = self._component(user_id, message_id, custom_id)
        if not is_kind(select, *SELECTS):
            raise ActError(f"{custom_id!r} is no select")
        resolver = Resolver(self._places, self._posts, self._places.channel(message.channel_id))
        data: Json = {"values": chosen(select, values, resolver)}
        if resolver.data:
            data["resolved"] = resolver.data
        return self._use(user_id, message, select, data)

    def submit_modal(self, opened_by: Interaction, values: Mapping[str, Any]) -> Interaction:
        """Submit the modal that an interaction opened; values by custom id, files as lists of Uploads."""
        modal = opened_by.modal
        if modal is None:
            raise ActError("no modal is open")
        resolver = Resolver(self._places, self._posts, opened_by.channel)
        data: Json = {
            "custom_id": modal["custom_id"],
            "components": submitted(modal, values, resolver),
        }
        if resolver.data:
            data["resolved"] = resolver.data
        return self._interactions.begin(
            InteractionType.MODAL,
            modal["custom_id"],
            opened_by.user,
            opened_by.channel,
            data,
            owners=opened_by.owners,
            source=opened_by.source,
        )

    def _begin(
        self,
        kind: InteractionType,
        name: str,
        typist: Typist,
        data: Json,
        *,
        target_message_id: int | None = None,
    ) -> Interaction:
        return self._interactions.begin(
            kind,
            name,
            typist.user,
            typist.channel,
            data,
            owners=typist.owners,
            target_message_id=target_message_id,
        )

    def _use(self, user_id: int, message: Message, component: Json, extra: Json) -> Interaction:
        data = {
            "component_type": component["type"],
            "custom_id": component["custom_id"],
            "id": component["id"],
        } | extra
        channel = self._places.channel(message.channel_id)
        return self._interactions.begin(
            InteractionType.COMPONENT,
            component["custom_id"],
            self._places.user(user_id),
            channel,
            data,
            owners=owners_of_message(self._places, message, channel),
            source=message,
        )

    def _typing(
        self, user_id: int, channel_id: int, name: str, kind: int = CHAT_INPUT
    ) -> tuple[Typist, Target]:
        """Find the command that someone may use in a channel."""
        user, channel = self._places.user(user_id), self._places.channel(channel_id)
        if not self._places.can(user_id, channel, Permission.USE_APPLICATION_COMMANDS):
            raise ActError(f"user {user_id} may not use commands in #{channel.name}")
        target = self._commands.find(channel.guild_id, name, kind)
        owners = owners_of(self._places, user, channel, target.command)
        if not owners:
            raise ActError(f"{name!r} can't be used here")
        needed = int(target.command["default_member_permissions"] or 0)
        if needed & ~self._places.permissions(user_id, channel):
            raise ActError(f"user {user_id} lacks the permissions that {name!r} asks for")
        return Typist(user, channel, owners), target

    def _seen(self, user_id: int, message_id: int) -> Message:
        message = self._posts.by_id(message_id)
        channel = self._places.channel(message.channel_id)
        hidden = message.ephemeral and (message.origin is None or message.origin.user.id != user_id)
        if hidden or not self._places.can(user_id, channel):
            raise ActError(f"user {user_id} can't see message {message_id}")
        return message

    def _component(self, user_id: int, message_id: int, custom_id: str) -> tuple[Message, Json]:
        message = self._seen(user_id, message_id)
        for part in walk(message.components):
            if part.get("custom_id") == custom_id:
                return message, part
        raise ActError(f"message {message_id} has no component {custom_id!r}")


def _command_data(target: Target, resolver: Resolver, **particular: Any) -> Json:
    command = target.command
    data: Json = {"id": command["id"], "name": command["name"], "type": command["type"], **particular}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    if resolver.data:
        data["resolved"] = resolver.data
    return data
