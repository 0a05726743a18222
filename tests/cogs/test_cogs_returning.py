"""A bot that was killed, stopped or restarted in the middle of a call, and comes back to it."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from bot_process import Bot, ended, ends_after, rigged_bot, said
from loopback import RunningBot, eventually, people_turns, running_bot

from bot.audio.pcm import Pcm16
from bot.demo.measure import arrival
from bot.emulators.discord.model import ChannelType, Guild, Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.emulators.gemini.faults import Fault, Late, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.emulators.tls import CertificateAuthority
from cogs.returning import AT_ONCE, MOST, WINDOW_S, WITHIN_S

SPEECH = Path(__file__).parents[1] / "media" / "speech-austen-0880.wav"
BACK_S = 10.0  # from the start of the process: what is promised
BUSY = 4  # times as long as on a machine that does nothing else
GONE_S = 3.0  # in which a bot that came back would have


@dataclass
class Scene:
    """A guild with people in the lounge, and a bot that can be started again on the same files."""

    there: DiscordEmulator
    gemini: GeminiEmulator
    folder: Path
    ada: Person
    ben: Person

    @property
    def world(self) -> World:
        return self.there.world

    @property
    def lounge_id(self) -> int:
        return self.world.voice_channels[0].id

    def bot_is_in(self) -> int | None:
        state = self.world.guild.voice_states.get(self.world.bot.id)
        return state.channel_id if state is not None else None

    def said(self) -> list[str]:
        """Return what the bot has written without being asked."""
        return [message.text for message in self.world.messages(self.world.text.id) if not message.origin]

    def rows(self) -> list[tuple[int, int, int | None]]:
        with closing(sqlite3.connect(self.folder / "earshot.db")) as plain:
            query = "SELECT guild_id, channel_id, text_channel_id FROM running_calls"
            return plain.execute(query).fetchall()

    def age(self, seconds: float) -> None:
        """Have the rows last seen so much earlier."""
        with closing(sqlite3.connect(self.folder / "earshot.db")) as plain, plain:
            plain.execute("UPDATE running_calls SET seen_at = seen_at - ?", (seconds,))

    async def join(self) -> Message:
        """Have Ada run /join."""
        return await self.ada.run_command(self.world.text.id, "join")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[RunningBot]:
        """Run the bot in this process; it is stopped in good order."""
        async with running_bot(self.there, self.gemini, self.folder) as bot:
            yield bot

    async def ran(self) -> None:
        """Let a bot run and join, and stop it."""
        async with self.running():
            await self.join()
            await eventually(lambda: bool(self.rows()))


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.chdir(tmp_path)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what `export` sets goes with the test
    discord_emulator.knobs.identify_interval_s = 0.0  # the bot is started more than once
    world = discord_emulator.world
    ada, ben = (Person(discord_emulator, world.add_user(name)) for name in ("Ada", "Ben"))
    for person in (ada, ben):
        await person.join(world.voice_channels[0].id)
    yield Scene(discord_emulator, gemini_emulator, tmp_path, ada, ben)
    for person in (ada, ben):
        await person.leave()


@pytest.fixture
def bot(scene: Scene, ca: CertificateAuthority) -> Bot:
    return rigged_bot(scene.folder, ca, scene.there, scene.gemini)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
async def test_it_is_back_and_hears_whom_it_heard(
    scene: Scene, bot: Bot, number: signal.Signals, record_property: Callable[[str, object], None]
) -> None:
    first = await bot.start()
    await said(first, "connected to Gateway")
    await scene.join()
    await scene.ada.secured_with(scene.world.bot.id)
    await eventually(lambda: bool(scene.rows()))
    if number is signal.SIGKILL:
        first.kill()
        assert (await ended(first)).code == -signal.SIGKILL
    else:
        await ends_after(first, number)
    assert scene.rows() == [(scene.world.guild.id, scene.lounge_id, scene.world.text.id)]
    sessions = len(scene.gemini.sessions)
    started = time.monotonic()
    second = await bot.start()
    try:
        back = "I am back in"
        await eventually(lambda: any(back in text for text in scene.said()), BACK_S * BUSY)
        took = time.monotonic() - started
        record_property("back_after_the_start_s", round(took, 2))
        assert scene.bot_is_in() == scene.lounge_id
        for person in (scene.ada, scene.ben):
            await person.secured_with(scene.world.bot.id)
        before = len(people_turns(scene.gemini))
        heard = await scene.ada.speak(SPEECH)
        await scene.ben.speak(SPEECH)  # who has never agreed
        await eventually(lambda: len(people_turns(scene.gemini)) > before)
        (turn,) = people_turns(scene.gemini)[before:]
        assert turn.speaker == "Ada"
        pcm = scene.gemini.sessions[-1].log
        assert len(scene.gemini.sessions) == sessions + 1
        assert len(pcm.pcm()) // 2 == turn.end_sample - turn.start_sample, "of Ben nothing"
        result = arrival(heard.pcm16k, _samples(pcm.pcm()))
        assert result.frames_in_place == result.frames_compared > 50
        await eventually(lambda: bool(turn.answer) and turn.spoken_bytes > 0)
        assert sum(back in text for text in scene.said()) == 1
        assert len(pcm.turns) == 1, "it did not say again what it is"
    finally:
        await ends_after(second, signal.SIGTERM)


def _samples(pcm: bytes) -> Pcm16:
    return np.frombuffer(pcm, np.int16)


async def test_after_a_restart_it_says_so_in_one_line_and_not_what_it_is(scene: Scene) -> None:
    await scene.ran()
    assert scene.bot_is_in() is None
    sessions = len(scene.gemini.sessions)
    async with scene.running():
        await eventually(lambda: bool(scene.said()))
        assert scene.bot_is_in() == scene.lounge_id
        (line,) = scene.said()
        assert line == (
            f"I am back in <#{scene.lounge_id}> after a restart: whom I hear is as before, but I remember "
            "nothing of the talk."
        )
        scene.there.gateway.forget_sessions()
        await scene.there.gateway.close_all(4000)
        await eventually(lambda: bool(scene.there.gateway.connected) and scene.bot_is_in() is not None)
        await asyncio.sleep(GONE_S)
        assert len(scene.said()) == 1, "a reconnect of the gateway is no restart"
        assert not any(session.log.turns for session in scene.gemini.sessions[sessions:])


async def test_who_left_is_not_come_back_to(scene: Scene) -> None:
    async with scene.running():
        await scene.join()
        await eventually(lambda: bool(scene.rows()))
        await scene.ada.run_command(scene.world.text.id, "leave")
        assert scene.rows() == []


async def test_a_call_that_ended_by_itself_is_not_come_back_to(scene: Scene) -> None:
    async with scene.running():
        await scene.join()
        await eventually(lambda: bool(scene.rows()))
        scene.world.kick_from_voice(scene.world.bot.id)
        await eventually(lambda: scene.rows() == [])
        await eventually(lambda: bool(scene.said()))
        assert "I was disconnected from the voice channel" in scene.said()[0]


async def test_who_left_while_it_could_not_be_stored_is_not_come_back_to(scene: Scene) -> None:
    async with scene.running():
        await scene.join()
        await eventually(lambda: bool(scene.rows()))
        with closing(sqlite3.connect(scene.folder / "earshot.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await scene.ada.run_command(scene.world.text.id, "leave")
            assert scene.bot_is_in() is None
            assert scene.rows(), "it was not locked"
    assert scene.rows() == []


async def stays_away(scene: Scene) -> None:
    """Run a bot that has nothing to come back to; what it knew of that is gone then."""
    async with scene.running():
        await eventually(lambda: scene.rows() == [])
        await asyncio.sleep(GONE_S)
        assert scene.bot_is_in() is None


async def test_where_nobody_is_left_it_stays_away(scene: Scene) -> None:
    await scene.ran()
    for person in (scene.ada, scene.ben):
        await person.leave()
    await stays_away(scene)
    assert scene.said() == []


async def test_after_five_minutes_it_stays_away(scene: Scene) -> None:
    await scene.ran()
    scene.age(WINDOW_S)
    await stays_away(scene)
    assert scene.said() == []


async def test_where_it_may_not_come_back_it_says_so_once(scene: Scene) -> None:
    await scene.ran()
    scene.world.set_permissions(scene.lounge_id, scene.world.bot.id, deny=Permission.CONNECT)
    await stays_away(scene)
    (line,) = scene.said()
    assert line.startswith(
        f"After a restart I could not come back to <#{scene.lounge_id}>. I may not connect"
    )
    await stays_away(scene)
    assert len(scene.said()) == 1


async def test_where_the_channel_is_gone_it_says_so_once(scene: Scene) -> None:
    await scene.ran()
    for person in (scene.ada, scene.ben):
        await person.leave()
    scene.world.delete_channel(scene.lounge_id)
    await stays_away(scene)
    (line,) = scene.said()
    assert line.endswith("The channel is gone; /join brings me to another.")


async def test_leave_on_the_way_back_ends_it(scene: Scene) -> None:
    await scene.ran()
    scene.gemini.knobs.faults.append(Fault(Where.SETUP, Late(3.0)))
    sessions = len(scene.gemini.sessions)
    async with scene.running():
        await eventually(lambda: len(scene.gemini.sessions) > sessions)
        left = await scene.ada.run_command(scene.world.text.id, "leave")
        assert left.text == "I have left; /join brings me back."
        await eventually(lambda: scene.bot_is_in() is None and scene.rows() == [])
        assert scene.said() == []
        again = await scene.ada.run_command(scene.world.text.id, "leave")
        assert again.text.startswith("I am in no call here")
        assert "I am Earshot" in (await scene.join()).text, "and nothing of it is in the way"


async def test_a_bot_that_stops_on_its_way_back_comes_back_the_next_time(scene: Scene) -> None:
    await scene.ran()
    scene.gemini.knobs.faults.append(Fault(Where.SETUP, Late(3.0)))
    sessions = len(scene.gemini.sessions)
    async with scene.running():
        await eventually(lambda: len(scene.gemini.sessions) > sessions)
    assert scene.rows()
    async with scene.running():
        await eventually(lambda: bool(scene.said()))
        assert scene.bot_is_in() == scene.lounge_id


async def test_a_text_channel_that_is_gone_has_the_voice_channels_chat_in_its_place(scene: Scene) -> None:
    await scene.ran()
    chat = scene.world.text.id
    scene.world.delete_channel(chat)
    async with scene.running():  # among what was written down of the call before
        await eventually(
            lambda: any("I am back in" in each.text for each in scene.world.messages(scene.lounge_id))
        )


def settle(scene: Scene, number: int, *, seen_at: float) -> tuple[Guild, int]:
    """Make another guild in whose voice channel somebody waits for the bot; return it and the channel."""
    guild = scene.world.add_guild(f"Guild {number}")
    lounge = scene.world.add_channel("Voice", ChannelType.VOICE, guild=guild)
    scene.world.join_voice(scene.world.add_user("Eve", guild).id, lounge.id)
    with closing(sqlite3.connect(scene.folder / "earshot.db")) as plain, plain:
        row = (guild.id, lounge.id, seen_at)
        plain.execute("INSERT INTO running_calls (guild_id, channel_id, seen_at) VALUES (?, ?, ?)", row)
    return guild, lounge.id


async def test_many_calls_are_come_back_to_a_few_at_a_time(scene: Scene) -> None:
    await scene.ran()
    homes = [(scene.world.guild, scene.lounge_id)]
    homes += [settle(scene, number, seen_at=time.time()) for number in range(AT_ONCE + 1)]
    scene.gemini.knobs.faults.append(Fault(Where.SETUP, Late(3.0), times=99))
    before = len(scene.gemini.sessions)
    async with scene.running():
        await eventually(lambda: len(scene.gemini.sessions) - before >= AT_ONCE)
        await asyncio.sleep(0.7)
        assert len(scene.gemini.sessions) - before == AT_ONCE
        await eventually(lambda: all(scene.world.bot.id in guild.voice_states for guild, _ in homes))
        assert {guild.voice_states[scene.world.bot.id].channel_id for guild, _ in homes} == {
            lounge_id for _, lounge_id in homes
        }
        await eventually(lambda: len(scene.rows()) == len(homes))


async def test_whose_turn_comes_too_late_is_not_come_back_to(scene: Scene) -> None:
    await scene.ran()
    now = time.time()
    homes = [settle(scene, number, seen_at=now)[0] for number in range(2 * AT_ONCE - 1)]
    late, _ = settle(scene, 2 * AT_ONCE, seen_at=now - WINDOW_S + 5.5)  # for so long it is worth it
    scene.gemini.knobs.faults.append(Fault(Where.SETUP, Late(3.0), times=2 * AT_ONCE))
    async with scene.running():
        await eventually(lambda: all(scene.world.bot.id in guild.voice_states for guild in homes))
        await eventually(lambda: late.id not in {guild_id for guild_id, _, _ in scene.rows()})
        await asyncio.sleep(GONE_S)
        assert scene.world.bot.id not in late.voice_states


async def test_people_are_told_of_each_return_and_after_too_many_it_stays_away(scene: Scene) -> None:
    await scene.ran()
    for count in range(1, MOST + 1):
        async with scene.running():
            await eventually(lambda: len(scene.said()) == count)  # noqa: B023 - awaited within the loop
            assert scene.bot_is_in() == scene.lounge_id
    await stays_away(scene)
    assert scene.said()[MOST:] == [
        f"I came back to <#{scene.lounge_id}> 3 times, and each time was ended within 10 minutes, so now I "
        "stay away: /join brings me back. Whoever runs me finds more in my log."
    ]
    await stays_away(scene)
    assert len(scene.said()) == MOST + 1
    async with scene.running():
        await scene.join()
        await eventually(lambda: bool(scene.rows()))
    async with scene.running():  # and that is a new beginning
        await eventually(lambda: scene.bot_is_in() == scene.lounge_id and len(scene.said()) == MOST + 2)


async def test_restarts_that_lie_apart_do_not_count_together(scene: Scene) -> None:
    await scene.ran()
    for count in range(1, MOST + 2):
        async with scene.running():
            await eventually(lambda: len(scene.said()) == count)  # noqa: B023 - awaited within the loop
            assert scene.bot_is_in() == scene.lounge_id
        with closing(sqlite3.connect(scene.folder / "earshot.db")) as plain, plain:
            plain.execute("UPDATE running_calls SET returned_at = returned_at - ?", (WITHIN_S,))
