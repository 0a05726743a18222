"""What a bot wants a message to say, checked against Discord's limits before anything changes."""

from dataclasses import dataclass
from typing import Any

from bot.emulators.discord import components as parts
from bot.emulators.discord.component_answers import file_problems
from bot.emulators.discord.errors import RestError, empty_message, invalid_form, too_large, too_long
from bot.emulators.discord.model import FILE_LIMIT, Json, Message, MessageFlag, Upload

CONTENT_LIMIT = 2_000
FILES_LIMIT = 10
EMBEDS_LIMIT = 10
EMBED_TEXT_LIMIT = 6_000  # characters of all embeds of a message together
_EMBED_LENGTHS = {"title": 256, "description": 4_096}
_FROM_BOTS = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.EPHEMERAL
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.VOICE_MESSAGE
    | MessageFlag.COMPONENTS_V2
)


@dataclass
class Draft:
    """A checked request to write or edit a message; None stands for "leave as it is"."""

    content: str | None
    embeds: list[Json] | None
    components: list[Json] | None
    flags: int
    uploads: list[Upload]
    kept_ids: set[int] | None
    """Attachments that an edit keeps; None keeps all."""
    allowed_mentions: Json | None
    reply_to: int | None = None
    nonce: str | None = None

    @property
    def v2(self) -> bool:
        """Whether the message is made of Components V2."""
        return bool(self.flags & MessageFlag.COMPONENTS_V2)


def draft_of(
    body: Json, files: dict[int, Upload], *, editing: Message | None = None, file_limit: int = FILE_LIMIT
) -> Draft:
    """Check the body of a request and return what it asks for; raises RestError as Discord answers.

    `files` are the uploads by their number n in the form's `files[n]`, of at most `file_limit` bytes each.
    """
    uploads, kept_ids = _attachments(body, files)
    if any(len(upload.data) > file_limit for upload in uploads):
        raise too_large()
    _check_files(uploads, kept_ids, editing)
    draft = Draft(
        content=_text(body, "content", editing),
        embeds=_list(body, "embeds", editing),
        components=_list(body, "components", editing),
        flags=_flags(body, editing),
        uploads=uploads,
        kept_ids=kept_ids,
        allowed_mentions=body.get("allowed_mentions"),
        reply_to=_reply_to(body),
        nonce=None if body.get("nonce") is None else str(body["nonce"]),
    )
    _check(draft, editing)
    return draft


def _text(body: Json, key: str, editing: Message | None) -> str | None:
    if key not in body:
        return None if editing else ""
    return str(body[key] or "")


def _list(body: Json, key: str, editing: Message | None) -> list[Json] | None:
    if key not in body:
        return None if editing else []
    return list(body[key] or [])


def _flags(body: Json, editing: Message | None) -> int:
    asked = int(body.get("flags") or 0) & _FROM_BOTS
    if editing is None:
        return asked
    return (editing.flags & ~MessageFlag.LOADING) | (asked & ~MessageFlag.EPHEMERAL)


def _reply_to(body: Json) -> int | None:
    reference = body.get("message_reference") or {}
    return int(reference["message_id"]) if reference.get("message_id") else None


def _attachments(body: Json, files: dict[int, Upload]) -> tuple[list[Upload], set[int] | None]:
    """Return the uploads, with what `attachments` says of each, and the ids of those that stay."""
    listed: list[Json] | None = body.get("attachments")
    if listed is None:
        return list(files.values()), None
    uploads, kept = [], set()
    for entry in listed:
        number = int(entry["id"])
        if number in files:
            uploads.append(_described(files[number], entry))
        else:
            kept.add(number)
    return uploads, kept


def _described(upload: Upload, entry: Json) -> Upload:
    return Upload(
        filename=entry.get("filename") or upload.filename,
        data=upload.data,
        description=entry.get("description"),
        duration_secs=entry.get("duration_secs"),
        waveform=entry.get("waveform"),
    )


def _check_files(uploads: list[Upload], kept_ids: set[int] | None, editing: Message | None) -> None:
    present = {attachment.id for attachment in editing.attachments} if editing else set()
    if kept_ids is not None and kept_ids - present:
        missing = ("BASE_TYPE_INVALID", "Attachment data is missing.")
        raise invalid_form({"attachments": missing})
    remaining = present if kept_ids is None else kept_ids
    if len(uploads) + len(remaining) > FILES_LIMIT:
        text = f"Must be {FILES_LIMIT} or fewer in length."
        raise invalid_form({"attachments": ("BASE_TYPE_MAX_LENGTH", text)})
    for index, upload in enumerate(uploads):
        if len(upload.description or "") > 1_024:
            raise too_long(f"attachments.{index}.description", 1_024)


def _check(draft: Draft, editing: Message | None) -> None:
    if draft.content is not None and len(draft.content) > CONTENT_LIMIT:
        raise too_long("content", CONTENT_LIMIT)
    _check_embeds(draft.embeds or [])
    if draft.v2:
        _check_v2(draft, editing)
    if draft.components:
        _check_components(draft, editing)
    if draft.flags & MessageFlag.VOICE_MESSAGE and editing is None:
        _check_voice_message(draft)
    elif not _says_something(draft, editing):
        raise empty_message()


def _check_embeds(embeds: list[Json]) -> None:
    if len(embeds) > EMBEDS_LIMIT:
        raise invalid_form({"embeds": ("BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")})
    total = 0
    for index, embed in enumerate(embeds):
        for key, limit in _EMBED_LENGTHS.items():
            if len(embed.get(key) or "") > limit:
                raise too_long(f"embeds.{index}.{key}", limit)
        if len(embed.get("fields") or []) > 25:
            raise too_long(f"embeds.{index}.fields", 25)
        total += _embed_characters(embed)
    if total > EMBED_TEXT_LIMIT:
        text = f"Embed size exceeds maximum size of {EMBED_TEXT_LIMIT}"
        raise invalid_form({"embeds": ("MAX_EMBED_SIZE_EXCEEDED", text)})


def _embed_characters(embed: Json) -> int:
    texts: list[Any] = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    for field in embed.get("fields") or []:
        texts += [field.get("name"), field.get("value")]
    return sum(len(text or "") for text in texts)


def _check_v2(draft: Draft, editing: Message | None) -> None:
    """Refuse content or embeds beside Components V2, whether new or left over from before."""
    left_content = editing.content if editing and draft.content is None else draft.content
    left_embeds = editing.embeds if editing and draft.embeds is None else draft.embeds
    for key, value in (("content", left_content), ("embeds", left_embeds)):
        if value:
            text = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            raise invalid_form({key: ("MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", text)})


def _check_components(draft: Draft, editing: Message | None) -> None:
    components = draft.components or []
    problems = parts.problems_of(components, v2=draft.v2)
    filenames = {upload.filename for upload in draft.uploads}
    for attachment in editing.attachments if editing else ():
        if draft.kept_ids is None or attachment.id in draft.kept_ids:
            filenames.add(attachment.filename)
    problems |= file_problems(components, filenames)
    if problems:
        raise invalid_form(problems)


def _check_voice_message(draft: Draft) -> None:
    if draft.content or draft.embeds or draft.components:
        raise RestError(400, 50160, "Voice messages do not support additional content.")
    if len(draft.uploads) != 1:
        raise RestError(400, 50161, "Voice messages must have a single audio attachment.")
    if draft.uploads[0].waveform is None or draft.uploads[0].duration_secs is None:
        raise RestError(400, 50162, "Voice messages must have supporting metadata.")


def _says_something(draft: Draft, editing: Message | None) -> bool:
    if editing is None:
        return bool(draft.content or draft.embeds or draft.components or draft.uploads)
    kept = {attachment.id for attachment in editing.attachments}
    kept = kept if draft.kept_ids is None else draft.kept_ids
    left: tuple[Any, ...] = (
        editing.content if draft.content is None else draft.content,
        editing.embeds if draft.embeds is None else draft.embeds,
        editing.components if draft.components is None else draft.components,
    )
    return any(left) or bool(draft.uploads) or bool(kept)
