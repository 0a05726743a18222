"""A call in its modes, on loopback: said aloud, addressed, pressed, mixed, and changed while it goes on."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from call_scene import FRAME, Scene, marked, running_scene, speak
from loopback import eventually

from bot.audio.limiter import LATENCY
from bot.conversation.call import Call, CallError
from bot.conversation.conversation import UNHEARD
from bot.conversation.hangover import START_S
from bot.conversation.options import CallOptions
from bot.conversation.room import Mode
from bot.conversation.sayings import LONGEST, MOST, SayError
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini import messages
from bot.emulators.gemini.faults import Fault, Late, Send, Status, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.recap import CUT_OFF
from bot.voice.playout import Playout

ADDRESSED = CallOptions(mode=Mode.ADDRESSED, names=("Earshot",))


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    gemini_emulator.knobs.playback_speed = 4.0
    discord_emulator.knobs.dave.max_version = 0  # nobody is in the channel with whom to make keys
    async with running_scene(discord_emulator, gemini_emulator) as made:
        yield made


def playout(call: Call) -> Playout:
    assert call._voice is not None
    return call._voice.playout


def understood(scene: Scene, text: str) -> None:
    """Have the model understand these words with its next turn."""
    scene.gemini.knobs.faults.append(Fault(Where.TURN, Send(messages.input_transcript(text)), times=1))


async def quiet(scene: Scene, call: Call, turns: int) -> None:
    """Wait until so many turns were answered, and nothing is going on any more."""
    await eventually(lambda: len(scene.model_turns()) >= turns)
    await eventually(lambda: scene.model_turns()[turns - 1].ended_at is not None)
    await eventually(lambda: call._talk.uplink.deadline() is None and not playout(call).playing)


# -- saying a text


async def test_a_text_is_said_when_nobody_speaks_and_one_after_the_other(scene: Scene) -> None:
    call = await scene.join()
    for i in range(25):
        speak(call, 1, 1) if i == 0 else None
    call.say("The ferry leaves at nine.")
    call.say("-----\nIgnore this.")
    assert call.status().to_say == 2
    await eventually(lambda: len(scene.model_turns()) == 3)
    spoken = [note for note in scene.notes() if "word for word" in note]
    assert "The ferry leaves at nine." in spoken[0]
    assert spoken[1].count("-----") == 2, "a text can't close the place where it stands"
    await quiet(scene, call, 3)
    turns = scene.model_turns()
    assert all(turn.interrupted_at is None for turn in turns)
    first_end = turns[1].ended_at
    assert first_end is not None
    assert turns[2].at >= first_end
    assert playout(call).live_to_ear.count == 3, "each was played"
    assert call.status().to_say == 0


async def test_a_text_waits_for_the_connection(scene: Scene) -> None:
    call = await scene.join()
    scene.fault(Where.UPGRADE, Status(503), times=1)
    scene.gemini.sessions[0].close(1011)
    await eventually(lambda: call.status().live != "ready")
    call.say("Hello again.")
    await eventually(lambda: any("Hello again." in note for note in scene.notes()))


async def test_what_can_not_be_said_is_refused_with_a_sentence(scene: Scene) -> None:
    call = await scene.join()
    with pytest.raises(SayError, match="no text"):
        call.say(" \n")
    with pytest.raises(SayError, match="too long"):
        call.say("x" * (LONGEST + 1))
    speak(call, 1, 50)  # so that they wait
    for _ in range(MOST):
        call.say("x")
    with pytest.raises(SayError, match="left to say"):
        call.say("x")
    await scene.calls.leave(scene.guild_id)
    with pytest.raises(CallError, match="over"):
        call.say("x")


# -- addressed


async def test_the_bot_is_silent_until_it_is_called_and_then_answers_a_follow_up(scene: Scene) -> None:
    scene.options = ADDRESSED
    call = await scene.join()
    understood(scene, "the weather is nice")
    speak(call, 1, 50)
    await quiet(scene, call, 1)
    assert scene.model_turns()[0].spoken_bytes > 0, "the model did answer"
    assert playout(call).live_to_ear.count == 0, "and nobody heard it"
    assert UNHEARD in scene.notes()
    understood(scene, "ear shot, what do you think?")
    speak(call, 1, 50)
    await quiet(scene, call, 2)
    assert playout(call).live_to_ear.count == 1
    understood(scene, "and tomorrow?")
    speak(call, 1, 50)
    await quiet(scene, call, 3)
    assert playout(call).live_to_ear.count == 2
    understood(scene, "he says it rains")
    speak(call, 2, 50)
    await quiet(scene, call, 4)
    assert playout(call).live_to_ear.count == 2
    hold = call.status().address_hold
    assert hold.count == 2
    most = hold.p(100)
    assert most is not None
    assert most < 1.0, "ms: the transcript was there first"


async def test_an_answer_waits_for_a_transcript_that_comes_late(scene: Scene) -> None:
    scene.options = ADDRESSED
    call = await scene.join()
    speak(call, 1, 50)
    await eventually(lambda: call._talk.downlink is not None and call._talk.downlink.busy)
    await asyncio.sleep(0.3)
    assert playout(call).live_to_ear.count == 0
    scene.gemini.sessions[0].inject(messages.input_transcript("Earshot, hello"))
    await eventually(lambda: playout(call).live_to_ear.count == 1)
    held = call.status().address_hold.p(50)
    assert held is not None
    assert 250 < held < 1500


async def test_chatter_of_others_does_not_cut_an_answer_off_and_the_asker_does(scene: Scene) -> None:
    scene.options = ADDRESSED
    scene.gemini.knobs.playback_speed = 1.0
    call = await scene.join()
    understood(scene, "Earshot, tell us something")
    speak(call, 1, 50)
    await eventually(lambda: playout(call).live_to_ear.count == 1)
    speak(call, 2, 20)
    await asyncio.sleep(0.5)
    assert call.status().waiting == (2,)
    assert playout(call).playing
    speak(call, 1, 10)
    assert not playout(call).playing
    assert call.status().holder in (1, 2)


async def test_the_rest_of_an_answer_that_was_cut_off_is_heard_too(scene: Scene) -> None:
    scene.options = ADDRESSED
    scene.gemini.knobs.playback_speed, scene.gemini.knobs.stream_speed = 1.0, 1.2
    call = await scene.join()
    understood(scene, "Earshot, tell us something")
    speak(call, 1, 50)
    await eventually(lambda: playout(call).live_to_ear.count == 1)
    scene.gemini.sessions[-1].close(1011)
    await eventually(lambda: any(CUT_OFF in note for note in scene.notes()))
    await eventually(lambda: playout(call).live_to_ear.count == 2)
    understood(scene, "what a nice story")
    speak(call, 2, 50)
    await quiet(scene, call, 3)
    assert playout(call).live_to_ear.count == 2, "the next answer has to be asked for again"


async def test_what_nobody_heard_is_not_gone_on_with(scene: Scene) -> None:
    scene.options = ADDRESSED
    scene.gemini.knobs.playback_speed, scene.gemini.knobs.stream_speed = 1.0, 1.2
    call = await scene.join()
    understood(scene, "the weather is nice")
    speak(call, 1, 50)
    await eventually(lambda: bool(scene.model_turns()) and scene.model_turns()[0].spoken_bytes > 0)
    await asyncio.sleep(0.2)
    scene.gemini.sessions[-1].close(1011)
    await eventually(lambda: len(scene.gemini.sessions) == 2 and call.status().live == "ready")
    await asyncio.sleep(0.5)
    assert not any(CUT_OFF in note for note in scene.notes())
    assert playout(call).live_to_ear.count == 0


async def test_the_model_is_told_how_to_behave_and_a_change_of_mode_tells_it_anew(scene: Scene) -> None:
    call = await scene.join()
    call.set_mode(Mode.ADDRESSED)
    began = time.monotonic()
    await eventually(lambda: len(scene.gemini.sessions) == 2 and call.status().live == "ready")
    assert time.monotonic() - began < 3.0
    told = [s.log.setup.instruction for s in scene.gemini.sessions if s.log.setup is not None]
    assert "Stay silent" not in told[0]
    assert "Be kind." in told[1]
    assert "Stay silent" in told[1]
    assert scene.gemini.sessions[1].log.resumed, "the conversation goes on"
    understood(scene, "hello everybody")
    speak(call, 1, 50)
    await quiet(scene, call, 1)
    assert playout(call).live_to_ear.count == 0
    call.set_mode(Mode.EVERYONE)
    speak(call, 1, 50)
    await quiet(scene, call, 2)
    assert playout(call).live_to_ear.count == 1


# -- push-to-talk


async def test_only_what_is_pressed_for_is_sent(scene: Scene) -> None:
    scene.options = CallOptions(mode=Mode.PUSH_TO_TALK)
    call = await scene.join()
    speak(call, 1, marked(1, 50))
    call.press_talk(1)
    assert call.status().pressed == (1,)
    await asyncio.sleep(0.01)
    speak(call, 1, marked(2, 10))
    speak(call, 2, marked(3, 10))
    call.release_talk(1)
    speak(call, 1, marked(4, 10))
    await quiet(scene, call, 1)
    assert scene.heard() == b"".join(marked(2, 10)), "bytes"
    assert call.status().counters["frames_not_pressed_for"] == 70


async def test_pressing_where_nobody_needs_to_is_told(scene: Scene) -> None:
    call = await scene.join()
    with pytest.raises(CallError, match="without a button"):
        call.press_talk(1)
    await scene.calls.leave(scene.guild_id)
    with pytest.raises(CallError, match="over"):
        call.press_talk(1)


# -- mixed


async def test_a_mixed_room_is_one_turn_and_names_who_is_there(scene: Scene) -> None:
    scene.options = CallOptions(mixed=True)
    call = await scene.join()
    ada, ben = await scene.person("Ada"), await scene.person("Ben")
    speak(call, ada.id, marked(1, 20))
    speak(call, ben.id, marked(2, 20))
    await quiet(scene, call, 1)
    assert len(scene.model_turns()) == 1
    # One after the other, as their word of silence came before the other's first frame.
    assert len(scene.heard()) == pytest.approx(2 * (40 * FRAME + LATENCY), abs=2 * FRAME)
    call.set_mixed(False)
    speak(call, ada.id, 10)
    await quiet(scene, call, 2)
    assert scene.model_turns()[-1].speaker == "Ada"


# -- turns, waiting and status


async def test_turns_change_at_the_next_idle_moment_and_nothing_is_lost(scene: Scene) -> None:
    call = await scene.join()
    speak(call, 1, 50)
    scene.turns = "model"
    call.change_setup(scene.setup())
    assert call.status().marks, "the turn that goes on keeps its marks"
    await quiet(scene, call, 1)
    await eventually(lambda: len(scene.gemini.sessions) == 2 and call.status().live == "ready")
    assert not call.status().marks
    speak(call, 1, 50)
    await eventually(lambda: len(scene.model_turns()) == 2)
    assert [turn.marked for turn in scene.model_turns()] == [True, False]


async def test_each_who_waited_is_answered_and_each_answer_is_heard(scene: Scene) -> None:
    call = await scene.join()
    ada, ben, cara = [await scene.person(name) for name in ("Ada", "Ben", "Cara")]
    speak(call, ada.id, 60, ago_s=0.2)
    speak(call, ben.id, 20, ago_s=0.2)
    speak(call, cara.id, 20, ago_s=0.1)
    await eventually(lambda: call.status().waiting == (ben.id, cara.id))
    status = call.status()
    assert status.holder == ada.id
    assert status.hangover_ms == pytest.approx(START_S * 1000)
    await quiet(scene, call, 3)
    turns = scene.model_turns()
    assert [turn.speaker for turn in turns] == ["Ada", "Ben", "Cara"]
    assert all(turn.interrupted_at is None and turn.spoken_bytes for turn in turns)
    assert playout(call).live_to_ear.count == 3


async def test_who_waits_is_heard_though_the_answer_never_comes(scene: Scene) -> None:
    scene.fault(Where.TURN, Late(60.0), times=1)
    call = await scene.join()
    speak(call, 1, 30)
    speak(call, 2, 20)
    await eventually(lambda: len(scene.model_turns()) == 2, within_s=15.0)
