"""Every command where a person alone has the app: in servers without the bot, in its and in others' chats."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import discord
import pytest
from answer_bot import body, button, labels
from loopback import eventually
from media_scene import CAT, Scene
from whole_scene import USES, Use, ended, nothing_is_left, whole_scene

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Channel, EmulatedUser, Message, Upload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from cogs.modal_fields import QUESTION

SERVER, DIRECT, GROUP, PRIVATE = PLACES = (
    "a server without the bot",
    "the bot's direct messages",
    "a group",
    "two people's chat",
)
SOME = [use for use in USES if use.name in ("find", "summarize", "ask", "Describe")]
_HOW = "right-click it (on a phone, hold it), then Apps."
_HIDDEN = (
    "I find no message there that you and I can both read: check the link, or use me on the message: " + _HOW
)
# What is said of a link to a message with nothing in it, which in a chat of others can't be looked into.
NOT_FROM_HERE = {
    SERVER: "I am no member here, so I can't follow links to messages: use me on the message itself: " + _HOW,
    DIRECT: "There is nothing in that message that I can summarize: use this on one with a video, a "
    "recording, another file, a link to YouTube, or a long text.",
    GROUP: _HIDDEN,
    PRIVATE: _HIDDEN,
}


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with whole_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as running:
        yield running


def place(scene: Scene, where: str) -> tuple[EmulatedUser, Channel]:
    """Return somebody who has the app, and shares no server with the bot, and where they are."""
    world = scene.world
    elsewhere = world.add_guild("Elsewhere", with_bot=False)
    eve, bob = world.add_user("Eve", elsewhere), world.add_user("Bob", elsewhere)
    world.install(eve.id)
    if where == SERVER:
        return eve, world.add_channel("chat", guild=elsewhere)
    if where == DIRECT:
        return eve, world.open_dm(eve.id)
    if where == GROUP:
        return eve, world.add_group([eve.id, bob.id], "friends")
    return eve, world.open_private(eve.id, bob.id)


@pytest.mark.parametrize("where", PLACES)
async def test_every_command_answers(scene: Scene, where: str) -> None:
    eve, channel = place(scene, where)

    async def use(each: Use) -> None:
        asked = await each.by(scene, eve.id, channel.id)
        message = await ended(asked, 30)
        assert each.fact in body(message), each.name
        assert message.channel_id == channel.id
        assert not message.ephemeral
        assert asked.followups == [], f"{each.name}: of those there are five"

    await asyncio.gather(*(use(each) for each in USES))


@pytest.mark.parametrize(
    ("where", "uses"), [(SERVER, USES), (DIRECT, SOME), (GROUP, SOME), (PRIVATE, SOME)], ids=PLACES
)
async def test_after_15_minutes_answers_are_direct_messages(
    scene: Scene, where: str, uses: Sequence[Use]
) -> None:
    """Only once all of them: Discord takes five messages in five seconds."""
    eve, channel = place(scene, where)
    direct = scene.world.open_dm(eve.id)
    scene.gemini.knobs.rest.think_s = 4.0
    begun = [await each.by(scene, eve.id, channel.id) for each in uses]
    for asked in begun:
        await asked.response()
    scene.discord.knobs.interaction_clock_offset_s = 15 * 60 + 1

    def late() -> list[Message]:
        """Return what is neither an interaction's message, nor in reply to a file that was posted there."""
        posts = [post for post in scene.world.messages(direct.id) if post.author is scene.world.bot]
        return [post for post in posts if post.origin is None and post.reply_to is None]

    await eventually(lambda: len(late()) == len(uses), 60)
    written = [body(message) for message in late()]
    for use in uses:
        assert any(use.fact in text for text in written), use.name
    assert all(labels(message)[0] == "Again" for message in late())
    assert [asked.followups for asked in begun] == [[]] * len(begun)


async def test_where_external_apps_are_off_answers_are_for_who_asked_alone(scene: Scene) -> None:
    eve, channel = place(scene, SERVER)
    assert channel.guild_id is not None
    scene.world.set_permissions(channel.id, channel.guild_id, deny=Permission.USE_EXTERNAL_APPS)

    async def use(each: Use) -> None:
        asked = await each.by(scene, eve.id, channel.id)
        message = await ended(asked, 30)
        assert message.ephemeral, each.name
        assert each.fact in body(message), each.name
        assert asked.followups == []

    await asyncio.gather(*(use(each) for each in USES))
    assert all(post.author is eve for post in scene.world.messages(channel.id)), "others see nothing of it"


@pytest.mark.parametrize("private", [False, True], ids=["for all", "for one"])
async def test_the_buttons_of_answers(scene: Scene, private: bool) -> None:
    eve, channel = place(scene, SERVER)
    assert channel.guild_id is not None
    if private:
        scene.world.set_permissions(channel.id, channel.guild_id, deny=Permission.USE_EXTERNAL_APPS)
    message = await ended(scene.world.run_command(eve.id, channel.id, "describe", {"image1": CAT}))

    def press(label: str) -> Interaction:
        return scene.world.click(eve.id, message.id, button(message, label)["custom_id"])

    pressed = [press(label) for label in ("Again", "Shorter", "Translate")]
    going_on = press("Ask more")
    await going_on.opened_modal()
    pressed.append(scene.world.submit_modal(going_on, {QUESTION: "How tall is it?"}))
    for asked in pressed:
        answer = await ended(asked)
        assert answer.ephemeral is private
        assert asked.followups == []
    assert "451 x 300" in body(answer), "it goes on with the picture"
    prompts = [request.prompt for request in scene.gemini.requests]  # the four came in any order
    assert sum(prompt.endswith("How tall is it?") for prompt in prompts) == 1


@pytest.mark.parametrize("where", PLACES)
async def test_what_goes_wrong_is_said(scene: Scene, where: str) -> None:
    eve, channel = place(scene, where)
    broken = Upload("cut.png", CAT.data[:3000])
    asked = scene.world.run_command(eve.id, channel.id, "describe", {"image1": broken})
    sentence = "cut.png is damaged or not really a picture: post another copy of it."
    assert sentence in (await ended(asked)).text.splitlines()
    bare = scene.world.post(eve.id, channel.id, "look")
    asked = scene.world.run_on_message(eve.id, bare.id, "Describe")
    told = (await asked.response()).text
    assert told == "Nothing is attached to that message: use Describe on one with a picture."
    asked = scene.world.run_command(eve.id, channel.id, "summarize", {"link": link_to(bare)})
    assert (await asked.response()).text == NOT_FROM_HERE[where]
    assert asked.followups == []


@pytest.mark.parametrize("where", PLACES)
async def test_what_is_kept_can_be_cleared(scene: Scene, where: str) -> None:
    eve, channel = place(scene, where)
    await ended(scene.world.run_command(eve.id, channel.id, "describe", {"image1": CAT}))
    here = "in this server" if where == SERVER else "in direct messages"
    told = await scene.world.run_command(eve.id, channel.id, "context clear")
    assert told.ephemeral
    assert told.text == f"Forgotten: 1 answer to you {here}, with its files. It can't be continued any more."
    await nothing_is_left(scene)


async def test_schemas_are_for_servers(scene: Scene) -> None:
    eve, channel = place(scene, GROUP)
    given = {"file": CAT, "schema": "invoice"}
    told = await scene.world.run_command(eve.id, channel.id, "extract", given)
    assert told.text == ("Schemas are kept only for servers: here, give /extract your schema as schema_file.")


@pytest.mark.parametrize("app", ["Describe", "Summarize", "Transcribe", "Ask"])
async def test_apps_see_what_the_bot_may_not_read(scene: Scene, app: str) -> None:
    """Without the Message Content intent the gateway blanks a message; an app on it is told what it holds."""
    assert not scene.bot.intents.message_content
    seen: list[discord.Message] = []
    scene.bot.add_listener(_collector(seen), "on_message")
    world = scene.world
    bob = world.add_user("Bob")
    (use,) = [each for each in USES if each.name == app]
    post = world.post(bob.id, world.text.id, "see this", use.posted)
    await eventually(lambda: bool(seen))
    assert (seen[0].id, seen[0].content, seen[0].attachments) == (post.id, "", [])
    asked = world.run_on_message(scene.person.id, post.id, app)
    if use.question:
        await asked.opened_modal()
        asked = world.submit_modal(asked, {QUESTION: use.question})
    message = await ended(asked)
    assert use.fact in body(message)
    assert f"/{post.id})" in message.text, "the answer leads to the message"


def _collector(seen: list[discord.Message]) -> Any:
    async def on_message(message: discord.Message) -> None:
        seen.append(message)

    return on_message


def link_to(message: Message) -> str:
    return f"https://discord.com/channels/{message.guild_id or '@me'}/{message.channel_id}/{message.id}"
