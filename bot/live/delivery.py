"""Sends what is said to the model over a connection, in the SDK's words."""

from google.genai import types
from google.genai.live import AsyncSession

from bot.live.items import (
    ActivityEnd,
    ActivityStart,
    Audio,
    Item,
    Picture,
    Text,
    ToolResult,
)

AUDIO = "audio/pcm;rate=16000"
PICTURE = "image/jpeg"


async def deliver(session: AsyncSession, item: Item) -> None:
    """Send one item; raises what the SDK does when the connection fails."""
    match item:
        case Audio(pcm):
            await session.send_realtime_input(audio=types.Blob(data=pcm, mime_type=AUDIO))
        case ActivityStart():
            await session.send_realtime_input(activity_start=types.ActivityStart())
        case ActivityEnd():
            await session.send_realtime_input(activity_end=types.ActivityEnd())
        case Text(text, answer):
            content = types.Content(role="user", parts=[types.Part(text=text)])
            await session.send_client_content(turns=content, turn_complete=answer)
        case Picture(jpeg):
            await session.send_realtime_input(video=types.Blob(data=jpeg, mime_type=PICTURE))
        case ToolResult():
            await session.send_tool_response(function_responses=_response(item))


def _response(result: ToolResult) -> types.FunctionResponse:
    """Return the SDK's form of a result; the model finishes what it is saying before it tells of it."""
    scheduling = types.FunctionResponseScheduling.WHEN_IDLE
    if result.silent:
        scheduling = types.FunctionResponseScheduling.SILENT
    return types.FunctionResponse(
        id=result.id, name=result.name, response=dict(result.response), scheduling=scheduling
    )
