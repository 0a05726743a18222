"""The front door end to end: the whole bot on the loopback Discord and Gemini, used as people use it."""

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bot import app
from bot.emulators.discord.model import Channel, EmulatedUser, Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.emulators.gemini.faults import Fault, Stall, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.settings import Settings
from cogs.consent import GIVE_ID, WITHDRAW_ID

ANSWER_S = 10.0  # in which every /join is answered, whatever is wrong
READY_S = 30.0


@dataclass
class Scene:
    """The bot, running, and one person in the lounge."""

    emulator: DiscordEmulator
    gemini: GeminiEmulator
    database: Path
    metrics_port: int
    person: EmulatedUser

    @property
    def world(self) -> World:
        return self.emulator.world

    @property
    def lounge(self) -> Channel:
        return self.world.voice_channels[0]

    @property
    def workshop(self) -> Channel:
        return self.world.voice_channels[1]

    async def run(self, command: str, who: EmulatedUser | None = None, **options: object) -> Message:
        user = who or self.person
        return await self.world.run_command(user.id, self.world.text.id, command, options).response(ANSWER_S)

    async def click(self, message: Message, custom_id: str, who: EmulatedUser) -> Message:
        return await self.world.click(who.id, message.id, custom_id).response(ANSWER_S)

    def bot_is_in(self) -> int | None:
        state = self.world.guild.voice_states.get(self.world.bot.id)
        return state.channel_id if state is not None else None

    def consents(self) -> list[tuple[int, bool]]:
        """Return who has a row, and whether the consent stands."""
        with closing(sqlite3.connect(self.database)) as plain:
            rows = plain.execute("SELECT user_id, withdrawn_at IS NULL FROM consents ORDER BY user_id")
            return [(user_id, bool(stands)) for user_id, stands in rows]

    def calls_kept(self) -> list[int]:
        """Return the channels of the calls that the bot would come back to."""
        with closing(sqlite3.connect(self.database)) as plain:
            return [row[0] for row in plain.execute("SELECT channel_id FROM running_calls")]


async def eventually(condition: Callable[[], bool], within_s: float = READY_S) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the emulator's state has no event
            await asyncio.sleep(0.01)


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.chdir(tmp_path)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    database = tmp_path / "earshot.db"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = Settings(
        discord_token=SecretStr(discord_emulator.token),
        gemini_api_key=SecretStr(gemini_emulator.api_key),
        discord_proxy=discord_emulator.proxy_url,
        database_url=f"sqlite+aiosqlite:///{database}",
        metrics_port=port,
    )
    world = discord_emulator.world
    person = world.add_user("Ada")
    world.join_voice(person.id, world.voice_channels[0].id)
    serving = asyncio.create_task(app.serve(settings), name="bot")
    try:
        await eventually(lambda: serving.done() or has_session(discord_emulator))
        if serving.done():
            serving.result()
        yield Scene(discord_emulator, gemini_emulator, database, port, person)
    finally:
        serving.cancel()
        await asyncio.wait({serving})
    assert serving.cancelled(), serving.exception()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith(("call-", "live-"))]


def has_session(emulator: DiscordEmulator) -> bool:
    """Say whether the bot is on the gateway; its commands are registered before that."""
    return bool(emulator.gateway.sessions)


async def test_join_leave_and_join_again(scene: Scene) -> None:
    joined = await scene.run("join")
    assert "I am Earshot, an AI" in joined.text
    assert "Google Gemini" in joined.text
    assert "18 or older" in joined.text
    assert "unpaid quota" in joined.text
    assert joined.mentions == [], "nobody is pinged"
    assert scene.bot_is_in() == scene.lounge.id
    assert scene.gemini.sessions[-1].open
    assert scene.consents() == [(scene.person.id, True)]
    left = await scene.run("leave")
    assert left.text == "I have left; /join brings me back."
    await eventually(lambda: scene.bot_is_in() is None)
    await eventually(lambda: not scene.gemini.sessions[-1].open)
    assert "I am Earshot" in (await scene.run("join")).text


async def test_join_by_name_of_a_channel(scene: Scene) -> None:
    assert "I am Earshot" in (await scene.run("join", channel=scene.workshop.id)).text
    assert scene.bot_is_in() == scene.workshop.id


async def test_join_outside_a_voice_channel(scene: Scene) -> None:
    outsider = scene.world.add_user("Bob")
    assert (await scene.run("join", outsider)).text.startswith("Join a voice channel first")
    assert scene.bot_is_in() is None
    assert scene.consents() == []


@pytest.mark.parametrize(("denied", "named"), [(Permission.CONNECT, "Connect"), (Permission.SPEAK, "Speak")])
async def test_join_without_a_permission(scene: Scene, denied: Permission, named: str) -> None:
    scene.world.set_permissions(scene.lounge.id, scene.world.bot.id, deny=denied)
    answer = (await scene.run("join")).text
    assert f"<#{scene.lounge.id}>" in answer
    assert f"the permission {named}" in answer
    assert scene.bot_is_in() is None


async def test_join_where_the_person_may_not_go(scene: Scene) -> None:
    scene.world.set_permissions(scene.workshop.id, scene.person.id, deny=Permission.CONNECT)
    answer = (await scene.run("join", channel=scene.workshop.id)).text
    assert "You may not connect" in answer
    assert scene.bot_is_in() is None


async def test_join_a_stage(scene: Scene) -> None:
    assert "is a stage" in (await scene.run("join", channel=scene.world.stage.id)).text
    scene.world.join_voice(scene.person.id, scene.world.stage.id)
    assert "is a stage" in (await scene.run("join")).text
    assert scene.bot_is_in() is None


async def test_join_a_full_channel(scene: Scene) -> None:
    scene.world.set_user_limit(scene.lounge.id, 1)
    assert "is full, at its limit of 1" in (await scene.run("join")).text
    assert scene.bot_is_in() is None


async def test_join_twice_shows_the_buttons_again(scene: Scene) -> None:
    await scene.run("join")
    other = scene.world.add_user("Bob")
    scene.world.join_voice(other.id, scene.lounge.id)
    again = await scene.run("join", other)
    assert again.text.startswith(f"I am already in <#{scene.lounge.id}>")
    assert scene.consents() == [(scene.person.id, True), (other.id, True)]
    assert len(scene.gemini.sessions) == 1
    assert (await scene.click(again, WITHDRAW_ID, other)).text.startswith("I don't hear you any more.")


async def test_join_while_in_another_channel(scene: Scene) -> None:
    await scene.run("join")
    other = scene.world.add_user("Bob")
    scene.world.join_voice(other.id, scene.workshop.id)
    answer = (await scene.run("join", other)).text
    assert f"I am already in <#{scene.lounge.id}>" in answer
    assert "/leave" in answer
    assert scene.bot_is_in() == scene.lounge.id
    assert scene.consents() == [(scene.person.id, True)], "who was refused has agreed to nothing"


async def test_join_while_gemini_says_nothing(scene: Scene) -> None:
    scene.gemini.knobs.faults.append(Fault(Where.UPGRADE, Stall(), times=99))
    answer = (await scene.run("join")).text
    assert "Gemini" in answer
    assert "I am Earshot" not in answer
    await eventually(lambda: scene.bot_is_in() is None)


async def test_leave_and_status_without_a_call(scene: Scene) -> None:
    for command in ("leave", "status"):
        assert (await scene.run(command)).text == "I am in no call here; /join begins one."


async def test_status_says_who_is_heard(scene: Scene) -> None:
    await scene.run("join")
    other = Person(scene.emulator, scene.world.add_user("Bob"))
    await other.join(scene.lounge.id)
    try:
        await other.secured_with(scene.world.bot.id)
        status = await scene.run("status")
    finally:
        await other.leave()
    assert status.ephemeral
    heard, unheard = status.text.split("Not heard")
    assert f"<@{scene.person.id}>" in heard
    assert f"<@{other.user.id}>" in unheard
    assert "**Discord voice:** connected" in status.text
    assert "**Gemini Live:** ready" in status.text
    assert "not measured yet" in status.text
    assert status.mentions == []


async def test_consent_by_button_and_its_end(scene: Scene) -> None:
    joined = await scene.run("join")
    other = scene.world.add_user("Bob")
    answer = await scene.click(joined, GIVE_ID, other)
    assert answer.ephemeral
    assert answer.text.startswith("You have agreed: I hear you in calls from now on")
    assert (other.id, True) in scene.consents()
    await scene.click(joined, WITHDRAW_ID, other)
    assert (other.id, False) in scene.consents()


async def test_who_withdraws_while_the_bot_still_joins_is_not_heard(scene: Scene) -> None:
    buttons = await scene.run("join")
    await scene.run("leave")
    joining = scene.world.run_command(scene.person.id, scene.world.text.id, "join", {})
    await joining.acknowledged()
    await scene.click(buttons, WITHDRAW_ID, scene.person)
    assert "I am Earshot" in (joined := (await joining.response(ANSWER_S)).text)
    assert "has withdrawn that since" in joined
    assert scene.consents() == [(scene.person.id, False)]
    await scene.click(buttons, GIVE_ID, scene.person)
    assert scene.consents() == [(scene.person.id, True)]


async def test_a_database_that_fails_is_answered_and_survived(scene: Scene) -> None:
    joined = await scene.run("join")
    other = scene.world.add_user("Bob")
    await eventually(lambda: scene.calls_kept() == [scene.lounge.id])  # else that waits for the lock, too
    with closing(sqlite3.connect(scene.database, isolation_level=None, timeout=0.0)) as lock:
        await eventually(lambda: locked(lock))
        assert "is locked by another program" in (await scene.click(joined, GIVE_ID, other)).text
        assert "is locked by another program" in (await scene.click(joined, WITHDRAW_ID, scene.person)).text
        status = (await scene.run("status")).text
        assert f"<@{scene.person.id}>" not in status.split("Not heard")[0], "withdrawn all the same"
    assert (await scene.click(joined, GIVE_ID, other)).text.startswith("You have agreed")


def locked(plain: sqlite3.Connection) -> bool:
    """Lock the database; return False where the bot, which runs on this very loop, writes just now."""
    try:
        plain.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


async def test_health_and_metrics_follow_the_call(scene: Scene) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{scene.metrics_port}") as session:

        async def ask(path: str) -> tuple[int, str]:
            async with session.get(path) as answer:
                return answer.status, await answer.text()

        async with asyncio.timeout(READY_S):
            while (await ask("/healthz"))[0] != 200:  # noqa: ASYNC110 - asked over HTTP
                await asyncio.sleep(0.05)
        assert "earshot_calls 0.0" in (await ask("/metrics"))[1]
        await scene.run("join")
        metrics = (await ask("/metrics"))[1]
        assert "earshot_calls 1.0" in metrics
        assert f'guild="{scene.world.guild.id}"' in metrics
