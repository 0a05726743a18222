"""What settings may be, and the file that they are exported to and imported from."""

import json
from typing import Any

import pytest

from bot.storage.guilds import GuildSettings
from bot.storage.settings_file import FORMAT, MAX_BYTES, VERSION, exported, imported
from bot.storage.settings_rules import Choices, SettingError, checked, names

CHOICES = Choices(
    models=("gemini-3.8-live", "gemini-3.8-live-extended-thinking"),
    voices=("Kore", "Puck"),
    personas=("assistant", "tutor"),
    retired={"gemini-2.0-flash-live-001": "gemini-3.8-live"},
)
DJ, CREW = 2**62 + 5, 7
ROLES = {DJ: "DJ", CREW: "Crew"}
SETTINGS = GuildSettings(
    model="gemini-3.8-live",
    voice="Puck",
    turns="model",
    language="de-DE",
    persona="own",
    instruction="You are a pirate. 🏴‍☠️\n\tArr — “quotes” and all.",
    mode="push-to-talk",
    floor="mix",
    captions=False,
    consent="notice",
    retention_days=0,
    idle_minutes=3,
    join_roles=(CREW, DJ),
    config_roles=(DJ,),
)


def file(**changes: Any) -> bytes:
    return json.dumps({"format": FORMAT, "version": VERSION, "settings": changes}).encode()


def test_what_is_exported_is_imported_as_it_was() -> None:
    data = exported(SETTINGS, ROLES)
    changes = imported(data, CHOICES, ROLES)
    assert tuple(changes) == names()
    assert GuildSettings(**changes) == SETTINGS  # type: ignore[arg-type]
    assert changes["join_roles"] == (CREW, DJ)


def test_the_rules_are_about_all_settings() -> None:
    assert set(names()) == set(GuildSettings.__dataclass_fields__)


def test_roles_of_another_server_are_found_by_name() -> None:
    changes = imported(exported(SETTINGS, ROLES), CHOICES, {31: "Crew", 32: "DJ", 33: "Guests"})
    assert changes["join_roles"] == (31, 32)
    assert changes["config_roles"] == (32,)


def test_a_deleted_role_is_exported_only_where_everybody_might_join_without_it() -> None:
    settings = json.loads(exported(SETTINGS, {CREW: "Crew"}))["settings"]
    assert settings["join_roles"] == [{"id": str(CREW), "name": "Crew"}]
    assert settings["config_roles"] == [{"id": str(DJ), "name": "a deleted role"}]
    with pytest.raises(SettingError, match=r"config_roles .* has none"):
        imported(exported(SETTINGS, {CREW: "Crew"}), CHOICES, {CREW: "Crew"})


def test_a_part_of_the_settings_and_the_operators() -> None:
    data = b"\xef\xbb\xbf" + file(voice=None, language="PT_br", model="gemini-2.0-flash-live-001")
    assert imported(data, CHOICES, ROLES) == {"voice": None, "language": "pt-BR", "model": "gemini-3.8-live"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "broken JSON (line 1, column 1)"),
        (b'{\n "format": }', "broken JSON (line 2, column 12)"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"[" * 50_000, "no settings of mine"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "no settings of mine"),
        (b"[]", "no settings of mine"),
        (b'{"voice": "Kore"}', "no settings of mine"),
        (b" " * (MAX_BYTES + 1), "larger than 64 KiB"),
        (json.dumps({"format": FORMAT, "version": VERSION}).encode(), "no settings of mine"),
        (json.dumps({"format": FORMAT, "version": 2, "settings": {}}).encode(), "newer Earshot"),
        (json.dumps({"format": FORMAT, "version": True, "settings": {}}).encode(), "which version"),
        (file(), "sets nothing"),
        (file(voic="Kore"), "no setting named “voic”"),
        (file(voice="kore`@everyone`" + "x" * 99), "“kore--everyone-xxxxxxx"),
        (file(voice=["Kore"]), "voice can't be"),
        (file(model="gpt"), "choose gemini-3.8-live or gemini-3.8-live-extended-thinking."),
        (file(language="Deutsch!"), "such as de, pt-BR or zh-Hant-TW"),
        (file(language=4), "language can't be “4”"),
        (file(persona="own"), "its instruction is missing"),
        (file(persona="wizard"), "choose assistant, tutor or own"),
        (file(instruction="x" * 4_001), "4,001 characters, and 4,000 fit"),
        (file(instruction=" \n"), "is empty"),
        (file(instruction=["x"]), "it is a text"),
        (file(captions="yes"), "true or false"),
        (file(retention_days=-1), "from 0 to 365"),
        (file(retention_days=True), "from 0 to 365"),
        (file(retention_days=1.5), "from 0 to 365"),
        (file(idle_minutes=0), "from 1 to 240"),
        (file(consent="never"), "choose ask or notice"),
        (file(mode="Everyone"), "choose everyone, addressed or push-to-talk"),
        (file(join_roles="DJ"), "no list of roles"),
        (file(join_roles=[5]), "no list of roles"),
        (file(join_roles=[{"id": "99", "name": "<@&5> Owls"}]), "the role “--&5- Owls”, of which"),
        (file(config_roles=[{"id": "1" * 5_000, "name": "x"}]), "has none"),
    ],
)
def test_a_file_that_is_wrong_is_told_so(data: bytes, said: str) -> None:
    with pytest.raises(SettingError) as raised:
        imported(data, CHOICES, ROLES)
    sentence = str(raised.value)
    assert said in sentence
    assert len(sentence) < 300
    assert sentence.endswith(".")
    assert sentence.count(": ") >= 1, "it says what to do"


def test_two_roles_of_the_same_name_are_not_guessed_between() -> None:
    with pytest.raises(SettingError, match="has 2"):
        imported(exported(SETTINGS, ROLES), CHOICES, {1: "DJ", 2: "DJ", 3: "Crew"})


def test_an_instruction_is_text_that_can_be_stored_and_sent() -> None:
    data = file(instruction="A\u0000B\ud83dC\r\nD")  # a control code, half of a surrogate pair
    assert imported(data, CHOICES, ROLES) == {"instruction": "ABC\nD"}


def test_more_roles_than_a_select_holds() -> None:
    with pytest.raises(SettingError, match="26 roles, and 25 fit"):
        checked("join_roles", list(range(1, 27)), CHOICES)
    assert checked("join_roles", [3, 1, 3], CHOICES) == (1, 3)
