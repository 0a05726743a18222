"""Answers on the loopback Discord: they grow, end, fail, and survive faults."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from answer_bot import body, ended, labels
from answer_scene import ACTS, END, LONG, PICTURE, Scene, answer_scene
from loopback import eventually

from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.media.errors import MediaError, UnfitError
from bot.media.events import Finished, Progress, TextWhole
from bot.media.tasks.describe import Describe


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    async with answer_scene(discord_emulator) as running:
        yield running


async def test_an_answer_grows_and_ends_with_its_footer(scene: Scene) -> None:
    asked = scene.describe(question="What @everyone is *this*?")
    scene.script.say(Progress("Fetching cat.png", 0.5))
    waiting = await asked.response()
    assert waiting.text.splitlines() == [
        "-# What @\u200beveryone is \\*this\\*? · cat.png",
        "-# ▰▰▰▰▰▱▱▱▱▱ Fetching cat.png",
    ]
    assert labels(waiting) == ["Cancel"]
    scene.script.say("A **cat**, ")
    await asked.wait_for(lambda it: it.answer is not None and "cat**" in it.answer.text)
    scene.script.say("says <@1> to @here.", END)
    done = await ended(asked)
    assert body(done) == "A **cat**, says <\u200b@1> to @\u200bhere."
    assert done.text.endswith("\n-# gemini-3.8-flash · 1,234 tokens · $0.0021 · 3.2 s")
    assert labels(done) == ACTS
    assert done.attachments == []
    assert done.mentions == []
    assert not done.mention_everyone


async def test_what_is_asked_reaches_the_model(scene: Scene) -> None:
    more = {f"image{number}": Upload(f"{number}.png", b"x" * number) for number in range(2, 11)}
    asked = scene.describe(question="Which is best?", detail="low", **more)
    scene.script.say("The first.", END)
    await ended(asked)
    (request,) = scene.script.requests
    assert request.task == Describe("Which is best?", "low")
    assert (request.guild_id, request.user_id) == (scene.world.guild.id, scene.ada.id)
    assert [source.filename for source in request.sources] == ["cat.png", *(f"{n}.png" for n in range(2, 11))]
    assert request.sources[9].size == 10
    assert request.sources[0].content_type == "image/png"
    assert asked.answer is not None
    assert "cat.png and 9 more" in asked.answer.text


async def test_alt_text_is_asked_for(scene: Scene) -> None:
    asked = scene.describe(alt=True)
    scene.script.say("```\nA cat.\n```", END)
    assert body(await ended(asked)) == "```\nA cat.\n```"
    assert scene.script.requests[0].task == Describe(alt=True)


async def test_first_words_are_shown_at_once_and_edits_keep_their_pace(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(Progress("Looking", None))
    await asked.response()
    said = time.monotonic()
    scene.script.say("First")
    await asked.wait_for(lambda it: it.answer is not None and "First" in it.answer.text)
    assert asked.history[-1].at - said < 0.3
    for number in range(30):
        scene.script.say(f" {number}")
        await asyncio.sleep(0.1)
    scene.script.say(END)
    await ended(asked)
    edits = [seen.at for seen in asked.history if seen.what == "edit"]
    # One in a second on average: what came early is made up for by a longer pause.
    assert len(edits) <= 1 + (edits[-1] - edits[0]) + 1
    assert all(later - earlier > 0.9 for earlier, later in pairwise(edits[1:]))


async def test_a_quick_answer_is_one_edit(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(Progress("Looking", None), "All ", "of it.", END)
    await ended(asked)
    assert [seen.what for seen in asked.history] == ["deferred", "edit"]


async def test_a_value_is_shown_in_place_of_what_was_there(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(TextWhole("One"))
    await asked.wait_for(lambda it: it.answer is not None and "One" in it.answer.text)
    scene.script.say(TextWhole("Two"))
    await asked.wait_for(lambda it: it.answer is not None and "Two" in it.answer.text)
    scene.script.say(TextWhole("Three"), END)
    assert body(await ended(asked)) == "Three"


async def test_an_answer_longer_than_a_page_shows_its_first_page_meanwhile(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(LONG[:200])
    await asked.response()
    for start in range(200, len(LONG), 500):
        scene.script.say(LONG[start : start + 500])
    await asked.wait_for(lambda it: it.answer is not None and len(body(it.answer)) > 2_500)
    assert asked.answer is not None
    first = body(asked.answer)
    edits = len(asked.history)
    scene.script.say("More words. " * 10)
    await asyncio.sleep(1.5)
    assert len(asked.history) == edits, "what looks the same is not sent again"
    scene.script.say(END)
    assert body(await ended(asked)) == first


async def test_nothing_is_offered_where_the_same_would_fail_again(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(UnfitError("cat.png is damaged: post another copy of it."))
    message = await ended(asked)
    assert message.text.endswith("cat.png is damaged: post another copy of it.")
    assert labels(message) == []


async def test_errors_are_said(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(MediaError("cat.png is 60 MB, and 50 MB is the limit: send a smaller one."))
    message = await ended(asked)
    assert message.text.endswith("cat.png is 60 MB, and 50 MB is the limit: send a smaller one.")
    assert labels(message) == ["Again"]


async def test_an_error_midway_keeps_what_came(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Half of it", MediaError("Gemini went away: ask again."))
    message = await ended(asked)
    assert body(message) == "Half of it"
    assert "-# Gemini went away: ask again." in message.text
    assert "Write the rest" in labels(message)


async def test_a_fault_of_ours_gets_a_number(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    asked = scene.describe()
    scene.script.say(KeyError("inner workings"))
    message = await ended(asked)
    assert "Something went wrong on my side" in message.text
    assert "inner workings" not in message.text
    number = message.text.rstrip(".").split()[-1]
    assert f"number {number}" in caplog.text


async def test_the_fullest_message_fits(scene: Scene) -> None:
    asked = scene.describe(question="*_" * 500, image1=Upload("_" * 100 + ".png", b"x"))
    scene.script.say("😀" * 2_500, MediaError("@here " * 200))
    message = await ended(asked)
    assert body(message) == "😀" * 1_650
    assert labels(message) == ["Previous", "1 / 2", "Next", *ACTS, "Write the rest"]
    further = scene.press(message, "Write the rest")
    scene.script.say("a " * 1_650, Finished("m" * 40, END.usage, 1.0, "@here " * 200))
    assert 3_800 < len((await ended(further)).text) <= 4_000


async def test_an_answer_without_an_end_is_marked(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Half of it", None)
    assert "ended before it was complete" in (await ended(asked)).text


async def test_an_answer_without_words_says_so(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("![](https://x.example/a.png)", END)
    assert "The model gave no answer" in (await ended(asked)).text


async def test_a_deleted_message_ends_the_work(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    message = await asked.response()
    scene.world.delete_post(message.id)
    scene.script.say(" and more")
    await eventually(lambda: scene.script.running == 0)


async def test_a_fault_of_discord_midway_is_survived(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    await asked.response()
    # discord.py does not try again after a 503.
    scene.emulator.knobs.rest_faults.append(RestFault("PATCH", "/messages/@original", 503))
    scene.script.say(" and more")
    await eventually(lambda: not scene.emulator.knobs.rest_faults)
    scene.script.say(", all of it.", END)
    assert body(await ended(asked)) == "Some words and more, all of it."


async def test_a_moment_without_discord_loses_nothing(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    await asked.response()
    scene.emulator.knobs.rest_faults.append(RestFault("PATCH", "/messages/@original", 502))
    scene.script.say(" and more", END)
    assert body(await ended(asked)) == "Some words and more"


async def test_closing_the_bot_tells_people(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    await asked.response()
    await scene.bot.remove_cog("Answers")
    message = await ended(asked)
    assert body(message) == "Some words"
    assert "I am being restarted" in message.text


async def test_describe_by_right_click(scene: Scene) -> None:
    post = scene.world.post(scene.bob.id, scene.world.text.id, "look", [PICTURE, Upload("b.png", b"b")])
    asked = scene.world.run_on_message(scene.ada.id, post.id, "Describe")
    scene.script.say("Two pictures.", END)
    message = await ended(asked)
    assert body(message) == "Two pictures."
    assert f"{scene.world.text.id}/{post.id}) · cat.png and 1 more" in message.text
    assert [source.size for source in scene.script.requests[0].sources] == [len(PICTURE.data), 1]


async def test_describe_by_right_click_without_a_file(scene: Scene) -> None:
    post = scene.world.post(scene.bob.id, scene.world.text.id, "no picture")
    message = await scene.world.run_on_message(scene.ada.id, post.id, "Describe")
    assert message.text == "Nothing is attached to that message: use Describe on one with a picture."
    assert scene.script.requests == []


async def test_describe_in_direct_messages(scene: Scene) -> None:
    direct = scene.world.open_dm(scene.ada.id)
    asked = scene.world.run_command(scene.ada.id, direct.id, "describe", {"image1": PICTURE})
    scene.script.say("A cat.", END)
    assert body(await ended(asked)) == "A cat."
    assert scene.script.requests[0].guild_id is None


async def test_commands_are_for_everywhere(scene: Scene) -> None:
    for command in scene.world.commands.listed(None):
        assert command["integration_types"] == [0, 1], "in a server, and with a person"
        assert command["contexts"] == [0, 1, 2]
