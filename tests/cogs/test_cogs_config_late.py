"""Panels of /config that are old, gone or pressed by two at once: what they show is true."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from config_bot import DEFAULTS, Scene, chosen, component, grant, scene, shown, told
from loopback import eventually

from bot.live.capabilities import catalogue

__all__ = ["scene"]

LATE_S = 16 * 60.0


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
