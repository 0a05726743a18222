"""What goes into a question beside words, and what comes out: files, settings, code and pictures."""

from google.genai import types

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.events import MadeFile
from bot.media.fit import Fitted
from bot.media.task import Task

WHOLE_MS = 15 * 60_000  # the SDK's own limit for an answer's stream from beginning to end

_RESOLUTION = {
    "low": types.MediaResolution.MEDIA_RESOLUTION_LOW,
    "medium": types.MediaResolution.MEDIA_RESOLUTION_MEDIUM,
    "high": types.MediaResolution.MEDIA_RESOLUTION_HIGH,
}
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg"}
_FAILED = "The code failed:\n"


def config_of(task: Task, locale: str, detail: Detail | None) -> types.GenerateContentConfig:
    """Return the settings of a question, for a person whose language has that BCP 47 tag.

    `detail` says how closely the model looks; None leaves it to the model.
    """
    tools = []
    if task.search:
        tools.append(types.Tool(google_search=types.GoogleSearch()))
    if task.code:
        tools.append(types.Tool(code_execution=types.ToolCodeExecution()))
    return types.GenerateContentConfig(
        system_instruction=task.system.replace("{language}", locale) or None,
        media_resolution=_RESOLUTION[detail] if detail else None,
        response_mime_type="application/json" if task.schema is not None else None,
        response_json_schema=task.schema,
        tools=list(tools) or None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        http_options=types.HttpOptions(
            timeout=WHOLE_MS,
            retry_options=types.HttpRetryOptions(attempts=1),  # `answering` decides what is tried again
        ),
    )


def file_part(uri: str, fitted: Fitted, clip: Clip | None) -> types.Part:
    """Return a file that lies at Google; of a video only the clip is looked at."""
    return _clipped(types.Part.from_uri(file_uri=uri, mime_type=fitted.mime_type), fitted, clip)


def inline_part(data: bytes, fitted: Fitted, clip: Clip | None) -> types.Part:
    """Return a file that goes along; of a video only the clip is looked at."""
    return _clipped(types.Part.from_bytes(data=data, mime_type=fitted.mime_type), fitted, clip)


def _clipped(part: types.Part, fitted: Fitted, clip: Clip | None) -> types.Part:
    # The whole file is sent and the model told where to look: so times are those of the whole, and whoever
    # asks about another part of it needs no second upload.
    if clip is not None and fitted.is_video:
        beyond = fitted.duration_s is not None and (clip.end_s or 0) >= fitted.duration_s
        part.video_metadata = types.VideoMetadata(
            start_offset=f"{clip.start_s:g}s" if clip.start_s else None,
            end_offset=f"{clip.end_s:g}s" if clip.end_s is not None and not beyond else None,
            fps=clip.fps,
        )
    return part


def code_block(code: types.ExecutableCode) -> str:
    """Return the model's code as Markdown."""
    return _fenced(code.code or "", "python")


def output_block(result: types.CodeExecutionResult) -> str:
    """Return what the model's code printed as Markdown; nothing where it printed nothing."""
    output = (result.output or "").rstrip("\n")
    if result.outcome is types.Outcome.OUTCOME_OK:
        return _fenced(output, "") if output else ""
    return _FAILED + _fenced(output or str(result.outcome and result.outcome.value), "")


def drawn(blob: types.Blob, number: int) -> MadeFile | None:
    """Return a picture that the model's code drew; None for what is none."""
    ending = _ENDINGS.get(blob.mime_type or "")
    if ending is None or not blob.data:
        return None
    return MadeFile(f"plot-{number}.{ending}", blob.data, f"Plot {number}, drawn by the model's code")


def _fenced(code: str, language: str) -> str:
    """Return code between fences that are longer than any within it."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"\n\n{fence}{language}\n{code.rstrip()}\n{fence}\n\n"
