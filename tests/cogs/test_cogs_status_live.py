"""The panel of /status on the whole bot: what it shows, and that it keeps up with the call."""

import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from loopback import eventually
from manners_scene import SPEECH, Scene, manners_scene
from prometheus_client.parser import text_string_to_metric_families

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from cogs import status_live
from cogs.status import HAPPENED, LOST

QUICKLY_S = 0.2


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.setattr(status_live, "REFRESH_S", QUICKLY_S)
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        yield scene
        await scene.run("leave")
        await eventually(lambda: not panels())


def panels() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("status-")]


def edits(panel: Interaction) -> int:
    return sum(seen.what == "edit" for seen in panel.history)


def text(panel: Interaction) -> str:
    assert panel.original is not None
    return panel.original.text


async def test_the_panel_shows_the_call_as_it_goes_on(scene: Scene) -> None:
    panel = scene.run("status")
    first = copy.copy((await panel).text)
    for line in (
        f"### In <#{scene.lounge}> since <t:",
        f"**Heard:** <@{scene.ada.user.id}>",
        "**Not heard (they have not agreed, or object):** nobody",
        "**Speaking:** nobody",
        "**I answer:** everyone",
        "**Discord voice:** connected",
        "**Gemini Live:** ready",
        "**My voice:** 100 %",
        "- your word to Gemini: not measured yet",
        "- knowing that a turn has ended: nobody has spoken yet",
        "- your packets of 20 ms: 0 heard, 0 lost on the way",
        "Kept up to date until <t:",
    ):
        assert line in first, first
    bob = await scene.bob()
    await eventually(lambda: f"or object):** <@{bob.user.id}>" in text(panel))
    seen, frames = asyncio.Event(), 0
    watching = asyncio.create_task(watch(panel, f"**Speaking:** <@{scene.ada.user.id}>", seen))
    while not seen.is_set():  # while this machine is busy, the panel is less so
        frames += len((await scene.ada.speak(SPEECH)).frames)
    await watching
    await eventually(lambda: f": {frames} heard, 0 lost" in text(panel))
    await eventually(lambda: "- knowing that a turn has ended: nobody" not in text(panel))
    assert "your word to Gemini: not" not in text(panel)
    await scene.told("volume", percent=50)
    await eventually(lambda: "**My voice:** 50 %" in text(panel))
    await scene.run("leave")
    await eventually(lambda: "### The call is over" in text(panel))
    assert "As it was at <t:" in text(panel)
    before = edits(panel)
    await asyncio.sleep(5 * QUICKLY_S)
    assert edits(panel) == before


async def test_what_it_can_show_is_counted_and_in_the_metrics(scene: Scene) -> None:
    url = f"http://127.0.0.1:{scene.bot.metrics_port}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        families = text_string_to_metric_families(await answer.text())
    counted = {sample.labels.get("of") for family in families for sample in family.samples}
    shown = {"heard", "missing", "live_connections", LOST, *HAPPENED}
    assert shown <= counted, f"nobody counts {shown - counted}"


async def watch(panel: Interaction, line: str, seen: asyncio.Event) -> None:
    try:
        await eventually(lambda: line in text(panel))
    finally:
        seen.set()


async def test_nothing_is_sent_where_nothing_changes(scene: Scene) -> None:
    panel = scene.run("status")
    await panel
    await asyncio.sleep(4 * QUICKLY_S)
    before = edits(panel)
    await asyncio.sleep(5 * QUICKLY_S)
    assert edits(panel) == before


async def test_a_new_panel_takes_the_place_of_the_persons_last(scene: Scene) -> None:
    first = scene.run("status")
    await first
    second = scene.ada.run_command(scene.world.text.id, "status")
    await second
    await eventually(lambda: "As it was at <t:" in text(first))
    assert "Kept up to date" in text(second)
    bob = await scene.bob()
    third = scene.run("status", bob)
    await third
    await eventually(lambda: len(panels()) == 2)  # one for each person


async def test_a_panel_ends_in_time_and_when_it_can_not_be_edited(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_live, "LASTS_S", 1.0)
    panel = scene.run("status")
    await panel
    await eventually(lambda: "As it was at <t:" in text(panel))
    await eventually(lambda: not panels())
    monkeypatch.setattr(status_live, "LASTS_S", 600.0)
    dismissed = scene.run("status")
    await dismissed
    fault = RestFault("PATCH", "/messages/@original", 404, body={"code": 10008, "message": "Unknown Message"})
    scene.bot.discord.knobs.rest_faults.append(fault)
    await scene.told("volume", percent=30)  # so that there is something to show
    await eventually(lambda: not panels())


async def test_a_panel_outlives_an_error_of_discords(scene: Scene) -> None:
    panel = scene.run("status")
    await panel
    scene.bot.discord.knobs.rest_faults.append(RestFault("PATCH", "/messages/@original", 500, times=9))
    await scene.told("volume", percent=30)
    await asyncio.sleep(5 * QUICKLY_S)
    scene.bot.discord.knobs.rest_faults.clear()
    await scene.told("volume", percent=40)
    await eventually(lambda: "**My voice:** 40 %" in text(panel))


async def test_only_so_many_panels_are_kept_up_to_date(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_live, "MOST", 0)
    panel = await scene.run("status")
    assert "As it was at <t:" in panel.text
    assert not panels()


async def test_what_the_server_does_to_the_bot_is_shown_and_told(scene: Scene) -> None:
    panel = scene.run("status")
    await panel
    scene.world.server_mute(scene.me, muted=True)
    await eventually(lambda: "**My voice:** muted by this server" in text(panel))
    await eventually(lambda: any("I am muted in this server" in line for line in chat(scene)))
    scene.world.server_deafen(scene.me, deafened=True)
    await eventually(lambda: "connected, but deafened by this server" in text(panel))
    await eventually(lambda: any("I am deafened in this server" in line for line in chat(scene)))
    scene.world.server_mute(scene.me, muted=False)
    scene.world.server_deafen(scene.me, deafened=False)
    await eventually(lambda: "**My voice:** 100 %" in text(panel))
    assert sum("muted in this server" in line for line in chat(scene)) == 1
    scene.world.server_mute(scene.me, muted=True)
    await eventually(lambda: sum("muted in this server" in line for line in chat(scene)) == 2)
    await scene.run("leave")
    await scene.run("join")  # it is muted from the beginning
    await eventually(lambda: sum("muted in this server" in line for line in chat(scene)) == 3)


def chat(scene: Scene) -> list[str]:
    return [message.text for message in scene.world.messages(scene.world.text.id)]
