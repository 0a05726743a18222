"""The settings of /config as a file: out, in again, and files that are none."""

import json

import pytest
from config_bot import DEFAULTS, Scene, chosen, grant, scene, told
from loopback import eventually

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Message, Upload

__all__ = ["scene"]


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
