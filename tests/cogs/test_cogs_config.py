"""The panel of /config on the loopback Discord: every component, what it stores and says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from config_bot import DEFAULTS, Scene, chosen, component, config_scene, scene, shown, told

from bot.conversation.personas import personas
from bot.conversation.speech import speech
from bot.emulators.discord.model import walk
from bot.emulators.discord.server import DiscordEmulator
from bot.live.capabilities import catalogue

__all__ = ["scene"]

PAGES = ("character", "talk", "privacy", "people")


async def test_the_panel_opens_for_its_reader_alone(scene: Scene) -> None:
    panel = await scene.panel()
    assert panel.ephemeral
    assert panel.mentions == []
    for page in PAGES:
        view = await shown(scene.world.click(scene.owner_id, panel.id, f"earshot:config:page:{page}:"))
        assert view is panel, "one panel, whatever is pressed"
        assert view.text.startswith("### My settings in this server")
    assert scene.hall.applied == [], "looking changes nothing"
    assert scene.bot.persistent_views == [], "discord.py keeps none of them"


@pytest.mark.parametrize(
    ("page", "name", "value", "expected"),
    [
        ("character", "persona", "game-master", {"persona": "game-master"}),
        ("character", "voice", "Achernar", {"voice": "Achernar"}),
        ("character", "voice:1", "Zephyr", {"voice": "Zephyr"}),
        ("character", "language", "de-DE", {"language": "de-DE"}),
        ("character", "model", "gemini-3.8-live-extended-thinking", None),
        ("talk", "mode", "push-to-talk", {"mode": "push-to-talk"}),
        ("talk", "floor", "mix", {"floor": "mix"}),
        ("talk", "turns", "model", {"turns": "model"}),
        ("talk", "captions", "off", {"captions": False}),
        ("talk", "idle_minutes", "30", {"idle_minutes": 30}),
        ("privacy", "consent", "notice", {"consent": "notice"}),
        ("privacy", "retention_days", "90", {"retention_days": 90}),
    ],
)
async def test_what_is_chosen_is_stored_applied_and_shown(
    scene: Scene, page: str, name: str, value: str, expected: dict[str, Any] | None
) -> None:
    panel = await scene.panel(page=page)
    setting = name.partition(":")[0]
    before = chosen(panel, f"{page}:{setting}")
    await scene.choose(panel, f"{page}:{name}", [value])
    changed = expected or {setting: value}
    assert scene.settings == replace(DEFAULTS, **changed)
    assert scene.hall.applied == [scene.guild_id]
    now = chosen(panel, f"{page}:{setting}")
    assert len(now) == 1
    assert now != before
    await scene.start()
    assert scene.settings == replace(DEFAULTS, **changed), "it outlives a restart"


async def test_every_voice_can_be_chosen_and_is_described(scene: Scene) -> None:
    panel = await scene.panel()
    selects = [component(panel, f"earshot:config:set:character:voice{part}") for part in ("", ":1")]
    offered = [option for select in selects for option in select["options"]]
    assert [option["value"] for option in offered] == list(catalogue().voices)
    assert all(option["description"] for option in offered)
    assert chosen(panel, "character:voice") == ["Kore"]
    assert len(speech().languages) <= 23, "with two more, what a select takes"


async def test_a_persona_in_ones_own_words(scene: Scene) -> None:
    panel = await scene.panel()
    opened = scene.world.click(scene.owner_id, panel.id, "earshot:config:form:character:persona")
    modal = await opened.opened_modal()
    (field,) = (part for part in walk(modal["components"]) if part.get("custom_id") == "value")
    assert field["value"] == personas().ready["assistant"].text, "a ready one is there to begin with"
    assert field["max_length"] == 4_000
    words = "You are a pirate.\n**Arr** <@1> " + "x" * 3_960
    await shown(scene.world.submit_modal(opened, {"value": words}))
    assert (scene.settings.persona, scene.settings.instruction) == ("own", words.strip())
    assert "Our own: “You are a pirate. Arr 1 xxx" in panel.text
    assert chosen(panel, "character:persona") == ["Our own"]
    await scene.choose(panel, "character:persona", ["tutor"])
    await scene.choose(panel, "character:persona", ["own"])
    assert scene.settings.instruction == words.strip(), "one's own words are not lost meanwhile"


async def test_a_persona_of_no_words(scene: Scene) -> None:
    panel = await scene.panel()
    used = await scene.type_in(panel, "character:persona", "  \n ")
    assert "is empty: write who I am" in await told(used)
    assert scene.settings == DEFAULTS
    assert scene.hall.applied == []


@pytest.mark.parametrize(
    ("name", "typed", "expected"),
    [
        ("character:language", "zh_hant_tw", {"language": "zh-Hant-TW"}),
        ("character:language", "DA-dk", {"language": "da-DK"}),
        ("talk:idle_minutes", "45", {"idle_minutes": 45}),
        ("privacy:retention_days", "14", {"retention_days": 14}),
    ],
)
async def test_what_is_typed_is_stored_and_shown(
    scene: Scene, name: str, typed: str, expected: dict[str, Any]
) -> None:
    panel = await scene.panel(page=name.partition(":")[0])
    await shown(await scene.type_in(panel, name, typed))
    assert scene.settings == replace(DEFAULTS, **expected)
    ((value),) = expected.values()
    assert chosen(panel, name) == [
        {"da-DK": "da-DK", 45: "45 minutes", 14: "14 days"}.get(value, str(value))
    ], "it is there to be chosen, too"


async def test_a_language_goes_back_to_the_speakers(scene: Scene) -> None:
    panel = await scene.panel()
    await scene.choose(panel, "character:language", ["ja-JP"])
    assert "日本語" in panel.text
    await shown(await scene.type_in(panel, "character:language", ""))
    assert scene.settings.language is None
    await scene.choose(panel, "character:language", ["ja-JP"])
    await scene.choose(panel, "character:language", ["-"])
    assert scene.settings.language is None
    assert chosen(panel, "character:language") == ["As you speak"]


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("character:language", "German, sir!", "such as de, pt-BR or zh-Hant-TW"),
        ("talk:idle_minutes", "0", "whole number from 1 to 240"),
        ("talk:idle_minutes", "soon", "Write the minutes as a whole number from 1 to 240."),
        ("privacy:retention_days", "9999", "whole number from 0 to 365"),
        ("privacy:retention_days", "1.5", "Write the days as a whole number from 0 to 365."),
        ("privacy:retention_days", "٣", "Write the days"),
    ],
)
async def test_what_can_not_be_is_said_and_changes_nothing(
    scene: Scene, name: str, typed: str, said: str
) -> None:
    panel = await scene.panel(page=name.partition(":")[0])
    typed = typed[:12]
    used = await scene.type_in(panel, name, typed)
    assert said in await told(used)
    assert scene.settings == DEFAULTS
    assert scene.hall.applied == []


async def test_keeping_nothing_says_what_it_costs(scene: Scene) -> None:
    panel = await scene.panel(page="privacy")
    assert "kept for 7 days" in panel.text
    await scene.choose(panel, "privacy:retention_days", ["0"])
    assert "/transcript has nothing to show" in panel.text
    assert "without knowing what was said" in panel.text


async def test_consent_says_what_the_law_asks(scene: Scene) -> None:
    panel = await scene.panel(page="privacy")
    assert "everyone must agree before" in panel.text
    assert "unpaid" not in panel.text
    assert not scene.consents.consented(scene.guild_id, scene.ada.id)
    await scene.choose(panel, "privacy:consent", ["notice"])
    assert "Everyone in the channel is heard unless they object" in panel.text
    assert scene.consents.consented(scene.guild_id, scene.ada.id), "it holds at once"
    await scene.choose(panel, "privacy:consent", ["ask"])
    assert not scene.consents.consented(scene.guild_id, scene.ada.id)


async def test_unpaid_quota_is_explained(discord_emulator: DiscordEmulator, tmp_path: Path) -> None:
    async with config_scene(discord_emulator, tmp_path, paid=False) as scene:
        panel = await scene.panel(page="privacy")
        assert "people there may listen to it" in panel.text


async def test_a_sample_of_the_voice(scene: Scene) -> None:
    panel = await scene.panel()
    sample = "earshot:config:sample:character:voice"
    assert (await scene.world.click(scene.owner_id, panel.id, sample)).text == (
        "I am in no call here; /join begins one."
    )
    scene.hall.calls.add(scene.guild_id)
    await scene.choose(panel, "character:language", ["fr-FR"])
    answer = await scene.world.click(scene.owner_id, panel.id, sample)
    assert answer.ephemeral
    assert "with the voice Kore" in answer.text
    assert scene.hall.said == [(scene.guild_id, scene.owner_id, speech().languages["fr-FR"].sample)]


async def test_settings_that_do_not_go_together(scene: Scene) -> None:
    await scene.guilds.change(scene.guild_id, model="gemini-of-old")
    panel = await scene.panel()
    assert chosen(panel, "character:model") == []
    used = scene.world.select(scene.owner_id, panel.id, "earshot:config:set:character:voice", ["Fenrir"])
    assert "There is no Live model named gemini-of-old; choose" in await told(used)
    await scene.choose(panel, "character:model", ["gemini-3.8-live"])
    await scene.choose(panel, "character:voice", ["Fenrir"])
    assert scene.settings.voice == "Fenrir"
