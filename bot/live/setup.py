"""How a Live session is set up: what is asked of a model, checked against what that model can do."""

from dataclasses import dataclass, field, replace
from typing import Literal

from google.genai import types

from bot.live.capabilities import Catalogue, LiveModel, catalogue
from bot.live.errors import LiveError
from bot.live.tools import FunctionSpec, tools_of

# The whole context is billed again every turn. A quarter of the window is some 20 minutes of talk; beyond it
# the oldest go until half of that is left, so that it is not cut again at every turn.
COMPRESS_AT = 4
COMPRESS_TO = 8


@dataclass(frozen=True, slots=True)
class LiveSetup:
    """What a session is to be; raises LiveError for what the model can't do, before anything is connected."""

    model: str
    voice: str
    system_instruction: str
    turns: Literal["marks", "model"] = "marks"
    """Who says where a turn begins and ends: the bot, by activity marks, or the model's own detection."""
    language: str | None = None
    """A BCP-47 code that pins the language of the answers; None: the one that the model is spoken to."""
    transcripts: bool = True
    resumption: bool = True
    fallbacks: tuple[str, ...] = ()
    """The models that take its place, one after the other, where it is refused or gone."""
    answers: bool = True
    """Whether the model is to answer each turn: then silence is looked into. Else it may keep quiet."""
    functions: tuple[FunctionSpec, ...] = ()
    """What it may ask the program to do."""
    search: bool = False
    """Whether it may search the web."""
    models: Catalogue = field(default_factory=catalogue, repr=False, compare=False)
    """The table that says what the model can do."""

    def __post_init__(self) -> None:
        found = self.capabilities
        self.models.voice(self.voice)
        needs = {
            "can't be told where a turn ends": self.turns == "marks" and not found.activity_marks,
            "can't resume a session": self.resumption and not found.resumption,
            "can't be told who is speaking": not found.client_content,
            "can't use tools": bool(self.functions) and not found.functions,
            "can't search the web": self.search and not found.search,
        }
        for lack, needed in needs.items():
            if needed:
                raise LiveError(f"{found.name} {lack}; choose another Live model.")

    @property
    def capabilities(self) -> LiveModel:
        """The model as the table knows it: the successor, where a retired one is asked for."""
        return self.models.model(self.model)

    def next(self) -> "LiveSetup | None":
        """Return the setup with the next model that can do what is asked for, None where there is none."""
        for position, name in enumerate(self.fallbacks, 1):
            try:
                return replace(self, model=name, fallbacks=self.fallbacks[position:])
            except LiveError:
                continue
        return None

    def config(self, handle: str | None) -> types.LiveConnectConfig:
        """Return the SDK's form of it, which resumes the session of that handle, or begins one."""
        marks = self.turns == "marks"
        return types.LiveConnectConfig(
            response_modalities=[types.Modality.AUDIO],
            speech_config=self._speech(),
            thinking_config=self._thinking(),
            system_instruction=types.Content(parts=[types.Part(text=self.system_instruction)]),
            realtime_input_config=types.RealtimeInputConfig(
                automatic_activity_detection=types.AutomaticActivityDetection(disabled=marks)
            ),
            context_window_compression=self._compression(),
            session_resumption=types.SessionResumptionConfig(handle=handle) if self.resumption else None,
            input_audio_transcription=types.AudioTranscriptionConfig() if self.transcripts else None,
            output_audio_transcription=types.AudioTranscriptionConfig() if self.transcripts else None,
            tools=[*tools_of(self.functions, search=self.search)] or None,
        )

    def _speech(self) -> types.SpeechConfig:
        voice = types.PrebuiltVoiceConfig(voice_name=self.models.voice(self.voice))
        return types.SpeechConfig(
            voice_config=types.VoiceConfig(prebuilt_voice_config=voice), language_code=self.language
        )

    def _thinking(self) -> types.ThinkingConfig | None:
        """Return what a model that requires it must be given; its thoughts are never asked for."""
        required = self.capabilities.thinking == "required"
        return types.ThinkingConfig(include_thoughts=False) if required else None

    def _compression(self) -> types.ContextWindowCompressionConfig:
        window = self.capabilities.context_tokens
        return types.ContextWindowCompressionConfig(
            trigger_tokens=window // COMPRESS_AT,
            sliding_window=types.SlidingWindow(target_tokens=window // COMPRESS_TO),
        )
