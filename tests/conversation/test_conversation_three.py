"""Three people who talk over each other, one who has not agreed, and 5 % of the packets lost."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from itertools import pairwise
from pathlib import Path

import davey
import pytest
from loopback import RunningBot, arrival_over_loss, eventually, running_bot

from bot.emulators.client.speech import Utterance
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.voice.dave import decrypt
from cogs.consent import GIVE_ID

MEDIA = Path(__file__).parent.parent / "media"
SHORT, LONG, MIDDLE = (MEDIA / f"speech-austen-{number}.wav" for number in ("0880", "0920", "0930"))
# Who says what, and when it begins: a third of the time two speak, and no pause is for the bot.
SCRIPT = (
    ("Ada", LONG, 0.0),
    ("Ben", MIDDLE, 4.0),
    ("Cara", LONG, 5.8),
    ("Ada", SHORT, 9.6),
    ("Ben", LONG, 10.8),
)


@pytest.fixture
async def running(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[RunningBot]:
    monkeypatch.chdir(tmp_path)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what `export` sets goes with the test
    async with running_bot(discord_emulator, gemini_emulator, tmp_path) as made:
        yield made


async def test_every_utterance_arrives_once_whole_under_its_name_and_nothing_of_who_did_not_agree(
    running: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    decrypted: set[int] = set()

    def watched(session: davey.DaveSession, user_id: int, frame: bytes) -> bytes:
        decrypted.add(user_id)
        return decrypt(session, user_id, frame)

    monkeypatch.setattr("bot.voice.stream.decrypt", watched)
    world = running.discord.world
    people = {name: Person(running.discord, world.add_user(name)) for name in ("Ada", "Ben", "Cara", "Dan")}
    for person in people.values():
        await person.join(world.voice_channels[0].id)
    try:
        message = await people["Ada"].run_command(world.text.id, "join")
        for name in ("Ben", "Cara"):
            await people[name].click(message, GIVE_ID)
        everyone = [person.user.id for person in people.values()]
        for person in people.values():
            await person.secured_with(world.bot.id, *everyone)
        await running.noticed()
        running.discord.knobs.udp.loss = 0.05
        said = await asyncio.gather(
            *(_later(at, people[name].speak(path)) for name, path, at in SCRIPT),
            _later(1.0, people["Dan"].speak(LONG)),
            _later(9.0, people["Dan"].speak(LONG)),
        )
        utterances = said[: len(SCRIPT)]
        assert _overlap(utterances) >= 1 / 3
        await eventually(lambda: len(running.turns()) >= len(SCRIPT))
        await asyncio.sleep(1.0)
        turns = running.turns()
        late = await running.count("late")  # where the machine stalls: no packet is delayed on purpose
        assert [turn.speaker for turn in turns] == [name for name, _, _ in SCRIPT]
        for utterance, turn in zip(utterances, turns, strict=True):
            result = arrival_over_loss(utterance.pcm16k, running.heard(turn))
            assert abs(result.frames_arrived - result.frames_sent) <= 5 + late, (
                "what is lost at the ends leaves no gap"
            )
            assert result.frames_in_place >= 0.9 * result.frames_compared
        heard = sum(running.heard(turn).size for turn in turns)
        assert heard == sum(len(session.log.pcm()) // 2 for session in running.gemini.sessions)
        heard_people = {people[name].user.id for name in ("Ada", "Ben", "Cara")}
        assert decrypted == heard_people, "of Dan not one packet came to the decryptor"
        assert await running.count("unconsented") > 500
    finally:
        for person in people.values():
            await person.leave()


async def _later(seconds: float, work: Coroutine[object, object, Utterance]) -> Utterance:
    await asyncio.sleep(seconds)
    return await work


def _overlap(utterances: list[Utterance]) -> float:
    """Return for what share of the time in which anybody speaks two or more do."""
    edges = sorted(edge for said in utterances for edge in ((said.started_at, 1), (said.ended_at, -1)))
    speaking, any_s, several_s = 0, 0.0, 0.0
    for (at, change), (following, _) in pairwise(edges):
        speaking += change
        any_s += (following - at) * (speaking > 0)
        several_s += (following - at) * (speaking > 1)
    return several_s / any_s
