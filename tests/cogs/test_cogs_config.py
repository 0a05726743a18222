"""The panel of /config on the loopback Discord: every component, who may use it, and when it is old."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from config_bot import DEFAULTS, Scene, chosen, component, config_scene, grant, shown
from loopback import eventually

from bot.conversation.personas import personas
from bot.conversation.speech import speech
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Message, Upload, walk
from bot.emulators.discord.server import DiscordEmulator
from bot.live.capabilities import catalogue
from bot.storage.guilds import GuildSettings

PAGES = ("character", "talk", "privacy", "people")
LATE_S = 16 * 60.0


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator, tmp_path: Path) -> AsyncIterator[Scene]:
    async with config_scene(discord_emulator, tmp_path) as scene:
        yield scene


async def told(used: Interaction) -> str:
    """Return the sentence that a person was told beside the panel."""
    await used.wait_for(
        lambda it: bool(it.followups) or (it.answer is not None and it.answer is not it.source)
    )
    message = used.followups[0] if used.followups else used.answer
    assert message is not None
    assert message.ephemeral
    return message.text


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
    assert scene.settings == GuildSettings(**{**_values(DEFAULTS), **changed})
    assert scene.hall.applied == [scene.guild_id]
    now = chosen(panel, f"{page}:{setting}")
    assert len(now) == 1
    assert now != before
    await scene.start()
    assert scene.settings == GuildSettings(**{**_values(DEFAULTS), **changed}), "it outlives a restart"


def _values(settings: GuildSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in GuildSettings.__dataclass_fields__}


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
    assert scene.settings == GuildSettings(**{**_values(DEFAULTS), **expected})
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


async def test_roles_are_chosen_and_taken_back(scene: Scene) -> None:
    panel = await scene.panel(page="people")
    roles = [str(scene.dj.id), str(scene.crew.id)]
    await scene.choose(panel, "people:join_roles", roles)
    assert scene.settings.join_roles == (scene.crew.id, scene.dj.id)
    select = component(panel, "earshot:config:set:people:join_roles")
    assert {str(value["id"]) for value in select["default_values"]} == set(roles)
    assert f"People with <@&{scene.crew.id}> or <@&{scene.dj.id}>, or with the Manage Server" in panel.text
    assert panel.mention_role_ids == []
    await scene.choose(panel, "people:join_roles", [])
    restored = scene.settings
    assert restored.join_roles == ()
    assert "Everyone can use /join" in panel.text
    await scene.choose(panel, "people:join_roles", [str(scene.guild_id)])
    assert scene.settings == restored, "the role that everyone has is no restriction"


async def test_who_may_do_nothing_is_told_who_may(scene: Scene) -> None:
    refused = await scene.run("config", scene.ada.id)
    assert refused.ephemeral
    assert (
        refused.text == "Only people with the Manage Server permission can set me up here: ask one of them."
    )
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    others = (await scene.run("config", scene.ada.id)).text
    assert f"the Manage Server permission, or with <@&{scene.dj.id}>, can" in others


async def test_who_has_the_role_may_but_not_consent_nor_the_role(scene: Scene) -> None:
    grant(scene, scene.ada, scene.dj)
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    panel = await scene.panel(scene.ada.id, "talk")
    await scene.choose(panel, "talk:mode", ["addressed"], scene.ada.id)
    assert scene.settings.mode == "addressed"
    for page, name in (("privacy", "consent"), ("people", "config_roles")):
        await shown(scene.world.click(scene.ada.id, panel.id, f"earshot:config:page:{page}:"))
        select = component(panel, f"earshot:config:set:{page}:{name}")
        assert select["disabled"]
        assert "Only people with the Manage Server permission can change this." in panel.text
        # A client that does not care, or a panel of before.
        select["disabled"] = False
        value = "notice" if name == "consent" else str(scene.crew.id)
        used = scene.world.select(scene.ada.id, panel.id, select["custom_id"], [value])
        assert "Only people with the Manage Server permission can change “" in await told(used)
    assert scene.settings.consent == "ask"
    assert scene.settings.config_roles == (scene.dj.id,)


async def test_a_right_that_is_gone_is_gone_in_an_open_panel(scene: Scene) -> None:
    grant(scene, scene.ada, scene.dj)
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    panel = await scene.panel(scene.ada.id)
    scene.world.guild.members[scene.ada.id].role_ids.clear()
    used = scene.world.select(scene.ada.id, panel.id, "earshot:config:set:character:persona", ["tutor"])
    assert "ask one of them" in await told(used)
    assert scene.settings == GuildSettings(**{**_values(DEFAULTS), "config_roles": (scene.dj.id,)})


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


async def test_a_panel_of_before_a_restart_and_of_long_ago(scene: Scene) -> None:
    panel = await scene.panel()
    await scene.start()
    scene.emulator.knobs.interaction_clock_offset_s += LATE_S
    await scene.choose(panel, "character:voice", ["Aoede"])
    assert scene.settings.voice == "Aoede"
    assert "Aoede, breezy" in panel.text
    opened = scene.world.click(scene.owner_id, panel.id, "earshot:config:form:character:persona")
    await opened.opened_modal()
    await scene.start()
    await shown(scene.world.submit_modal(opened, {"value": "You are a pirate."}))
    assert scene.settings.instruction == "You are a pirate."


@pytest.mark.parametrize(
    "custom_id",
    [
        "earshot:config:set:character:mood",
        "earshot:config:set:moods:voice",
        "earshot:config:set:talk:voice",
        "earshot:config:set:character:",
        "earshot:config:form:character:voice",
        "earshot:config:dance:character:voice",
        "earshot:config:",
    ],
)
async def test_a_component_of_another_version(scene: Scene, custom_id: str) -> None:
    panel = await scene.panel()
    component(panel, "earshot:config:sample:character:voice")["custom_id"] = custom_id
    answer = await scene.world.click(scene.owner_id, panel.id, custom_id)
    assert answer.text == "This panel is of another version of me: open /config again."
    assert scene.settings == DEFAULTS


async def test_two_people_press_at_once_and_both_see_the_truth(scene: Scene) -> None:
    grant(scene, scene.ada, scene.dj)
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    panels = {user: await scene.panel(user) for user in (scene.owner_id, scene.ada.id)}
    for round_number in range(5):
        voices = [catalogue().voices[round_number], catalogue().voices[round_number + 5]]
        await asyncio.gather(
            *(
                scene.choose(panel, "character:voice", [voice], user)
                for (user, panel), voice in zip(panels.items(), voices, strict=True)
            )
        )
        assert scene.settings.voice in voices
        await eventually(
            lambda: all(chosen(each, "character:voice") == [scene.settings.voice] for each in panels.values())
        )
    assert len(scene.hall.applied) == 10


async def test_a_panel_whose_message_is_gone_does_not_disturb_others(scene: Scene) -> None:
    grant(scene, scene.ada, scene.dj)
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    gone = await scene.panel(scene.ada.id)
    panel = await scene.panel()
    scene.world.delete_post(gone.id)
    await scene.choose(panel, "character:voice", ["Fenrir"])
    assert chosen(panel, "character:voice") == ["Fenrir"]


async def test_a_database_that_fails_leaves_the_truth_in_the_panel(scene: Scene) -> None:
    panel = await scene.panel()
    with closing(sqlite3.connect(scene.path, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        used = scene.world.select(scene.owner_id, panel.id, "earshot:config:set:character:voice", ["Fenrir"])
        assert "is locked by another program" in await told(used)
        await shown(used)  # else the person's client would go on showing what they chose
    assert chosen(panel, "character:voice") == ["Kore"]
    assert scene.hall.applied == []


async def test_settings_that_do_not_go_together(scene: Scene) -> None:
    await scene.guilds.change(scene.guild_id, model="gemini-of-old")
    panel = await scene.panel()
    assert chosen(panel, "character:model") == []
    used = scene.world.select(scene.owner_id, panel.id, "earshot:config:set:character:voice", ["Fenrir"])
    assert "There is no Live model named gemini-of-old; choose" in await told(used)
    await scene.choose(panel, "character:model", ["gemini-3.8-live"])
    await scene.choose(panel, "character:voice", ["Fenrir"])
    assert scene.settings.voice == "Fenrir"


# -- export and import


async def exported(scene: Scene, panel: Message) -> Upload:
    answer = await scene.world.click(scene.owner_id, panel.id, "earshot:config:export:character:")
    assert answer.ephemeral
    (attachment,) = answer.attachments
    return Upload(attachment.filename, attachment.data)


async def import_(scene: Scene, panel: Message, file: Upload, user_id: int | None = None) -> Interaction:
    opened = scene.world.click(user_id or scene.owner_id, panel.id, "earshot:config:import:character:")
    await opened.opened_modal()
    return scene.world.submit_modal(opened, {"files": [file]})


async def test_settings_go_out_and_come_back(scene: Scene) -> None:
    panel = await scene.panel()
    await scene.type_in(panel, "character:persona", "You are a pirate — arr.")
    await eventually(lambda: scene.settings.persona == "own")
    await scene.guilds.change(scene.guild_id, join_roles=(scene.crew.id,), consent="notice", voice="Puck")
    kept = scene.settings
    file = await exported(scene, panel)
    assert file.filename == "settings.json"
    assert json.loads(file.data)["settings"]["join_roles"] == [{"id": str(scene.crew.id), "name": "Crew"}]
    assert "token" not in file.data.decode().lower()
    await scene.guilds.change(
        scene.guild_id, persona=None, instruction=None, join_roles=None, consent=None, voice="Fenrir"
    )
    before = len(scene.hall.applied)
    used = await import_(scene, panel, file)
    assert await told(used) == "14 settings are now as in settings.json."
    assert scene.settings == kept
    assert chosen(panel, "character:voice") == ["Puck"]
    assert len(scene.hall.applied) == before + 1


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (Upload("settings.json", b"{"), "broken JSON"),
        (Upload("cat.png", b"\x89PNG\r\n\x1a\n" + bytes(99)), "no text in UTF-8"),
        (Upload("a.json", b'{"name": "left-pad"}'), "no settings of mine"),
        (Upload("big.json", b" " * 65_537), "larger than 64 KiB"),
    ],
)
async def test_a_file_that_is_none_changes_nothing(scene: Scene, file: Upload, said: str) -> None:
    panel = await scene.panel()
    assert said in await told(await import_(scene, panel, file))
    assert scene.settings == DEFAULTS
    assert scene.hall.applied == []


async def test_one_wrong_value_keeps_out_all_of_a_file(scene: Scene) -> None:
    panel = await scene.panel()
    file = json.loads((await exported(scene, panel)).data)
    file["settings"] |= {"voice": "Puck", "idle_minutes": 0}
    used = await import_(scene, panel, Upload("x.json", json.dumps(file).encode()))
    assert "idle_minutes can't be “0”" in await told(used)
    assert scene.settings == DEFAULTS


async def test_an_import_is_no_way_around_the_rights(scene: Scene) -> None:
    grant(scene, scene.ada, scene.dj)
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    panel = await scene.panel()
    file = json.loads((await exported(scene, panel)).data)
    hers = await scene.panel(scene.ada.id)
    for name, value in (("consent", "notice"), ("config_roles", None)):
        changed = file | {"settings": file["settings"] | {name: value}}
        used = await import_(scene, hers, Upload("x.json", json.dumps(changed).encode()), scene.ada.id)
        assert "Only people with the Manage Server permission can change" in await told(used)
    changed = file | {"settings": file["settings"] | {"voice": "Puck"}}
    used = await import_(scene, hers, Upload("x.json", json.dumps(changed).encode()), scene.ada.id)
    assert "14 settings" in await told(used)
    assert scene.settings.voice == "Puck"
    assert scene.settings.config_roles == (scene.dj.id,)
