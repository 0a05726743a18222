"""Answers on the loopback Discord: they grow, turn pages, stop, and outlive their interaction."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from answer_bot import body, bot_with, button, ended, labels
from discord.ext import commands
from loopback import eventually

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.model import EmulatedUser, Message, Upload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.media.errors import MediaError
from bot.media.events import Finished, MediaEvent, Progress, RequestUsage, TextDelta
from bot.media.request import MediaRequest
from cogs.answer import Answers
from cogs.media import Media

PICTURE = Upload("cat.png", b"\x89PNG\r\n\x1a\n")
LATE_S = 16 * 60.0
END = Finished("gemini-3.8-flash", RequestUsage(1_000, 200, 34, 1_234, 0.0021), 3.21, None)
LONG = "\n\n".join(f"## Part {number}\n\n{'word ' * 300}" for number in range(8))


@dataclass
class Script:
    """What the model's side says, as the test writes it: events, an error, and nothing for the end."""

    lines: "asyncio.Queue[MediaEvent | Exception | None]" = field(default_factory=asyncio.Queue)
    requests: list[MediaRequest] = field(default_factory=list)
    running: int = 0

    async def ask(self, request: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        self.requests.append(request)
        self.running += 1
        try:
            while (line := await self.lines.get()) is not None:
                if isinstance(line, Exception):
                    raise line
                yield line
                if isinstance(line, Finished):
                    return
        finally:
            self.running -= 1

    def say(self, *lines: MediaEvent | Exception | str | None) -> None:
        for line in lines:
            self.lines.put_nowait(TextDelta(line) if isinstance(line, str) else line)


@dataclass
class Scene:
    emulator: DiscordEmulator
    bot: commands.Bot
    script: Script
    ada: EmulatedUser
    bob: EmulatedUser

    @property
    def world(self) -> World:
        return self.emulator.world

    def describe(self, **options: Any) -> Interaction:
        given = {"image1": PICTURE} | options
        return self.world.run_command(self.ada.id, self.world.text.id, "describe", given)

    def press(self, message: Message, label: str, who: EmulatedUser | None = None) -> Interaction:
        return self.world.click((who or self.ada).id, message.id, button(message, label)["custom_id"])


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    script = Script()
    answers = Answers(script.ask)
    media = Media(answers)
    async with bot_with(discord_emulator, [answers, media], media.menus) as bot:
        world = discord_emulator.world
        yield Scene(discord_emulator, bot, script, world.add_user("Ada"), world.add_user("Bob"))
    await eventually(lambda: script.running == 0)


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
    assert labels(done) == ["Again", "Shorter"]
    assert done.attachments == []
    assert done.mentions == []
    assert not done.mention_everyone


async def test_what_is_asked_reaches_the_model(scene: Scene) -> None:
    more = {f"image{number}": Upload(f"{number}.png", b"x" * number) for number in range(2, 11)}
    asked = scene.describe(question="Which is best?", detail="low", **more)
    scene.script.say("The first.", END)
    await ended(asked)
    (request,) = scene.script.requests
    assert request.prompt == "Which is best?"
    assert request.detail == "low"
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
    assert "alt text" in scene.script.requests[0].prompt


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


async def test_a_long_answer_has_pages_and_a_file(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(LONG, END)
    message = await ended(asked)
    assert labels(message) == ["Previous", "1 / 4", "Next", "Again", "Shorter"]
    (file,) = message.attachments
    assert (file.filename, file.data.decode()) == ("answer.md", LONG)
    assert body(message).startswith("### Part 0\nword")
    assert button(message, "Previous")["disabled"]
    seen = [body(message)]
    for number in (2, 3, 4):
        message = await scene.press(message, "Next")
        assert f"{number} / 4" in labels(message)
        assert message.attachments == [file]
        assert message.text.endswith("3.2 s"), "the footer stays"
        seen.append(body(message))
    assert button(message, "Next")["disabled"]
    assert " ".join(seen).split() == LONG.replace("## Part", "### Part").split()
    assert body(await scene.press(message, "Previous")) == seen[2]


async def test_who_did_not_ask_turns_pages_for_themselves(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(LONG, END)
    message = await ended(asked)
    theirs = await scene.press(message, "Next", scene.bob)
    assert theirs.ephemeral
    assert labels(theirs) == ["Previous", "2 / 4", "Next"]
    further = await scene.press(theirs, "Next", scene.bob)
    assert further.id == theirs.id
    assert "3 / 4" in labels(further)
    assert "1 / 4" in labels(message), "nothing changed for all"


async def test_pages_turn_after_a_restart(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(LONG, END)
    message = await ended(asked)
    second = body(await scene.press(message, "Next"))
    first = await scene.press(message, "Previous")
    await forget(scene)
    again = await scene.press(first, "Next")
    assert body(again) == second
    assert (await scene.press(again, "Again")).text.startswith("I no longer have")
    theirs = await scene.press(again, "Next", scene.bob)
    assert theirs.ephemeral
    assert "3 / 4" in labels(theirs)
    assert (await scene.press(theirs, "Next", scene.bob)).text.startswith("I no longer have")


async def forget(scene: Scene) -> None:
    """Put answers that know nothing in the place of the others, as a restart does."""
    await scene.bot.remove_cog("Answers")
    await scene.bot.add_cog(Answers(scene.script.ask))


async def test_cancel_stops_and_keeps_what_came(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    message = await asked.response()
    refused = await scene.press(message, "Cancel", scene.bob)
    assert refused.ephemeral
    assert refused.text == "Only who asked can stop this answer."
    assert scene.script.running == 1
    stopped = scene.press(message, "Cancel")
    done = await ended(asked)
    await stopped.acknowledged()
    assert body(done) == "Some words"
    assert done.text.endswith("-# Stopped.")
    assert labels(done) == ["Again", "Shorter", "Go on"]
    await eventually(lambda: scene.script.running == 0)


async def test_again_shorter_and_go_on(scene: Scene) -> None:
    asked = scene.describe(question="Why?")
    scene.script.say("A long answer", Finished(END.model, END.usage, 1.0, "It broke off."))
    message = await ended(asked)
    assert "-# It broke off." in message.text
    for number, label in enumerate(("Again", "Shorter", "Go on"), start=1):
        pressed = scene.press(message, label, scene.bob)
        scene.script.say(f"Answer {number}", END)
        other = await ended(pressed)
        assert other.id != message.id
        assert body(other) == f"Answer {number}"
    first, again, shorter, further = scene.script.requests
    assert again.sources == first.sources
    assert (again.prompt, again.user_id) == ("Why?", scene.bob.id)
    assert shorter.sources == ()
    assert "A long answer" in shorter.prompt
    assert further.sources == first.sources
    assert further.prompt.endswith("A long answer")


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
    assert "Go on" in labels(message)


async def test_a_fault_of_ours_gets_a_number(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    asked = scene.describe()
    scene.script.say(KeyError("inner workings"))
    message = await ended(asked)
    assert "Something went wrong in me" in message.text
    assert "inner workings" not in message.text
    number = message.text.rstrip(".").split()[-1]
    assert f"number {number}" in caplog.text


async def test_the_fullest_message_fits(scene: Scene) -> None:
    asked = scene.describe(question="*_" * 500, image1=Upload("_" * 100 + ".png", b"x"))
    scene.script.say("😀" * 2_500, MediaError("@here " * 200))
    message = await ended(asked)
    assert body(message) == "😀" * 1_650
    assert labels(message) == ["Previous", "1 / 2", "Next", "Again", "Shorter", "Go on"]
    further = scene.press(message, "Go on")
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


async def test_a_late_answer_is_a_message_in_the_channel(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Early words")
    await asked.response()
    scene.emulator.knobs.interaction_clock_offset_s = LATE_S
    scene.script.say(" and late ones", LONG, END)
    await eventually(
        lambda: any("late ones" in post.text for post in scene.world.messages(scene.world.text.id))
    )
    message = scene.world.messages(scene.world.text.id)[-1]
    assert message.origin is None
    assert message.attachments[0].data.decode().startswith("Early words and late ones")
    assert "2 / " in " ".join(labels(await scene.press(message, "Next")))


async def test_an_answer_that_will_be_late_says_so_in_time(scene: Scene) -> None:
    await scene.bot.remove_cog("Answers")
    await scene.bot.remove_cog("Media")
    answers = Answers(scene.script.ask, editable_s=1.5)
    await scene.bot.add_cog(answers)
    await scene.bot.add_cog(Media(answers))
    asked = scene.describe()
    scene.script.say("Early words")
    message = await asked.response()
    await asyncio.sleep(1.5)
    scene.script.say(", late words")
    await asked.wait_for(lambda it: it.answer is not None and "comes as a new message" in it.answer.text)
    assert labels(message) == []
    scene.script.say(END)
    await eventually(lambda: "Early words, late words" in scene.world.messages(scene.world.text.id)[-1].text)


async def test_a_late_answer_to_a_closed_channel_is_a_direct_message(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Early words")
    await asked.response()
    scene.emulator.knobs.interaction_clock_offset_s = LATE_S
    scene.world.set_permissions(scene.world.text.id, scene.world.bot.id, deny=Permission.SEND_MESSAGES)
    direct = scene.world.open_dm(scene.ada.id)
    scene.script.say(" and late ones", END)
    await eventually(lambda: bool(scene.world.messages(direct.id)))
    assert body(scene.world.messages(direct.id)[0]) == "Early words and late ones"


async def test_a_deleted_message_ends_the_work(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    message = await asked.response()
    scene.world.delete_post(message.id)
    scene.script.say(" and more")
    await eventually(lambda: scene.script.running == 0)


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


async def test_cancel_of_an_answer_that_ended(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    message = await asked.response()
    cancel = button(message, "Cancel")["custom_id"]
    await forget(scene)
    scene.world.posts.by_id(message.id).components = [
        {"type": 1, "id": 1, "components": [{"type": 2, "id": 2, "style": 2, "custom_id": cancel}]}
    ]
    late = await scene.world.click(scene.ada.id, message.id, cancel)
    assert late.text == "This answer has ended already."


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
