"""The bot's nickname and the voice channel's status, on the whole bot: set, moved, cleared, and let be."""

import asyncio
import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import RunningBot, eventually, running_bot
from manners_scene import Scene, manners_scene

from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from cogs.call_signs import BADGE, STATUS

NICK_REQUESTS = "/members/@me"
STATUS_REQUESTS = "/voice-status"


def requests(discord: DiscordEmulator, method: str, path: str) -> int:
    return sum(
        entry.fields.get("method") == method and path in str(entry.fields.get("path"))
        for entry in discord.trace.of("rest")
    )


def set_nick(discord: DiscordEmulator, nick: str | None) -> None:
    """Have somebody name the bot."""
    places = discord.world.places
    member = discord.world.guild.members[discord.world.bot.id]
    member.nick = nick
    places.member_changed(discord.world.guild, member)


@pytest.mark.parametrize(
    ("former", "shown"),
    [
        (None, "[LISTENING] Earshot"),
        ("Butler", "[LISTENING] Butler"),
        ("The Honourable Butler of the House", "[LISTENING] The Honourable Butle"),
    ],
)
async def test_a_call_is_shown_by_nickname_and_status_and_both_go_with_it(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    former: str | None,
    shown: str,
) -> None:
    former = former and former[:32]
    set_nick(discord_emulator, former)
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        name = shown.replace("Earshot", scene.world.bot.name)
        await eventually(lambda: scene.nick == name)
        assert status_of(discord_emulator) == STATUS
        await scene.run("leave")
        await eventually(lambda: scene.nick == former)
        assert status_of(discord_emulator) is None
        await scene.run("join")  # before Discord's word on the name may have come
        await eventually(lambda: scene.nick == name)
        assert status_of(discord_emulator) == STATUS
    assert discord_emulator.world.guild.members[discord_emulator.world.bot.id].nick == former
    assert status_of(discord_emulator) is None, "at the end of the program, too"


async def test_the_status_follows_a_move(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        await eventually(lambda: scene.world.voice_channels[0].status == STATUS)
        scene.world.move(scene.me, scene.world.voice_channels[1].id)
        await eventually(lambda: scene.world.voice_channels[1].status == STATUS)
        await scene.run("leave")
        await eventually(lambda: scene.world.voice_channels[1].status is None)


@pytest.mark.parametrize(
    "fault",
    [
        RestFault("PUT", STATUS_REQUESTS, delay_s=math.inf),
        RestFault.limited("PUT", STATUS_REQUESTS, retry_after_s=60.0),
    ],
    ids=["served, and never answered", "to be tried again when the call is over"],
)
async def test_a_status_still_being_set_when_the_call_ends_does_not_outlast_it(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: RestFault,
) -> None:
    discord_emulator.knobs.rest_faults.append(replace(fault))  # which counts down
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        assert requests(discord_emulator, "PUT", STATUS_REQUESTS) == 1
        await scene.run("leave")
        await eventually(lambda: not status_tasks(), within_s=5.0)
        assert status_of(discord_emulator) is None
        await scene.run("join")
        await eventually(lambda: status_of(discord_emulator) == STATUS, within_s=5.0)


def status_tasks() -> list[str]:
    """Return what still sets or clears a status."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith("call-status-")]


async def test_without_the_permissions_nothing_is_tried_and_nothing_said(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = discord_emulator.world
    for role in list(world.guild.roles.values()):
        bits = role.permissions & ~(Permission.CHANGE_NICKNAME | Permission.SET_VOICE_CHANNEL_STATUS)
        world.places.set_role_permissions(world.guild, role.id, bits & ~Permission.ADMINISTRATOR)
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        await scene.run("leave")
    assert scene.nick is None
    assert requests(discord_emulator, "PATCH", NICK_REQUESTS) == 0
    assert requests(discord_emulator, "PUT", "/voice-status") == 0


async def test_failures_harm_no_call_and_are_told_to_nobody(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = discord_emulator.knobs.rest_faults
    faults += [
        RestFault("PATCH", NICK_REQUESTS, 403, times=99),
        RestFault("PUT", "/voice-status", 403, times=99),
    ]
    caplog.set_level("INFO")
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        for _ in range(2):
            await scene.run("leave")
            await scene.run("join")
        assert scene.nick is None
        assert "**Discord voice:** connected" in (await scene.run("status")).text
    assert caplog.text.count("nickname can't be set") == 1
    assert caplog.text.count("status can't be set") == 1


async def test_a_name_that_somebody_gave_the_bot_meanwhile_stays(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cogs.call_signs.LAG_S", 0.2)
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        await eventually(lambda: scene.nick is not None)
        await asyncio.sleep(0.3)
        set_nick(discord_emulator, "Jeeves")
        await asyncio.sleep(0.3)  # for the bot to be told
        await scene.run("leave")
        assert scene.nick == "Jeeves"


@pytest.mark.parametrize(
    ("left", "put_right"),
    [("[LISTENING] Butler", "Butler"), ("[LISTENING] NAME", None), ("[LISTENING]", None)],
)
async def test_a_badge_that_a_killed_program_left_goes_at_the_next_start(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    left: str,
    put_right: str | None,
) -> None:
    set_nick(discord_emulator, left.replace("NAME", discord_emulator.world.bot.name))
    async with running_bot(discord_emulator, gemini_emulator, tmp_path) as bot:
        await eventually(lambda: nick_of(bot) == put_right)
    assert requests(discord_emulator, "PATCH", NICK_REQUESTS) == 1


async def test_a_badge_that_was_left_serves_the_next_call(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        await badge_stays_through_a_call(scene)


async def badge_stays_through_a_call(scene: Scene) -> None:
    await scene.run("leave")
    await eventually(lambda: scene.nick is None)
    set_nick(scene.bot.discord, "[LISTENING] Butler")
    await asyncio.sleep(6.0)  # what the bot did itself is not newer any more
    before = requests(scene.bot.discord, "PATCH", NICK_REQUESTS)
    await scene.run("join")
    assert scene.nick == "[LISTENING] Butler"
    await scene.run("leave")
    await eventually(lambda: scene.nick == "Butler")
    assert requests(scene.bot.discord, "PATCH", NICK_REQUESTS) == before + 1


async def test_captions_show_the_bot_by_its_name_where_a_badge_was_left(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    discord_emulator.knobs.rest_faults.append(RestFault("PATCH", NICK_REQUESTS, 403, times=99))
    set_nick(discord_emulator, "[LISTENING] Butler")
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        assert scene.nick == "[LISTENING] Butler"
        await eventually(lambda: "Butler" in chat(scene))
        assert BADGE not in chat(scene)
    with closing(sqlite3.connect(tmp_path / "earshot.db")) as plain:
        assert plain.execute("SELECT DISTINCT name FROM utterances").fetchall() == [("Butler",)]


def chat(scene: Scene) -> str:
    return "\n".join(message.text for message in scene.world.messages(scene.lounge))


def status_of(discord: DiscordEmulator) -> str | None:
    """Return what stands under the name of the channel that Ada is in."""
    return discord.world.voice_channels[0].status


def nick_of(bot: RunningBot) -> str | None:
    return bot.discord.world.guild.members[bot.discord.world.bot.id].nick
