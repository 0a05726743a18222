"""Models as data, and the setup that is made of them."""

import logging
from pathlib import Path
from typing import Any

import pytest

from bot.errors import SetupError
from bot.live import capabilities
from bot.live.capabilities import TABLE, catalogue, check_voice, model
from bot.live.errors import LiveError
from bot.live.setup import LiveSetup


def setup(**changes: Any) -> LiveSetup:
    fields: dict[str, Any] = {"model": "gemini-3.8-live", "voice": "Kore", "system_instruction": "Be kind."}
    return LiveSetup(**fields | changes)


def sent(made: LiveSetup, handle: str | None = None) -> dict[str, Any]:
    return made.config(handle).model_dump(exclude_none=True, mode="json")


def table(tmp_path: Path, old: str = "", new: str = "") -> Path:
    text = TABLE.read_text("utf-8")
    assert old in text
    path = tmp_path / "models.toml"
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_the_table_knows_both_models_and_thirty_voices() -> None:
    assert model("gemini-3.8-live").thinking == "none"
    assert model(" models/gemini-3.8-live-extended-thinking ").thinking == "required"
    assert len(set(catalogue().voices)) == 30


@pytest.mark.parametrize("name", ["gemini-2.0-flash-live-001", "models/gemini-live-2.5-flash-preview"])
def test_a_retired_model_leads_to_its_successor_with_a_warning(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    capabilities._warn.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert model(name).name == "gemini-3.8-live"
    assert caplog.text.count(name.removeprefix("models/")) == 1


def test_what_is_not_known_is_refused_with_what_is() -> None:
    with pytest.raises(LiveError, match=r"gemini-3\.8-live or gemini-3\.8-live-extended-thinking"):
        model("gemini-9")
    with pytest.raises(LiveError, match="Zephyr"):
        check_voice("Bob")
    assert check_voice("kore") == "Kore"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('thinking = "none"', 'thinking = "sometimes"'),
        ("client_content = true", 'client_content = "yes"'),
        ("context_tokens = 131072", "context_tokens = true"),
        ("resumption = true\n", ""),
        ("resumption = true\n", "resumption = true\nnew = 1\n"),
        ("[voices]", "[noises]"),
        ('= "gemini-3.8-live"', '= "gemini-9"'),
        ("[retired]", "[retired"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_sentence(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(SetupError, match=r"models\.toml can't be used"):
        catalogue(table(tmp_path, old, new))


def test_a_table_of_ones_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    path = table(tmp_path, 'models."gemini-3.8-live"', 'models."gemini-4-live"')
    with pytest.raises(SetupError):  # the retired ones have no successor then
        catalogue(path)
    path.write_text(path.read_text("utf-8").replace('= "gemini-3.8-live"', '= "gemini-4-live"'), "utf-8")
    assert catalogue(path).model("gemini-2.0-flash").name == "gemini-4-live"
    with pytest.raises(SetupError):
        catalogue(tmp_path / "missing.toml")


def test_the_setup_asks_for_what_a_call_needs() -> None:
    made = sent(setup(voice="puck"))
    assert made["response_modalities"] == ["AUDIO"]
    assert made["speech_config"] == {"voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}}
    assert made["system_instruction"] == {"parts": [{"text": "Be kind."}]}
    assert made["realtime_input_config"] == {"automatic_activity_detection": {"disabled": True}}
    assert made["input_audio_transcription"] == made["output_audio_transcription"] == {}
    assert made["session_resumption"] == {}
    compression = made["context_window_compression"]
    assert 0 < compression["sliding_window"]["target_tokens"] < compression["trigger_tokens"] < 131072
    assert "thinking_config" not in made
    assert "proactivity" not in made


def test_the_setup_follows_the_model_and_the_choices() -> None:
    made = sent(setup(model="gemini-3.8-live-extended-thinking", turns="model", transcripts=False))
    assert made["thinking_config"] == {"include_thoughts": False}
    assert made["realtime_input_config"] == {"automatic_activity_detection": {"disabled": False}}
    assert "input_audio_transcription" not in made
    assert "session_resumption" not in sent(setup(resumption=False))
    assert sent(setup(), "h1")["session_resumption"] == {"handle": "h1"}
    assert sent(setup(language="de-DE"))["speech_config"]["language_code"] == "de-DE"


@pytest.mark.parametrize(
    ("old", "words"),
    [
        ("activity_marks = true", "where a turn ends"),
        ("resumption = true", "resume"),
        ("client_content = true", "who is speaking"),
    ],
)
def test_what_the_model_can_not_do_is_refused_before_connecting(tmp_path: Path, old: str, words: str) -> None:
    lesser = catalogue(table(tmp_path, old, old.replace("true", "false")))
    with pytest.raises(LiveError, match=words):
        setup(models=lesser)


def test_an_unknown_model_or_voice_makes_no_setup() -> None:
    with pytest.raises(LiveError):
        setup(model="gemini-9")
    with pytest.raises(LiveError):
        setup(voice="Bob")
