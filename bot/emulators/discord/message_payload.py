"""Messages as Discord writes them in JSON, and as a bot without the Message Content intent gets them."""

from bot.emulators.discord.cdn import PROXY_HOST, Cdn
from bot.emulators.discord.component_answers import relinked
from bot.emulators.discord.model import Attachment, Json, Message, Origin
from bot.emulators.discord.payloads import optional_id, timestamp, user_payload

COMPONENT_INTERACTION = 3
MODAL_INTERACTION = 5


def attachment_payload(attachment: Attachment, cdn: Cdn) -> Json:
    """Return the attachment with freshly signed links."""
    payload: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": len(attachment.data),
        "url": cdn.url(attachment),
        "proxy_url": cdn.url(attachment, PROXY_HOST),
    }
    optional = {
        "content_type": attachment.content_type,
        "description": attachment.description,
        "duration_secs": attachment.duration_secs,
        "waveform": attachment.waveform,
        "ephemeral": attachment.ephemeral or None,
        "width": attachment.size[0] if attachment.size else None,
        "height": attachment.size[1] if attachment.size else None,
    }
    return payload | {key: value for key, value in optional.items() if value is not None}


def message_payload(message: Message, *, cdn: Cdn, application_id: int, nested: bool = False) -> Json:
    """Return the message in full; `nested` leaves out the message it replies to."""
    payload: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel_id),
        "type": int(message.type),
        "author": user_payload(message.author),
        "content": message.content,
        "timestamp": timestamp(message.created_at),
        "edited_timestamp": timestamp(message.edited_at) if message.edited_at else None,
        "attachments": [attachment_payload(attachment, cdn) for attachment in message.attachments],
        "embeds": message.embeds,
        "components": relinked(message.components, message.attachments, cdn),
        "mentions": [user_payload(user) for user in message.mentions],
        "mention_roles": [str(role_id) for role_id in message.mention_role_ids],
        "mention_everyone": message.mention_everyone,
        "flags": int(message.flags),
        "pinned": False,
        "tts": False,
    }
    if message.nonce is not None:
        payload["nonce"] = message.nonce
    if message.reactions and not nested:
        payload["reactions"] = _reactions(message, application_id)
    if message.reply_to is not None:
        payload |= _reply(message.reply_to, cdn=cdn, application_id=application_id, nested=nested)
    if message.origin is not None:
        payload |= _origin(message.origin, application_id)
    return payload


def _reactions(message: Message, application_id: int) -> list[Json]:
    return [
        {
            "emoji": {"id": None, "name": emoji},
            "count": len(user_ids),
            "count_details": {"burst": 0, "normal": len(user_ids)},
            "burst_colors": [],
            "me_burst": False,
            "me": application_id in user_ids,
        }
        for emoji, user_ids in message.reactions.items()
    ]


def _reply(target: Message, *, cdn: Cdn, application_id: int, nested: bool) -> Json:
    reference: Json = {"type": 0, "channel_id": str(target.channel_id), "message_id": str(target.id)}
    if target.guild_id is not None:
        reference["guild_id"] = str(target.guild_id)
    reply: Json = {"message_reference": reference}
    if not nested:
        shown = message_payload(target, cdn=cdn, application_id=application_id, nested=True)
        reply["referenced_message"] = shown
    return reply


def _origin(origin: Origin, application_id: int) -> Json:
    metadata = origin_payload(origin)
    payload: Json = {
        "application_id": str(application_id),
        "webhook_id": str(application_id),
        "interaction_metadata": metadata,
    }
    if origin.type not in (COMPONENT_INTERACTION, MODAL_INTERACTION):
        legacy = {"id": metadata["id"], "type": origin.type, "name": origin.name, "user": metadata["user"]}
        payload["interaction"] = legacy
    return payload


def origin_payload(origin: Origin) -> Json:
    """Return `interaction_metadata`: which interaction the message answers, and whose."""
    metadata: Json = {
        "id": str(origin.interaction_id),
        "type": origin.type,
        "user": user_payload(origin.user),
        "authorizing_integration_owners": origin.owners,
    }
    if origin.type == COMPONENT_INTERACTION:
        return metadata | {"interacted_message_id": optional_id(origin.interacted_message_id)}
    if origin.type == MODAL_INTERACTION:
        opened_by = 2 if origin.interacted_message_id is None else COMPONENT_INTERACTION
        trigger = metadata | {"type": opened_by}
        if origin.interacted_message_id is not None:
            trigger["interacted_message_id"] = str(origin.interacted_message_id)
        return metadata | {"triggering_interaction_metadata": trigger}
    if origin.target_message_id is not None:
        metadata["target_message_id"] = str(origin.target_message_id)
    return metadata


def without_content(payload: Json, message: Message, bot_id: int) -> Json:
    """Return what a bot without the Message Content intent gets: blanked, unless the message is exempt.

    Exempt are its own messages, direct ones, and those that mention it (a pinged reply mentions, too).
    Each message within, such as the one replied to, is judged on its own.
    """
    shown = dict(payload)
    if not exempt(message, bot_id):
        shown |= {"content": "", "attachments": [], "embeds": [], "components": []}
    if message.reply_to is not None and "referenced_message" in payload:
        shown["referenced_message"] = without_content(payload["referenced_message"], message.reply_to, bot_id)
    return shown


def exempt(message: Message, bot_id: int) -> bool:
    """Return whether the bot may read the message without the intent."""
    mentioned = any(user.id == bot_id for user in message.mentions)
    return message.author.id == bot_id or message.guild_id is None or mentioned
