"""Personas and languages as data: what the model is told, and tables that are wrong."""

from pathlib import Path

import pytest

from bot.conversation.personas import personas
from bot.conversation.speech import speech
from bot.errors import SetupError
from bot.live.capabilities import catalogue


def test_every_persona_begins_with_what_holds_for_all() -> None:
    known = personas()
    assert {"assistant", "tutor", "game-master", "technician"} <= set(known.ready)
    told = {name: known.instruction(name, None) for name in known.ready}
    assert len(set(told.values())) == len(told)
    for name, text in told.items():
        assert text.startswith(known.base)
        assert "is told that you are an AI" in text
        assert known.ready[name].text in text
        assert "  " not in text, "the lines of the table are joined as sentences"


def test_a_guilds_own_words_keep_what_holds_for_all() -> None:
    known = personas()
    assert known.instruction("own", "You are a pirate.") == f"{known.base}\nYou are a pirate."
    assert known.instruction("tutor", "You are a pirate.") == known.instruction("tutor", None)


@pytest.mark.parametrize("name", ["own", "a persona of a newer version", ""])
def test_what_is_not_there_is_the_assistant(name: str) -> None:
    known = personas()
    assert known.instruction(name, None) == known.instruction("assistant", None)


def test_what_is_offered_fits_into_selects() -> None:
    for persona in personas().ready.values():
        assert max(len(persona.title), len(persona.about)) <= 100
    assert set(speech().voices) == set(catalogue().voices)


def test_a_voice_is_tried_in_the_language_that_is_set() -> None:
    known = speech()
    assert known.sample("de-DE") == known.sample("de-AT") == known.languages["de-DE"].sample
    assert known.sample(None) == known.sample("sw-KE") == known.languages["en-US"].sample


@pytest.mark.parametrize(
    "text",
    [
        "",
        "base = 'x'",
        "base = 'x'\n[personas.tutor]\ntitle='T'\nabout='A'\ntext='X'",
        "base = 'x'\n[personas.assistant]\ntitle='T'\nabout='A'",
        "base = 'x'\n[personas.assistant]\ntitle='T'\nabout='A'\ntext=7",
        "base = 'x'\n[personas.assistant]\ntitle='T'\nabout='A'\ntext='X'\nmood='bad'",
        "base = 'x'\npersonas = 3",
        "base = ",
    ],
)
def test_a_table_of_personas_that_is_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "personas.toml"
    path.write_text(text)
    with pytest.raises(SetupError, match=r"The table of personas personas\.toml can't be used: .+\."):
        personas(path)


@pytest.mark.parametrize(
    "text",
    [
        "[voices]\nKore = 'firm'",
        "[voices]\n[languages]\nde-DE = ['Deutsch', 'German', 'Hallo']",
        "[voices]\n[languages]\nen-US = ['English']",
    ],
)
def test_a_table_of_languages_that_is_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speech.toml"
    path.write_text(text)
    with pytest.raises(SetupError, match=r"The table of languages speech\.toml can't be used: .+\."):
        speech(path)
