"""What the loopback Gemini refuses, with the close code of the real one, and what it takes."""

import base64
import json
from typing import Any

import pytest
from gemini_rig import FUNCTION, LIVE, MARKS, Rig, live_with, quiet
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.emulators.gemini.session import State
from bot.emulators.gemini.wire import RefusedError, parse

THINKING = "models/gemini-3.8-live-extended-thinking"


def _voice(name: str) -> dict[str, Any]:
    voice = {"voiceConfig": {"prebuilt_voice_config": {"voice_name": name}}}
    return {"generationConfig": {"speechConfig": voice}}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "models/gemini-2.0-flash-live-001"}, 1008),
        ({"model": "models/gemini-live-2.5-flash-preview"}, 1008),
        ({"model": "models/gemini-3.8-flash"}, 1008),
        ({"model": ""}, 1008),
        ({"model": 3}, 1007),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, 1007),
        ({"model": THINKING}, 1007),
        ({"generationConfig": {"responseModalities": ["TEXT"]}}, 1007),
        ({"generationConfig": {"responseModalities": ["AUDIO", "TEXT"]}}, 1007),
        ({"generationConfig": {"enableAffectiveDialog": True}}, 1007),
        ({"generation_config": {"speech_config": {"language": "en"}}}, 1007),
        (
            {
                "generationConfig": {
                    "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Bob"}}}
                }
            },
            1007,
        ),
        ({"proactivity": {"proactiveAudio": False}}, 1007),
        ({"surprise": 1}, 1007),
        ({"systemInstruction": {"parts": [{"text": "a"}]}, "system_instruction": {}}, 1007),
        ({"tools": [{"codeExecution": {}}]}, 1007),
        ({"tools": [{"functionDeclarations": [FUNCTION, FUNCTION]}]}, 1007),
        ({"tools": [{"functionDeclarations": [{"name": "two words"}]}]}, 1007),
        ({"tools": [{"functionDeclarations": [{**FUNCTION, "behavior": "EAGER"}]}]}, 1007),
        ({"sessionResumption": {"handle": "unknown"}}, 1008),
        ({"sessionResumption": {"transparent": True}}, 1007),
        ({"realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": -1}}}, 1007),
        ({"realtimeInputConfig": {"activityHandling": "SHOUT"}}, 1007),
        ({"realtimeInputConfig": {"turnCoverage": "NOTHING"}}, 1007),
        ({"realtimeInputConfig": {"automaticActivityDetection": {"endOfSpeechSensitivity": "HIGH"}}}, 1007),
        ({"model": THINKING, "generationConfig": {"thinkingConfig": {"thoughts": 1}}}, 1007),
        ({"contextWindowCompression": {"triggerTokens": 10, "slidingWindow": {"targetTokens": 20}}}, 1007),
    ],
)
def test_setups_that_are_refused(fields: dict[str, Any], code: int) -> None:
    rig = Rig()
    rig.setup(**fields)
    rig.run(1.0)
    assert rig.end == code
    assert rig.said == []
    assert rig.core.state is State.CLOSED
    assert rig.core.log.close_code == code


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": THINKING, "generationConfig": {"thinkingConfig": {"thinkingBudget": 100}}},
        {"proactivity": {"proactive_audio": True}},
        {"generation_config": {"response_modalities": ["AUDIO"], "temperature": 0.7}},
        {"tools": [{"functionDeclarations": [FUNCTION]}, {"googleSearch": {}}]},
        {
            "realtimeInputConfig": {
                "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
                "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY",
                "automaticActivityDetection": {"startOfSpeechSensitivity": "START_SENSITIVITY_LOW"},
            }
        },
        {"sessionResumption": {}, "contextWindowCompression": {"slidingWindow": {}}},
        {"realtime_input_config": {"automatic_activity_detection": {"silence_duration_ms": "500"}}},
        {
            "generationConfig": {
                "speechConfig": {"voiceConfig": {"prebuilt_voice_config": {"voice_name": "Kore"}}}
            }
        },
    ],
)
def test_setups_that_are_taken(fields: dict[str, Any]) -> None:
    rig = Rig()
    rig.setup(**fields)
    assert rig.end is None
    assert rig.messages("setupComplete") == [{}]


_PCM = {"data": base64.b64encode(bytes(640)).decode(), "mimeType": "audio/pcm;rate=16000"}


@pytest.mark.parametrize(
    "message",
    [
        {"realtimeInput": {"mediaChunks": [_PCM]}},
        {"realtimeInput": {"audio": {**_PCM, "mimeType": "audio/wav"}}},
        {"realtimeInput": {"audio": {**_PCM, "mimeType": "audio/pcm;rate=48000"}}},
        {"realtimeInput": {"audio": {**_PCM, "data": "!!"}}},
        {"realtimeInput": {"audio": {**_PCM, "data": "AAAA"}}},
        {"realtimeInput": {"video": {**_PCM, "mimeType": "image/gif"}}},
        {"realtimeInput": {"activityStart": {}}},
        {"realtimeInput": {"activityEnd": {}}},
        {"realtimeInput": {}},
        {"realtimeInput": {"text": 3}},
        {"realtimeInput": {"noise": {}}},
        {"clientContent": {"turns": "hello"}},
        {"clientContent": {"turns": [{"parts": [{"txt": "hello"}]}]}},
        {"toolResponse": {"functionResponses": [{"id": "x", "name": "f", "response": {}}]}},
        {"toolResponse": {"functionResponses": [{"id": "x", "name": "f", "response": 4}]}},
        {"setup": {"model": LIVE}},
        {"hello": {}},
        {},
        {"clientContent": {}, "realtimeInput": {"text": "a"}},
    ],
)
def test_messages_that_end_the_session(message: dict[str, Any]) -> None:
    rig = Rig()
    rig.setup()
    rig.send(message)
    assert rig.end == 1007
    rig.audio(quiet(0.1))
    rig.core.receive("not json", rig.now)
    assert len(rig.ends) == 1


@pytest.mark.parametrize(
    "steps",
    [
        ["activityEnd"],
        ["activityStart", "activityStart"],
        ["activityStart", "activityEnd", "activityEnd"],
    ],
)
def test_marks_that_do_not_pair(steps: list[str]) -> None:
    rig = Rig()
    rig.setup(**MARKS)
    for step in steps[:-1]:
        rig.mark(step)
    assert rig.end is None
    rig.mark(steps[-1])
    assert rig.end == 1007


def test_no_audio_stream_end_with_marks() -> None:
    rig = Rig()
    rig.setup(**MARKS)
    rig.send({"realtimeInput": {"audioStreamEnd": True}})
    assert rig.end == 1007


def test_the_setup_comes_first() -> None:
    rig = Rig()
    rig.audio(quiet(0.1))
    assert rig.end == 1007
    assert list(rig.core.log.heard) == []


def test_client_content_only_as_history_where_the_model_says_so() -> None:
    rig = Rig(known=live_with(client_content="history"))
    rig.setup()
    rig.text("Once upon a time", complete=False)
    rig.audio(quiet(0.1))
    assert rig.end is None
    rig.text("and later", complete=False)
    assert rig.end == 1007


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(["setup", "client_content", "clientContent", "realtime_input", "toolResponse", "x"])
_inner = st.sampled_from(["turns", "audio", "text", "functionResponses", "activity_end", "video", "parts"])


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=20) | st.dictionaries(_names, _json | st.dictionaries(_inner, _json)).map(json.dumps))
def test_anything_is_parsed_or_refused(data: str) -> None:
    try:
        parse(data)
    except RefusedError as refused:
        assert refused.code == 1007
        assert len(refused.reason.encode()) <= 123


@settings(max_examples=50, deadline=None)
@given(
    pcm=st.binary(max_size=64).map(lambda data: data[: len(data) // 2 * 2]),
    url_safe=st.booleans(),
    padded=st.booleans(),
)
def test_both_kinds_of_base64_are_read(pcm: bytes, *, url_safe: bool, padded: bool) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(pcm).decode()
    blob = {"data": text if padded else text.rstrip("="), "mimeType": "audio/pcm"}
    (message,) = parse(json.dumps({"realtimeInput": {"audio": blob}}))
    assert getattr(message, "pcm", None) == pcm
