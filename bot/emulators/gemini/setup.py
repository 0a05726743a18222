"""The setup of a Live session: what it may hold, and what a model refuses in it.

Each refusal has the close code of the real server: 1007 for an argument that the model does not take, 1008
for a model that there is not.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from bot.emulators.gemini.models import Catalogue, LiveTraits, Model
from bot.emulators.gemini.wire import INVALID_ARGUMENT, RefusedError, members, one_of, texts_of, typed

_SETUP = (
    "model",
    "generationConfig",
    "systemInstruction",
    "tools",
    "realtimeInputConfig",
    "sessionResumption",
    "contextWindowCompression",
    "inputAudioTranscription",
    "outputAudioTranscription",
    "proactivity",
    "historyConfig",
    "safetySettings",
)
_GENERATION = (
    "responseModalities",
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "mediaResolution",
    "seed",
    "speechConfig",
    "thinkingConfig",
    "enableAffectiveDialog",
)
_THINKING = ("includeThoughts", "thinkingBudget", "thinkingLevel")
_DETECTION = (
    "disabled",
    "startOfSpeechSensitivity",
    "endOfSpeechSensitivity",
    "prefixPaddingMs",
    "silenceDurationMs",
)
_HANDLINGS = ("ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION")
_COVERAGES = (
    "TURN_COVERAGE_UNSPECIFIED",
    "TURN_INCLUDES_ONLY_ACTIVITY",
    "TURN_INCLUDES_ALL_INPUT",
    "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
)
_FUNCTION = (
    "name",
    "description",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "behavior",
)
DEFAULT_VOICE = "Puck"


@dataclass(frozen=True, slots=True)
class Detection:
    """How the end and the begin of speech are found."""

    automatic: bool = True
    silence_ms: int = 800  # the pause that ends a turn; the API names no default, its guides show 500 to 800
    prefix_ms: int = 60  # speech this long is speech, what is shorter is a click: three frames
    quiet_start: bool = True
    """Whether speech that is not loud begins a turn (START_SENSITIVITY_HIGH, the default)."""


@dataclass(frozen=True, slots=True)
class Compression:
    """Context window compression: beyond `trigger` tokens the oldest go, down to `target`."""

    trigger: int
    target: int


@dataclass(frozen=True, slots=True)
class Setup:
    """A setup that the model took."""

    model: Model
    traits: LiveTraits
    voice: str
    instruction: str
    detection: Detection
    interruptible: bool
    sees_all: bool
    """Whether a turn has all pictures, not only those that came within the activity."""
    input_transcripts: bool
    output_transcripts: bool
    resumption: bool
    handle: str
    """The handle to resume; empty for a new session."""
    functions: dict[str, str]
    """Behavior (BLOCKING or NON_BLOCKING) by name of the function."""
    declarations: dict[str, dict[str, Any]]
    """Each function as it was declared, with its members in camelCase, by its name."""
    search: bool
    """Whether the model may search the web."""
    compression: Compression | None


def read_setup(fields: object, known: Catalogue) -> Setup:
    """Return the setup, or raise RefusedError with what the model says against it."""
    setup = members(fields, _SETUP, "setup")
    model = known.live(typed(setup.get("model", ""), str, "setup.model"))
    traits = model.live
    assert traits is not None  # Catalogue.live returns none without
    generation = members(setup.get("generationConfig", {}), _GENERATION, "setup.generation_config")
    _check_generation(generation, model.name, traits)
    _check_proactivity(setup.get("proactivity"), traits)
    realtime = members(
        setup.get("realtimeInputConfig", {}),
        ("automaticActivityDetection", "activityHandling", "turnCoverage"),
        "setup.realtime_input_config",
    )
    resumption = setup.get("sessionResumption")
    functions, declarations, search = _tools(setup.get("tools", []), traits)
    return Setup(
        model=model,
        traits=traits,
        voice=_voice(generation, known, model.name),
        instruction=" ".join(texts_of(setup.get("systemInstruction", {}), "setup.system_instruction")),
        detection=_detection(realtime.get("automaticActivityDetection", {})),
        interruptible=_interruptible(realtime),
        sees_all=_coverage(realtime) != "TURN_INCLUDES_ONLY_ACTIVITY",
        input_transcripts="inputAudioTranscription" in setup,
        output_transcripts="outputAudioTranscription" in setup,
        resumption=resumption is not None,
        handle=_handle(resumption),
        functions=functions,
        declarations=declarations,
        search=search,
        compression=_compression(setup.get("contextWindowCompression"), model),
    )


def _check_generation(generation: dict[str, Any], model: str, traits: LiveTraits) -> None:
    modalities = typed(generation.get("responseModalities", ["AUDIO"]), list, "setup.response_modalities")
    if modalities != ["AUDIO"]:
        raise RefusedError(INVALID_ARGUMENT, f"{model} answers in AUDIO only, not in {modalities}.")
    thinking = "thinkingConfig" in generation
    members(generation.get("thinkingConfig", {}), _THINKING, "setup.generation_config.thinking_config")
    if thinking and traits.thinking == "refused":
        raise RefusedError(INVALID_ARGUMENT, f"Thinking config is not supported by {model}.")
    if not thinking and traits.thinking == "required":
        raise RefusedError(INVALID_ARGUMENT, f"{model} needs a thinking config.")
    if generation.get("enableAffectiveDialog") and not traits.affective_dialog:
        raise RefusedError(INVALID_ARGUMENT, f"Affective dialog is not supported by {model}.")


def _check_proactivity(proactivity: object, traits: LiveTraits) -> None:
    if proactivity is None:
        return
    found = members(proactivity, ("proactiveAudio", "proactiveVideo"), "setup.proactivity")
    if found.get("proactiveAudio") is False and traits.proactive_audio == "always":
        raise RefusedError(INVALID_ARGUMENT, "Proactive audio can't be turned off for this model.")


def _voice(generation: dict[str, Any], known: Catalogue, model: str) -> str:
    where = "setup.generation_config.speech_config"
    speech = members(generation.get("speechConfig", {}), ("voiceConfig", "languageCode"), where)
    config = members(speech.get("voiceConfig", {}), ("prebuiltVoiceConfig",), f"{where}.voice_config")
    prebuilt = members(config.get("prebuiltVoiceConfig", {}), ("voiceName",), f"{where}.voice_config")
    name = typed(prebuilt.get("voiceName", DEFAULT_VOICE), str, f"{where}.voice_name")
    found = next((voice for voice in known.voices if voice.lower() == name.lower()), None)
    if found is None:
        raise RefusedError(INVALID_ARGUMENT, f"Requested voice '{name}' is not available for model {model}.")
    return found


def _interruptible(realtime: dict[str, Any]) -> bool:
    where = "setup.realtime_input_config"
    handling = realtime.get("activityHandling", _HANDLINGS[0])
    return one_of(handling, _HANDLINGS, f"{where}.activity_handling") != "NO_INTERRUPTION"


def _coverage(realtime: dict[str, Any]) -> str:
    """Return what a turn has: all pictures where nothing is said, as with the models of today."""
    where = "setup.realtime_input_config.turn_coverage"
    return one_of(realtime.get("turnCoverage", _COVERAGES[0]), _COVERAGES, where)


def _sensitivity(found: dict[str, Any], end: str, where: str) -> str:
    """Return HIGH, LOW or UNSPECIFIED for the START or the END of speech."""
    name = f"{end.lower()}OfSpeechSensitivity"
    allowed = [f"{end}_SENSITIVITY_{level}" for level in ("UNSPECIFIED", "HIGH", "LOW")]
    return one_of(found.get(name, allowed[0]), allowed, f"{where}.{name}").rpartition("_")[2]


def _detection(value: object) -> Detection:
    where = "setup.realtime_input_config.automatic_activity_detection"
    found = members(value, _DETECTION, where)
    detection = Detection(
        automatic=not typed(found.get("disabled", False), bool, f"{where}.disabled"),
        quiet_start=_sensitivity(found, "START", where) != "LOW",
    )
    if _sensitivity(found, "END", where) == "HIGH":
        detection = replace(detection, silence_ms=500)
    for member, name in (("silenceDurationMs", "silence_ms"), ("prefixPaddingMs", "prefix_ms")):
        if member in found:
            value_ms = typed(found[member], int, f"{where}.{member}")
            if value_ms < 0:
                raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}.{member}': negative.")
            detection = replace(detection, **{name: value_ms})
    return detection


def _handle(resumption: object) -> str:
    if resumption is None:
        return ""
    where = "setup.session_resumption"
    return str(typed(members(resumption, ("handle",), where).get("handle", ""), str, f"{where}.handle"))


def _compression(value: object, model: Model) -> Compression | None:
    if value is None:
        return None
    where = "setup.context_window_compression"
    found = members(value, ("triggerTokens", "slidingWindow"), where)
    window = members(found.get("slidingWindow", {}), ("targetTokens",), f"{where}.sliding_window")
    # 80 % and half of it: the defaults that the API documents.
    limit = model.input_tokens or 0
    trigger = typed(found.get("triggerTokens", limit * 8 // 10), int, f"{where}.trigger_tokens")
    target = typed(window.get("targetTokens", trigger // 2), int, f"{where}.target_tokens")
    if not 0 <= target <= trigger:
        raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}': target above trigger.")
    return Compression(trigger, target)


def _tools(tools: object, traits: LiveTraits) -> tuple[dict[str, str], dict[str, dict[str, Any]], bool]:
    """Return the functions' behaviors and declarations by name, and whether there is search."""
    functions: dict[str, str] = {}
    declarations: dict[str, dict[str, Any]] = {}
    search = False
    for tool in typed(tools, list, "setup.tools"):
        found = members(tool, traits.tools, "setup.tools")
        for declaration in typed(found.get("functionDeclarations", []), list, "setup.tools"):
            name, behavior, declared = _function(declaration, traits)
            if name in functions:
                raise RefusedError(INVALID_ARGUMENT, f"Duplicate function declaration found: {name}")
            functions[name] = behavior
            declarations[name] = declared
        search = search or "googleSearch" in found
    return functions, declarations, search


def _function(declaration: object, traits: LiveTraits) -> tuple[str, str, dict[str, Any]]:
    where = "setup.tools.function_declarations"
    found = members(declaration, _FUNCTION, where)
    name = typed(found.get("name", ""), str, f"{where}.name")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", name):
        raise RefusedError(INVALID_ARGUMENT, f"Invalid function name {name!r}.")
    behavior = one_of(
        found.get("behavior", "UNSPECIFIED"), ("UNSPECIFIED", "BLOCKING", "NON_BLOCKING"), f"{where}.behavior"
    )
    return name, traits.tool_behavior if behavior == "UNSPECIFIED" else behavior, found
