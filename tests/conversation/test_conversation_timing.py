"""How long it takes until the model is told that a turn is over, and until its answer leaves."""

import statistics
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from loopback import RunningBot, eventually, running_bot
from scipy import signal

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.conversation.hangover import START_S
from bot.demo.measure import arrival
from bot.emulators.client.gate import read_wav
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person

SHORT = Path(__file__).parent.parent / "media" / "speech-austen-0880.wav"
TOLD_S = 0.040  # after the hangover
GATE_S = 0.220  # the client's own: 200 ms of hold, and the frame that is being filled


@pytest.fixture
async def running(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[RunningBot]:
    monkeypatch.chdir(tmp_path)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what `export` sets goes with the test
    gemini_emulator.knobs.playback_speed = 8.0
    async with running_bot(discord_emulator, gemini_emulator, tmp_path, turns=request.param) as made:
        yield made


@pytest.mark.parametrize("running", ["discord", "model"], indirect=True)
async def test_the_model_is_told_of_a_turns_end_in_time_and_answers(
    running: RunningBot, record_property: Callable[[str, object], None]
) -> None:
    world = running.discord.world
    ada = Person(running.discord, world.add_user("Ada"))
    await ada.join(world.voice_channels[0].id)
    told, answers = [], []
    try:
        await ada.run_command(world.text.id, "join")
        await ada.secured_with(world.bot.id)
        for number in range(1, 4):
            said = await ada.speak(SHORT)
            await eventually(lambda: len(running.turns()) == number)  # noqa: B023 - awaited in this round
            await eventually(lambda: running.turns()[-1].first_audio_at is not None)
            turn = running.turns()[-1]
            voice_ended = [frame.at for frame in said.frames if frame.voiced][-1]
            sent_ended = said.frames[-1].at
            first_audio_at = turn.first_audio_at
            assert first_audio_at is not None
            told.append(turn.at - sent_ended)
            answers.append(first_audio_at - voice_ended)
            await eventually(lambda: _quiet(running, since=0.5))
        late_s = statistics.median(told) - START_S
        answer_s = statistics.median(answers)
        if running.turns()[0].marked:
            assert -0.005 <= late_s <= TOLD_S
            assert answer_s <= GATE_S + START_S + TOLD_S + running.gemini.knobs.think_s + 0.1
        else:
            assert answer_s <= 2.5
        record_property("told_after_the_last_packet_ms", round(1000 * statistics.median(told)))
        record_property("answered_after_the_last_voice_ms", round(1000 * answer_s))
    finally:
        await ada.leave()


def _quiet(running: RunningBot, *, since: float) -> bool:
    """Say whether the bot has sent nothing voiced for so long."""
    mine = running.discord.world.bot.id
    sent = [
        each.at
        for each in running.discord.trace.of("udp.in")
        if each.fields.get("silence") is False and each.fields["user_id"] == mine
    ]
    return bool(sent) and time.monotonic() - sent[-1] > since


@pytest.mark.parametrize("running", ["discord"], indirect=True)
async def test_who_never_stops_sending_is_heard_and_answered_too(running: RunningBot) -> None:
    """A client without a gate, in a room with a fan: its turn ends though its packets do not."""
    world = running.discord.world
    ada = Person(running.discord, world.add_user("Ada"))
    await ada.join(world.voice_channels[0].id)
    pcm, rate_hz = read_wav(SHORT)
    room = np.random.default_rng(1).normal(0, 60, pcm.size + 9 * rate_hz)
    room[5 * rate_hz : 5 * rate_hz + pcm.size] += pcm
    try:
        await ada.run_command(world.text.id, "join")
        await ada.secured_with(world.bot.id)
        said = await ada.speak(np.clip(room, -32768, 32767).astype(np.int16), rate_hz=rate_hz, gate=False)
        speech_ended = said.started_at + 5.0 + pcm.size / rate_hz
        turns = running.turns()
        heard = max(turns, key=lambda turn: np.abs(running.heard(turn).astype(float)).max())
        assert speech_ended - 0.2 < heard.at < said.frames[-1].at, "told while packets go on for 4 s"
        sent = said.pcm16k[5 * LIVE_IN_HZ : 5 * LIVE_IN_HZ + int(pcm.size * LIVE_IN_HZ / rate_hz)]
        got = running.heard(heard)
        start = _place(sent, got)
        result = arrival(sent, got[start:])
        assert result.frames_in_place >= 0.97 * result.frames_compared
        assert got.size < sent.size + LIVE_IN_HZ
        noise_only = sum(running.heard(turn).size for turn in turns if turn is not heard)
        assert noise_only < 4 * LIVE_IN_HZ, "until the room is known"
    finally:
        await ada.leave()


def _place(sent: Pcm16, got: Pcm16) -> int:
    """Return where in what was got the speech begins, which comes after a pre-roll."""
    a, b = sent.astype(np.float64), got.astype(np.float64)
    best = int(np.argmax(signal.correlate(b, a[: LIVE_IN_HZ * 2], "valid", "fft")))
    return max(0, best - LIVE_IN_HZ // 125)  # the codec delays by less than 8 ms, which `arrival` finds
