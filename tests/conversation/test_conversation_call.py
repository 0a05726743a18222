"""Whole calls on loopback: real speech, Opus, DAVE, UDP and TLS; the model's side is measured."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import numpy as np
import pytest
from loopback import RunningBot, arrival_over_loss, eventually, running_bot

from bot.audio.pcm import level_dbfs
from bot.conversation.tail import TAIL_S
from bot.demo.measure import arrival
from bot.emulators.client.speech import Utterance
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from cogs.consent import GIVE_ID

MEDIA = Path(__file__).parent.parent / "media"
SHORT, LONG, MIDDLE = (MEDIA / f"speech-austen-{number}.wav" for number in ("0880", "0920", "0930"))


@pytest.fixture
async def bot(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[RunningBot]:
    monkeypatch.chdir(tmp_path)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what `export` sets goes with the test
    changes = getattr(request, "param", {})
    async with running_bot(discord_emulator, gemini_emulator, tmp_path, **changes) as running:
        yield running


async def joined(bot: RunningBot, name: str) -> Person:
    """Return a person who is in the lounge, with whoever else is there."""
    world = bot.discord.world
    person = Person(bot.discord, world.add_user(name))
    await person.join(world.voice_channels[0].id)
    return person


def voiced(bot: RunningBot) -> list[TraceEntry]:
    return [each for each in bot.discord.trace.of("udp.in") if each.fields.get("silence") is False]


async def test_two_talk_with_the_bot_while_a_third_comes_and_goes(bot: RunningBot) -> None:
    world = bot.discord.world
    ada, ben = await joined(bot, "Ada"), await joined(bot, "Ben")
    message = await ada.run_command(world.text.id, "join")
    await ben.click(message, GIVE_ID)
    await ada.secured_with(world.bot.id, ben.user.id)
    await bot.noticed()
    cara = Person(bot.discord, world.add_user("Cara"))
    try:
        first, second, unheard = await asyncio.gather(
            ada.speak(LONG), _later(2.0, ben.speak(MIDDLE)), _later(0.5, _visit(bot, cara))
        )
        await eventually(lambda: len(bot.turns()) >= 2)
        third = await ada.speak(SHORT)
        await eventually(lambda: len(bot.turns()) >= 3 and bot.turns()[-1].ended_at is not None)
        turns = bot.turns()
        assert [turn.speaker for turn in turns] == ["Ada", "Ben", "Ada"]
        for said, turn in zip((first, second, third), turns, strict=True):
            result = arrival(said.pcm16k, bot.heard(turn))
            assert result.whole, result
        assert sum(len(bot.heard(turn)) for turn in turns) == len(bot.gemini.sessions[-1].log.pcm()) // 2
        assert await bot.count("unconsented") == len(unheard.frames) + unheard.silence_frames
        assert await bot.count("undecrypted") == 0
        assert all(each.fields["encrypted"] for each in voiced(bot))
        assert {each.fields["user_id"] for each in voiced(bot)} == {
            ada.user.id,
            ben.user.id,
            cara.user.id,
            world.bot.id,
        }
        assert max(abs(frame.pcm).max() for frame in ben.heard(world.bot.id)) > 1000
    finally:
        for person in (ada, ben, cara):
            await person.leave()


async def _later(seconds: float, work: Coroutine[object, object, Utterance]) -> Utterance:
    await asyncio.sleep(seconds)
    return await work


async def _visit(bot: RunningBot, person: Person) -> Utterance:
    await person.join(bot.discord.world.voice_channels[0].id)
    await person.secured_with(bot.discord.world.bot.id)
    said = await person.speak(SHORT)
    await person.leave()
    return said


@pytest.mark.parametrize(
    "bot",
    [{"turns": "model"}, {"rate_path": "resample"}, {"live_model": "gemini-3.8-live-extended-thinking"}],
    indirect=True,
    ids=["the model finds the turns", "our own resampler", "another model"],
)
async def test_a_sentence_is_heard_and_answered(bot: RunningBot) -> None:
    world = bot.discord.world
    ada = await joined(bot, "Ada")
    try:
        await ada.run_command(world.text.id, "join")
        await ada.secured_with(world.bot.id)
        said = await ada.speak(LONG)
        await eventually(lambda: bool(bot.turns()) and bot.turns()[0].ended_at is not None)
        turn = bot.turns()[0]
        assert "I heard you for 6." in turn.answer
        session = bot.gemini.sessions[-1].log
        heard = bot.heard(turn) if turn.marked else np.frombuffer(session.pcm(), np.int16)
        result = arrival(said.pcm16k, heard)
        assert result.frames_in_place == result.frames_compared > 150
        assert abs(result.level_difference_db) <= 0.5
        assert heard.size <= said.pcm16k.size + TAIL_S * 16_000 + 1
        answer = ada.recording(said.ended_at, time.monotonic())
        assert level_dbfs(answer) > -40
    finally:
        await ada.leave()


async def test_what_the_network_loses_is_concealed_and_keeps_its_time(bot: RunningBot) -> None:
    world, udp = bot.discord.world, bot.discord.knobs.udp
    udp.loss, udp.jitter_ms, udp.duplicate, udp.reorder, udp.padding = 0.05, 20.0, 0.02, 0.02, 0.3
    ada = await joined(bot, "Ada")
    try:
        await ada.run_command(world.text.id, "join")
        await ada.secured_with(world.bot.id)
        said = await ada.speak(LONG)
        await eventually(lambda: bool(bot.turns()))
        result = arrival_over_loss(said.pcm16k, bot.heard(bot.turns()[0]))
        assert abs(result.frames_arrived - result.frames_sent) <= 5  # lost ones at the very ends leave no gap
        assert result.frames_in_place >= 0.9 * result.frames_compared
        assert await bot.count("missing") > 0
        assert await bot.count("recovered") > 0
    finally:
        await ada.leave()


async def test_an_interruption_silences_the_answer_and_is_answered_itself(bot: RunningBot) -> None:
    world = bot.discord.world
    ada = await joined(bot, "Ada")
    try:
        await ada.run_command(world.text.id, "join")
        await ada.secured_with(world.bot.id)
        asked = await ada.speak(SHORT)
        await eventually(lambda: len(spoken(bot, asked.ended_at)) > 50)
        cut = await ada.speak(MIDDLE)
        onset, end = cut.frames[0].at, cut.frames[-1].at
        late = [each for each in spoken(bot, onset) if onset + 0.1 < each.at < end]
        assert late == [], "nothing of the old answer leaves while the person goes on"
        await eventually(lambda: len(bot.turns()) == 2 and bool(spoken(bot, cut.ended_at)))
        assert bot.turns()[0].interrupted_at is not None
        assert "I heard you for 3." in bot.turns()[1].answer
    finally:
        await ada.leave()


def spoken(bot: RunningBot, since: float) -> list[TraceEntry]:
    """Return what the bot has said since, datagram by datagram."""
    return [e for e in voiced(bot) if e.fields["user_id"] == bot.discord.world.bot.id and e.at >= since]
