"""`/privacy` on the loopback Discord: agreeing, objecting, and what a person is shown."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from config_bot import Scene, config_scene, scene

from bot.emulators.discord.server import DiscordEmulator
from bot.storage.answers import AnswerStore
from bot.storage.notes import NoteStore
from bot.storage.transcripts import TranscriptStore, Utterance

__all__ = ["scene"]


def heard(scene: Scene) -> bool:
    return scene.consents.consented(scene.guild_id, scene.ada.id)


async def privacy(scene: Scene, command: str) -> str:
    answer = await scene.run(f"privacy {command}", scene.ada.id)
    assert answer.ephemeral
    return answer.text


async def test_listen_and_deaf_hold_after_a_restart(scene: Scene) -> None:
    assert not heard(scene)
    assert (await privacy(scene, "listen")).startswith("You have agreed: I hear you in calls from now on")
    await scene.start()
    assert heard(scene)
    assert (await privacy(scene, "deaf")).startswith("I don't hear you any more.")
    assert not heard(scene)
    await scene.start()
    assert not heard(scene)
    assert scene.consents.objected(scene.guild_id, scene.ada.id)


async def test_deaf_is_an_objection_where_notice_is_given(scene: Scene) -> None:
    await scene.guilds.change(scene.guild_id, consent="notice")
    assert heard(scene)
    assert "this server gives notice instead of asking" in await privacy(scene, "show")
    await privacy(scene, "deaf")
    assert not heard(scene)
    assert "I don't hear you: you said so on <t:" in await privacy(scene, "show")
    await scene.guilds.change(scene.guild_id, consent="ask")
    await scene.guilds.change(scene.guild_id, consent="notice")
    assert not heard(scene), "whatever the server changes"


async def test_show_counts_what_is_kept_and_says_what_leaves(scene: Scene) -> None:
    shown = await privacy(scene, "show")
    assert "I don't hear you: you have not agreed. /privacy listen changes that." in shown
    assert "calls: nothing (each goes after 7 days)" in shown
    assert "answers to you: none" in shown
    assert "notes that you had me take: none (each stays until /notes forget)" in shown
    assert "what you posted, where others ask me about it; they show me none of it in a call once" in shown
    assert "My operator pays" in shown
    before = int(time.time())
    await privacy(scene, "listen")
    said = [Utterance(float(at), scene.ada.id, "Ada", "Hello") for at in range(3)]
    await TranscriptStore(scene.database).add(scene.guild_id, "call", said)
    await AnswerStore(scene.database).keep(
        "a", guild_id=scene.guild_id, user_id=scene.ada.id, until=2e9, request="{}", text="x", files=[]
    )
    for user_id in (scene.ada.id, scene.ada.id, 1):
        await NoteStore(scene.database).add(scene.guild_id, user_id, "Ada", "Milk.", 1.0)
    shown = await privacy(scene, "show")
    agreed = int(shown.partition("you agreed on <t:")[2].partition(":")[0])
    assert before <= agreed <= time.time() + 1
    assert "calls: 3 (each goes after 7 days)" in shown
    assert "answers to you: 1 (" in shown
    assert "notes that you had me take: 2 (" in shown
    assert "up to 24 hours" in shown
    await scene.guilds.change(scene.guild_id, retention_days=0)
    shown = await privacy(scene, "show")
    assert "this server keeps none" in shown
    assert "24 hours" not in shown


async def test_unpaid_quota_is_told(discord_emulator: DiscordEmulator, tmp_path: Path) -> None:
    async with config_scene(discord_emulator, tmp_path, paid=False) as scene:
        assert "people there may listen to it" in await privacy(scene, "show")


async def test_an_objection_that_can_not_be_stored_is_told_and_holds(scene: Scene) -> None:
    await privacy(scene, "listen")
    with closing(sqlite3.connect(scene.path, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        assert "is locked by another program" in await privacy(scene, "deaf")
        assert not heard(scene)
        assert "is locked by another program" in await privacy(scene, "listen")
    assert not heard(scene)
