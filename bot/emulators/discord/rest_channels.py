"""REST routes about channels and the messages in them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from bot.emulators.discord.drafts import Draft, draft_of
from bot.emulators.discord.errors import (
    RestError,
    invalid_form,
    missing_access,
    missing_permissions,
    too_long,
    unknown,
)
from bot.emulators.discord.events import Event
from bot.emulators.discord.limits import Rate
from bot.emulators.discord.message_payload import without_content
from bot.emulators.discord.model import VOICE_LIKE, Channel, EmulatedUser, Json, Message, MessageFlag
from bot.emulators.discord.payloads import channel_payload, thread_member_payload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.rest import Answer, Call, Route

STATUS_LIMIT = 500
PAGE_LIMIT = 100
BULK_DELETE_AGE = timedelta(days=14)
_CHANNEL = "/channels/{channel_id}"
_MESSAGES = _CHANNEL + "/messages"
_MESSAGE = _MESSAGES + "/{message_id}"
_EDITABLE = ("name", "topic", "user_limit", "bitrate", "rtc_region", "position")


def _channel_of(call: Call, *needed: Permission) -> Channel:
    """Return the channel, where the bot can see it and holds what is needed."""
    channel = call.world.places.channels.get(call.id("channel_id"))
    if channel is None:
        raise unknown("Channel", 10003)
    if not call.world.places.can(call.world.bot.id, channel):
        raise missing_access()
    if not call.world.places.can(call.world.bot.id, channel, *needed):
        raise missing_permissions()
    return channel


def _chat_of(call: Call, *needed: Permission) -> Channel:
    """Return a channel to write or read in; the chat of a voice channel needs the right to connect."""
    channel = _channel_of(call)
    if channel.type in VOICE_LIKE and not call.world.places.can(
        call.world.bot.id, channel, Permission.CONNECT
    ):
        raise missing_access()
    return _channel_of(call, *needed)


def _message_of(call: Call) -> Message:
    channel = _chat_of(call, Permission.READ_MESSAGE_HISTORY)
    message = call.world.posts.find(channel.id, call.id("message_id"))
    if message is None or message.ephemeral:
        raise unknown("Message", 10008)
    return message


def _shown(call: Call, message: Message) -> Json:
    payload = call.world.posts.payload(message)
    if call.gateway.allowed_privileged:
        return payload
    return without_content(payload, message, call.world.bot.id)


def _get_channel(call: Call) -> Answer:
    return Answer(200, channel_payload(_channel_of(call)))


def _edit_channel(call: Call) -> Answer:
    channel = _channel_of(call, Permission.MANAGE_CHANNELS)
    name = call.json.get("name")
    if name is not None and not 1 <= len(name) <= 100:
        raise invalid_form({"name": ("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")})
    for key in _EDITABLE:
        if key in call.json:
            setattr(channel, key, call.json[key])
    call.world.places.channel_changed(channel)
    return Answer(200, channel_payload(channel))


def _delete_channel(call: Call) -> Answer:
    channel = _channel_of(call, Permission.MANAGE_CHANNELS)
    call.world.delete_channel(channel.id)
    return Answer(200, channel_payload(channel))


def _set_status(call: Call) -> Answer:
    """Set what stands under a voice channel's name; from outside of it, that takes managing channels."""
    channel = _channel_of(call, Permission.SET_VOICE_CHANNEL_STATUS)
    guild = call.world.places.guild_of(channel)
    state = guild.voice_states.get(call.world.bot.id)
    inside = state is not None and state.channel_id == channel.id
    if not inside:
        _channel_of(call, Permission.MANAGE_CHANNELS)
    status = call.json.get("status") or None
    if status is not None and len(status) > STATUS_LIMIT:
        raise too_long("status", STATUS_LIMIT)
    channel.status = status
    data: Json = {"id": str(channel.id), "guild_id": str(guild.id), "status": status}
    call.world.bus.publish(Event("VOICE_CHANNEL_STATUS_UPDATE", data, guild.id))
    return Answer(204)


def _thread_member(call: Call) -> Answer:
    """Return who is in a thread, one by one; the bot must see it."""
    thread = _channel_of(call)
    name = call.params["user_id"]
    user_id = call.world.bot.id if name == "@me" else call.id("user_id")
    if user_id not in thread.joined:
        raise unknown("Member", 10007)
    return Answer(200, thread_member_payload(thread, user_id))


def _typing(call: Call) -> Answer:
    _chat_of(call, Permission.SEND_MESSAGES)
    return Answer(204)


def _open_direct(call: Call) -> Answer:
    user = call.world.places.users.get(int(call.json["recipient_id"]))
    if user is None or user.bot:
        raise RestError(400, 50033, "Invalid Recipient(s)")
    return Answer(200, channel_payload(call.world.places.direct_channel(user)))


def _list_messages(call: Call) -> Answer:
    """List messages newest first; without the right to read the history there are none to see."""
    channel = _chat_of(call)
    if not call.world.places.can(call.world.bot.id, channel, Permission.READ_MESSAGE_HISTORY):
        return Answer(200, [])
    limit = int(call.query.get("limit", 50))
    if not 1 <= limit <= PAGE_LIMIT:
        raise invalid_form(
            {"limit": ("NUMBER_TYPE_MAX", f"int value should be less than or equal to {PAGE_LIMIT}.")}
        )
    page = _page(call.world.posts.in_channel(channel.id), call, limit)
    return Answer(200, [_shown(call, message) for message in reversed(page)])


def _page(posts: list[Message], call: Call, limit: int) -> list[Message]:
    if "after" in call.query:
        after = int(call.query["after"])
        return [post for post in posts if post.id > after][:limit]
    if "around" in call.query:
        middle = int(call.query["around"])
        before = [post for post in posts if post.id < middle][-(limit // 2) :] if limit > 1 else []
        return before + [post for post in posts if post.id >= middle][: limit - len(before)]
    if "before" in call.query:
        posts = [post for post in posts if post.id < int(call.query["before"])]
    return posts[-limit:]


def _get_message(call: Call) -> Answer:
    return Answer(200, _shown(call, _message_of(call)))


def _create_message(call: Call) -> Answer:
    channel = _chat_of(call, Permission.SEND_MESSAGES)
    if channel.recipient is not None:
        _check_direct(call, channel.recipient)
    draft = draft_of(call.json, call.files, file_limit=call.world.places.file_limit(channel))
    if draft.flags & MessageFlag.EPHEMERAL:
        raise invalid_form({"flags": ("MESSAGE_FLAGS_INVALID", "Only interactions can answer in private.")})
    _check_rights(call, draft)
    target = _reply_target(call, channel, draft)
    message = call.world.posts.write(channel, call.world.bot, draft, reply_to=target)
    return Answer(200, _shown(call, message))


def _check_direct(call: Call, recipient: EmulatedUser) -> None:
    """Refuse what a person's settings refuse; a guild in common, or the app installed, opens the way."""
    if not (recipient.installed or call.world.places.shares_guild(recipient.id)):
        text = "Cannot send messages to this user due to having no mutual guilds"
        raise RestError(403, 50278, text)
    if not recipient.takes_direct:
        raise RestError(403, 50007, "Cannot send messages to this user")


def _check_rights(call: Call, draft: Draft) -> None:
    if draft.flags & MessageFlag.VOICE_MESSAGE:
        _channel_of(call, Permission.SEND_VOICE_MESSAGES)
    elif draft.uploads:
        _channel_of(call, Permission.ATTACH_FILES)
    if draft.embeds:
        _channel_of(call, Permission.EMBED_LINKS)


def _reply_target(call: Call, channel: Channel, draft: Draft) -> Message | None:
    if draft.reply_to is None:
        return None
    _channel_of(call, Permission.READ_MESSAGE_HISTORY)
    target = call.world.posts.find(channel.id, draft.reply_to)
    reference = call.json["message_reference"]
    if target is None and reference.get("fail_if_not_exists", True):
        raise invalid_form({"message_reference": ("REPLIES_UNKNOWN_MESSAGE", "Unknown message")})
    return target


def _edit_message(call: Call) -> Answer:
    message = _message_of(call)
    if message.author.id != call.world.bot.id:
        raise RestError(403, 50005, "Cannot edit a message authored by another user")
    file_limit = call.world.places.file_limit(call.world.places.channel(message.channel_id))
    draft = draft_of(call.json, call.files, editing=message, file_limit=file_limit)
    return Answer(200, _shown(call, call.world.posts.edit(message, draft)))


def _delete_message(call: Call) -> Answer:
    message = _message_of(call)
    if message.author.id != call.world.bot.id:
        _channel_of(call, Permission.MANAGE_MESSAGES)
    call.world.posts.delete(message)
    return Answer(204)


def _bulk_delete(call: Call) -> Answer:
    channel = _chat_of(call, Permission.MANAGE_MESSAGES)
    ids = {int(message_id) for message_id in call.json.get("messages") or []}
    if not 2 <= len(ids) <= PAGE_LIMIT:
        raise RestError(400, 50016, "Provided too few or too many messages to delete.")
    found = [post for post in call.world.posts.in_channel(channel.id) if post.id in ids]
    if any(datetime.now(UTC) - post.created_at > BULK_DELETE_AGE for post in found):
        raise RestError(400, 50034, "A message provided was too old to bulk delete")
    for post in found:
        call.world.posts.delete(post)
    return Answer(204)


def _react(call: Call) -> Answer:
    message = _message_of(call)
    _channel_of(call, Permission.ADD_REACTIONS)
    call.world.posts.react(message, call.world.bot, unquote(call.params["emoji_name"]), add=True)
    return Answer(204)


def _unreact(call: Call) -> Answer:
    emoji = unquote(call.params["emoji_name"])
    call.world.posts.react(_message_of(call), call.world.bot, emoji, add=False)
    return Answer(204)


ROUTES = (
    Route("GET", _CHANNEL, _get_channel),
    Route("PATCH", _CHANNEL, _edit_channel, Rate(5, 15.0)),
    Route("DELETE", _CHANNEL, _delete_channel, Rate(5, 5.0)),
    Route("PUT", _CHANNEL + "/voice-status", _set_status, Rate(5, 5.0)),
    Route("GET", _CHANNEL + "/thread-members/{user_id}", _thread_member),
    Route("POST", _CHANNEL + "/typing", _typing, Rate(5, 5.0)),
    Route("POST", "/users/@me/channels", _open_direct),
    Route("GET", _MESSAGES, _list_messages, Rate(5, 5.0)),
    Route("POST", _MESSAGES, _create_message, Rate(5, 5.0)),
    Route("POST", _MESSAGES + "/bulk-delete", _bulk_delete, Rate(1, 1.0)),
    Route("GET", _MESSAGE, _get_message, Rate(5, 5.0)),
    Route("PATCH", _MESSAGE, _edit_message, Rate(5, 5.0)),
    Route("DELETE", _MESSAGE, _delete_message, Rate(5, 1.0)),
    Route("PUT", _MESSAGE + "/reactions/{emoji_name}/@me", _react, Rate(1, 0.25)),
    Route("DELETE", _MESSAGE + "/reactions/{emoji_name}/@me", _unreact, Rate(1, 0.25)),
)
