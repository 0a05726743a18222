"""Where the bot answers only who calls it: what is due of the model, and that somebody sees to it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from call_scene import FRAME, Scene, running_scene, speak
from loopback import eventually

from bot.conversation.address import Callsign
from bot.conversation.call import Call
from bot.conversation.gate import AddressGate
from bot.conversation.options import CallOptions
from bot.conversation.room import Mode
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini import messages
from bot.emulators.gemini.faults import Effect, Mute, Send, Stall, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.live import stall
from bot.live.events import AnswerAudio, AnswerEnded, Lost
from bot.live.stall import NUDGE, Owed

ADA, BEN = 1, 2
AUDIO = AnswerAudio(b"\0\0", 24_000, 1.0)
EMPTY = Send(messages.content(turnComplete=True))
CHATTER = Send(messages.input_transcript("the weather is nice"))
CALLED = Send(messages.input_transcript("ear shot, what do you think?"))


def gate() -> AddressGate:
    return AddressGate(Callsign(["Earshot"]))


def owed(made: AddressGate) -> Owed:
    return made.owed


def test_an_answer_is_due_to_who_calls_and_until_it_is_over() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    made.understood("the weather", 0.5)
    assert owed(made) is Owed.SIGN
    made.understood(" is nice, earshot", 0.6)
    assert owed(made) is Owed.ANSWER
    made.told(AUDIO, 1.0)
    assert owed(made) is Owed.ANSWER
    made.told(AnswerEnded(2.0), 2.0)
    assert owed(made) is Owed.SIGN


def test_who_follows_up_may_be_talking_to_somebody_else() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    made.understood("Earshot?", 0.5)
    made.told(AUDIO, 1.0)
    made.told(AnswerEnded(2.0), 2.0)
    made.over(2.0)
    made.turn_began(BEN, 3.0)
    assert owed(made) is Owed.SIGN
    made.turn_began(ADA, 4.0)
    assert owed(made) is Owed.TURN
    made.understood("so, Earshot", 4.5)
    assert owed(made) is Owed.ANSWER


def test_the_rest_of_an_answer_that_was_heard_is_due_of_the_next_connection() -> None:
    made = gate()
    made.turn_began(ADA, 0.0)
    made.understood("Earshot?", 0.5)
    made.told(AUDIO, 1.0)
    made.told(Lost("Broke off."), 1.5)
    assert owed(made) is Owed.ANSWER


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    for name in ("NUDGE_S", "NUDGE_MUTE_S", "GIVE_UP_S", "GIVE_UP_MUTE_S", "EMPTY_S"):
        monkeypatch.setattr(stall, name, getattr(stall, name) / 5)
    discord_emulator.knobs.dave.max_version = 0  # nobody is in the channel with whom to make keys
    async with running_scene(discord_emulator, gemini_emulator) as made:
        made.options = CallOptions(mode=Mode.ADDRESSED, names=("Earshot",))
        yield made


async def spoken(scene: Scene, *effects: Effect) -> Call:
    """Return a call in which somebody has spoken, and what became of their turn."""
    call = await scene.join()
    for effect in effects:
        scene.fault(Where.TURN, effect, times=1)
    speak(call, ADA, 50)
    await eventually(lambda: len(scene.model_turns()) == 1)
    return call


@pytest.mark.parametrize(
    "effects", [(CHATTER, EMPTY, Stall()), (CHATTER, Stall()), (EMPTY, Stall())], ids=["both", "words", "end"]
)
async def test_a_model_that_keeps_quiet_where_nobody_called_is_let(
    scene: Scene, effects: tuple[Effect, ...]
) -> None:
    await spoken(scene, *effects)
    await asyncio.sleep(stall.NUDGE_S + stall.GIVE_UP_S)
    assert NUDGE not in scene.notes()
    assert len(scene.gemini.sessions) == 1


async def test_who_called_is_answered_after_a_nudge(scene: Scene) -> None:
    call = await spoken(scene, CALLED, Stall())
    await eventually(lambda: NUDGE in scene.notes())
    assert call._voice is not None
    playout = call._voice.playout
    await eventually(lambda: playout.live_to_ear.count == 1)


async def test_a_server_that_tells_nothing_is_left_and_hears_the_turn_again(scene: Scene) -> None:
    call = await scene.join()
    await asyncio.sleep(0.3)  # what is told of the session itself comes before anybody speaks
    scene.fault(Where.AUDIO_IN, Mute(), times=1)
    speak(call, ADA, 50)
    await eventually(lambda: len(scene.gemini.sessions) == 2, 10.0)
    await eventually(lambda: bool(scene.gemini.sessions[1].log.turns), 10.0)
    again = scene.gemini.sessions[1].log.turns[0]
    assert again.end_sample - again.start_sample >= 50 * FRAME


async def test_a_text_that_is_not_said_is_asked_for_again(scene: Scene) -> None:
    call = await scene.join()
    scene.fault(Where.TURN, Stall(), times=1)
    call.say("The ferry leaves at nine.")
    await eventually(lambda: NUDGE in scene.notes())
    assert call._voice is not None
    playout = call._voice.playout
    await eventually(lambda: playout.live_to_ear.count == 1)
