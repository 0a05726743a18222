"""What is asked: a GenerateContentRequest, refused wherever the real server refuses it.

Members come in camelCase or snake_case, as in all proto JSON.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.emulators.gemini.media_facts import Clip
from bot.emulators.gemini.media_measure import PDF, essence, kind_of
from bot.emulators.gemini.models import Model
from bot.emulators.gemini.rest_config import Config, read_config
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_youtube import MOST_VIDEOS, video_id
from bot.emulators.gemini.wire import decode_base64, members, one_of, typed

_MIB = 1024 * 1024
MAX_REQUEST = 20 * _MIB  # bytes of a whole request with inline media
MAX_PDF = 50 * _MIB  # bytes of its PDFs, if nothing else is inline
MAX_BODY = MAX_PDF * 4 // 3 + _MIB  # base64 of that, and what is around it

_REQUEST = (
    "model",
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels",
    "store",
    "serviceTier",
)
_PART = (
    "text",
    "inlineData",
    "fileData",
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
    "executableCode",
    "codeExecutionResult",
    "functionCall",
    "functionResponse",
)
_TOOLS = (
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "functionDeclarations",
    "googleMaps",
    "computerUse",
    "fileSearch",
)


@dataclass(frozen=True, slots=True)
class Media:
    """Media in a request: the bytes, or where they lie."""

    mime_type: str
    data: bytes | None
    """None: at `uri`."""
    uri: str
    clip: Clip
    fps: float | None
    """Frames a second to look at; None: one."""
    resolution: str
    """Of this part alone; empty: that of the request."""

    @property
    def summary(self) -> str:
        """What it is, in a few words for a log."""
        where = self.uri if self.data is None else f"{len(self.data)} bytes inline"
        return f"{self.mime_type} {where}"


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """What is asked of a model."""

    model: str
    media: tuple[Media, ...]
    """Of all turns, in order."""
    prompt: str
    """The texts of the last turn."""
    history: tuple[str, ...]
    """The texts of each turn before it."""
    system: str
    tools: frozenset[str]
    config: Config

    @property
    def characters(self) -> int:
        """How much text there is to read."""
        return len(self.prompt) + len(self.system) + sum(map(len, self.history))


def read_request(body: object, model: Model, *, size: int) -> GenerateRequest:
    """Return what a body of `size` bytes asks; raise RestError or RefusedError for what is refused."""
    found = members(body, _REQUEST, "")
    if "cachedContent" in found:
        raise RestError(403, "CachedContent not found (or permission denied)")
    turns = [_turn(one) for one in typed(found.get("contents", []), list, "contents")]
    if not turns:
        raise RestError(400, "* GenerateContentRequest.contents: contents is not specified")
    media = tuple(one for _, parts in turns for one in parts)
    _check_size(media, size)
    if sum(video_id(one.uri) is not None for one in media) > MOST_VIDEOS:
        raise RestError(400, f"At most {MOST_VIDEOS} YouTube videos are allowed in a request.")
    texts = [text for text, _ in turns]
    return GenerateRequest(
        model=model.name,
        media=media,
        prompt=texts[-1],
        history=tuple(texts[:-1]),
        system=_system(found.get("systemInstruction")),
        tools=_tools(found.get("tools", []), model),
        config=read_config(found.get("generationConfig", {}), model),
    )


def _turn(value: object) -> tuple[str, list[Media]]:
    """Return the text and the media of a Content."""
    content = members(value, ("role", "parts"), "contents")
    if "role" in content:
        one_of(content["role"], ("user", "model", "function"), "contents.role")
    parts = typed(content.get("parts", []), list, "contents.parts")
    if not parts:
        raise RestError(400, "* GenerateContentRequest.contents.parts: contents.parts must not be empty.")
    texts, media = [], []
    for part in parts:
        inner = members(part, _PART, "contents.parts")
        if "inlineData" in inner or "fileData" in inner:
            media.append(_media(inner))
        elif "text" in inner:
            texts.append(typed(inner["text"], str, "contents.parts.text"))
        elif not inner:
            raise RestError(400, "Unable to submit request because it must have a text parameter.")
    return "\n".join(texts), media


def _system(value: object) -> str:
    if value is None:
        return ""
    text, media = _turn(value)
    if media:
        raise RestError(400, "The system instruction must be text.")
    return text


def _media(part: dict[str, Any]) -> Media:
    if "inlineData" in part:
        blob = members(part["inlineData"], ("mimeType", "data", "displayName"), "inline_data")
        data, uri = decode_base64(blob.get("data", ""), "inline_data.data"), ""
        if not data:
            raise RestError(400, "Unable to submit request because it has an empty inlineData parameter.")
    else:
        blob = members(part["fileData"], ("mimeType", "fileUri", "displayName"), "file_data")
        data, uri = None, typed(blob.get("fileUri", ""), str, "file_data.file_uri")
    mime_type = typed(blob.get("mimeType", ""), str, "mime_type")
    # A file has its type with it, and so have pages of the web.
    if (mime_type or data is not None) and kind_of(mime_type) is None:
        raise RestError(400, f"Unsupported MIME type: {mime_type}")
    clip, fps = _video_metadata(part.get("videoMetadata"))
    return Media(mime_type, data, uri, clip, fps, _resolution(part))


def _video_metadata(value: object) -> tuple[Clip, float | None]:
    """Return which part of a video is looked at, and how many frames of each second."""
    if value is None:
        return Clip(), None
    found = members(value, ("startOffset", "endOffset", "fps"), "video_metadata")
    fps = found.get("fps")
    if fps is not None and (isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= 24):
        raise RestError(400, "Invalid value at 'video_metadata.fps': more than 0 and at most 24 is expected.")
    start_s = _seconds(found.get("startOffset", "0s"), "video_metadata.start_offset")
    if "endOffset" not in found:
        return Clip(start_s), fps
    end_s = _seconds(found["endOffset"], "video_metadata.end_offset")
    if end_s <= start_s:
        raise RestError(400, "The end offset of a video must lie behind its start offset.")
    return Clip(start_s, end_s), fps


def _seconds(value: object, where: str) -> float:
    """Return a Duration of proto JSON, such as `1.5s`."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", typed(value, str, where))
    if match is None:
        raise RestError(400, f"Invalid value at '{where}': not a duration.")
    return float(match[1])


def _resolution(part: dict[str, Any]) -> str:
    found = members(part.get("mediaResolution", {}), ("level", "numTokens"), "media_resolution")
    level: str = typed(found.get("level", ""), str, "media_resolution.level")
    return level.removeprefix("MEDIA_RESOLUTION_")


def _tools(value: object, model: Model) -> frozenset[str]:
    """Return the names of the tools that the model is given."""
    names = {name for tool in typed(value, list, "tools") for name in members(tool, _TOOLS, "tools")}
    allowed = model.rest.tools if model.rest is not None else ()
    for name in sorted(names - set(allowed)):
        raise RestError(400, f"Tool {name} is not supported for models/{model.name}.")
    return frozenset(names)


def _check_size(media: tuple[Media, ...], size: int) -> None:
    inline = [one for one in media if one.data is not None]
    if inline and all(essence(one.mime_type) == PDF for one in inline):
        if sum(len(one.data or b"") for one in inline) > MAX_PDF:
            raise RestError(400, f"Request payload size exceeds the limit: {MAX_PDF} bytes of documents.")
    elif size > MAX_REQUEST:
        raise RestError(400, f"Request payload size exceeds the limit: {MAX_REQUEST} bytes.")


def is_web_address(uri: str) -> bool:
    """Return whether media lie at an address outside of the Files API."""
    parts = urlsplit(uri)
    return parts.scheme in ("http", "https") and "/v1beta/files/" not in parts.path
