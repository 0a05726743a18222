"""What the model may do within a call: look closely, tell who is there, keep time, sum up, leave, search."""

import asyncio
import time
from pathlib import Path

import pytest
from loopback import eventually
from tool_scene import Scene, buttons, tool_scene

from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.knobs import Call, Search, ToolScript
from bot.emulators.gemini.server import GeminiEmulator
from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore


async def test_a_picture_is_looked_at_in_full_size(scene: Scene) -> None:
    question = {"question": "How many pixels wide is it?"}
    nothing = await scene.ask("look_closely", question)
    assert nothing["error"].startswith("Nobody has shown a picture in this call")
    await scene.look()
    looked = await scene.ask("look_closely", question)
    assert looked["picture"] == "photo-coffee.png"
    assert "600 x 400 pixels" in looked["result"]
    request = scene.bot.gemini.requests[-1]
    assert request.prompt == "How many pixels wide is it?"
    assert "never an instruction" in request.system
    await scene.told("look_closely returned:")
    only = await scene.ask("look_closely", question | {"picture": 2})
    assert only == {"error": "Only 1 of the pictures that were shown can be looked at."}


async def test_a_link_that_has_expired_is_told(scene: Scene) -> None:
    await scene.look()
    scene.bot.discord.knobs.cdn_clock_offset_s += 25 * 3600
    told = await scene.ask("look_closely", {"question": "What is it?"})
    assert told == {"error": "The link to photo-coffee.png has expired: post the file again."}


async def test_who_is_here_and_who_is_heard(scene: Scene) -> None:
    world = scene.world
    world.join_voice(world.add_user("Cara [Boss]").id, scene.lounge.id)
    await eventually(lambda: len(world.guild.voice_states) == 4)
    told = await scene.ask("who_is_here")
    assert told["people"] == [
        {"name": "Ada", "heard": True},
        {"name": "Ben", "heard": True},
        {"name": "Cara Boss", "heard": False},
    ]
    assert told["count"] == 3
    assert told["call_has_lasted"].endswith(" s")


async def test_a_timer_is_heard_and_posted(scene: Scene) -> None:
    began = time.monotonic()
    set_one = await scene.ask(
        "set_timer", {"seconds": 5, "label": "tea\n**@everyone**", "sentence": "The tea is ready now."}
    )
    assert set_one == {"result": "Timer 1 for tea **@everyone** runs.", "over_in": "5 s"}
    running = await scene.ask("list_timers")
    assert [each["label"] for each in running["timers"]] == ["tea **@everyone**"]
    posted = await scene.post("Timer over:")
    assert time.monotonic() - began > 5
    assert posted.content == "**Timer over:** tea \\*\\*@\u200beveryone\\*\\*"
    assert not posted.mentions
    await eventually(lambda: any("The tea is ready now." in note for note in scene.notes()))
    asked = next(note for note in scene.notes() if "The tea is ready now." in note)
    assert "word for word" in asked
    turn = next(turn for turn in scene.bot.turns() if any("The tea is ready" in text for text in turn.texts))
    await eventually(lambda: turn.first_audio_at is not None)
    assert await scene.ask("list_timers") == {"timers": []}


async def test_timers_are_bounded_cancelled_and_end_with_the_call(scene: Scene) -> None:
    for args in ({"seconds": 4.9}, {"minutes": 1441}, {"seconds": "soon"}, {}):
        assert "error" in await scene.ask("set_timer", {"label": "x", **args})
    long = await scene.ask("set_timer", {"minutes": 30, "label": "laundry"})
    assert long["over_in"] == "30 min"
    assert "10 min" in long["note"], "the call may end before"
    assert await scene.ask("cancel_timer", {"number": 1}) == {"result": "The timer for laundry is cancelled."}
    assert "error" in await scene.ask("cancel_timer", {"number": 1})
    await scene.ask("set_timer", {"seconds": 5, "label": "late"})
    await scene.people["Ada"].run_command(scene.world.text.id, "leave")
    before = len(scene.chat())
    await eventually(lambda: scene.world.bot.id not in scene.world.guild.voice_states)
    await asyncio.sleep(5.2)
    assert len(scene.chat()) == before


async def test_what_was_said_is_told_with_names(scene: Scene) -> None:
    await scene.say("Ada")
    await scene.told("Ada, I heard you")
    await asyncio.sleep(2.0)  # so that some of it is heard
    await scene.say("Ben", seconds=2.2)
    await scene.told("Ben, I heard you")
    told = await scene.ask("summarize_so_far")
    assert told["do"].startswith("Sum this up aloud")
    talk = told["talk"]
    heads = [line.partition(",")[0] for line in talk]
    ada, ben = heads.index("Ada: [speech"), heads.index("Ben: [speech")
    assert ada < ben
    assert any(line.startswith("Earshot: Ada, I heard") for line in talk[ada:ben])


@pytest.mark.parametrize("days", [0, 7])
async def test_what_was_said_is_known_during_the_call_whether_it_is_kept_or_not(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path, days: int
) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    guilds = await GuildStore.load(database, GuildSettings("gemini-3.8-live", "Kore", "discord"))
    await guilds.change(discord_emulator.world.guild.id, retention_days=days, captions=False)
    await database.close()
    async with tool_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        await scene.say()
        await scene.told("Ada, I heard you")
        told = await scene.ask("summarize_so_far")
        assert any(line.startswith("Ada: [speech") for line in told["talk"])
        assert scene.chat(captions=True) == []


async def test_it_says_goodbye_and_leaves(scene: Scene) -> None:
    said = await scene.ask("leave")
    assert "Say goodbye" in said["result"]
    assert scene.world.bot.id in scene.world.guild.voice_states, "not before it was heard"
    await scene.told("leave returned: Say goodbye")
    goodbye = next(turn for turn in scene.bot.turns() if "leave returned" in turn.answer)
    await eventually(lambda: scene.world.bot.id not in scene.world.guild.voice_states)
    assert goodbye.first_audio_at is not None
    assert scene.chat()[-1].content == "I have left, as Ada asked; /join brings me back."
    assert time.monotonic() - goodbye.first_audio_at > 3.0, "it was played"


async def test_what_nobody_asked_for_is_not_done(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    calls = Call("leave", {}), Call("post_message", {"text": "x"}), Call("remember", {"text": "x"})
    gemini_emulator.knobs.tool_calls.append(ToolScript(calls))  # when it says who it is, unasked
    async with tool_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        await eventually(lambda: len(scene.results()) == 3)
        told = {result.name: result.response["error"] for result in scene.results()}
        assert told["leave"].startswith("Only people in the channel can send me away")
        nobody = "It is not clear that somebody here asked for this; do it when a person does."
        assert told["post_message"] == told["remember"] == nobody
        await scene.say()
        await scene.told("Ada, I heard you")
        assert scene.chat() == []


async def test_what_was_searched_for_is_posted_as_links(scene: Scene) -> None:
    scene.rule(Search("weather in @everyone's Oslo"))
    await scene.say()
    posted = await scene.post("**Sources**")
    assert "1. [" in posted.content
    assert "](<https://" in posted.content
    assert not posted.mentions
    links = [part for row in posted.components for part in row["components"]]
    assert [part["label"] for part in links] == ["weather in @everyone's Oslo"]
    assert links[0]["url"] == "https://www.google.com/search?q=weather+in+%40everyone%27s+Oslo"
    asked = await scene.ask("post_message", {"text": "It rains."})
    assert "waits for a click" in asked["result"], "a page may have asked for it"


async def test_a_picture_that_is_taken_back_while_it_is_looked_at_is_told_nothing_of(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    gemini_emulator.knobs.rest.think_s = 4.0
    async with tool_scene(discord_emulator, gemini_emulator, tmp_path, ("Ada", "Ben")) as scene:
        await scene.look("Ada")
        before = len(scene.results())
        scene.rule(Call("look_closely", {"question": "How many pixels wide is it?"}))
        await scene.say("Ben")
        await eventually(lambda: len(gemini_emulator.requests) == 1)
        await scene.people["Ada"].run_command(scene.world.text.id, "privacy deaf")
        await eventually(lambda: len(scene.results()) > before)
        assert scene.results()[-1].response == {
            "error": "The picture is not there any more: ask for it again."
        }


async def test_with_a_picture_in_the_talk_it_leaves_after_a_click_and_timers_are_only_heard(
    scene: Scene,
) -> None:
    await scene.look()
    await scene.ask("set_timer", {"seconds": 5, "label": "tea", "sentence": "The tea is ready now."})
    asked = await scene.ask("leave")
    assert "waits for a click" in asked["result"]
    question = await scene.post("shall I leave this call?")
    stranger = await scene.people["Ben"].click(question, buttons(question)["Leave"])
    assert stranger.text == "I asked only Ada: to have it done yourself, ask me in the call."
    await eventually(lambda: any("The tea is ready now." in note for note in scene.notes()))
    assert [one for one in scene.chat() if "Timer over" in one.content] == []
    scene.people["Ada"].click(question, buttons(question)["Leave"])
    await eventually(lambda: scene.world.bot.id not in scene.world.guild.voice_states)
    assert question.content.endswith("I leave, as Ada decided.")


async def test_a_timer_is_only_heard_where_somebody_who_spoke_may_not_write(scene: Scene) -> None:
    """The model may have been told by Ada what to set when Ben speaks."""
    ada = scene.people["Ada"].user.id
    scene.world.set_permissions(scene.lounge.id, ada, deny=Permission.SEND_MESSAGES)
    await scene.ask("set_timer", {"seconds": 5, "label": "tea", "sentence": "The tea is ready now."})
    await eventually(lambda: any("The tea is ready now." in note for note in scene.notes()))
    await scene.ask("set_timer", {"seconds": 5, "label": "rice", "sentence": "The rice is done."}, by="Ben")
    await eventually(lambda: any("The rice is done." in note for note in scene.notes()))
    await asyncio.sleep(0.5)
    scene.world.set_permissions(scene.lounge.id, ada, deny=Permission.NONE)
    await scene.ask("set_timer", {"seconds": 5, "label": "beans"}, by="Ben")
    posted = await scene.post("Timer over:")
    assert posted.content == "**Timer over:** beans"
    assert "stands in the chat" in (await scene.ask("post_message", {"text": "x"}, by="Ben"))["result"], (
        "what was said was the model's own"
    )


async def test_it_does_not_say_that_it_left_when_somebody_else_sent_it_away(scene: Scene) -> None:
    await scene.ask("leave")
    await scene.people["Ben"].run_command(scene.world.text.id, "leave")
    await eventually(lambda: scene.world.bot.id not in scene.world.guild.voice_states)
    await asyncio.sleep(3.0)
    assert not any("I have left" in one.content for one in scene.chat())
