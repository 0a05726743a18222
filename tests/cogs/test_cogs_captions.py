"""Captions in a real discord.py bot, on the loopback Discord, with the real database."""

import asyncio
import logging
import time

import pytest
from loopback import eventually
from talk_scene import Talk, talk

from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.permissions import Permission
from bot.live.events import InputTranscript

__all__ = ["talk"]


# -- posting


async def test_both_sides_stand_in_the_voice_channels_chat_in_one_message_that_grows(talk: Talk) -> None:
    sink = talk.open()
    talk.says("Ada", "What is *bold* and @everyone?")
    await eventually(lambda: talk.seen() == ["**Ada:** What is \\*bold\\* and @\u200beveryone?"])
    sink.note("looked at cat_1.png (from Ada)", talk.now)
    talk.answers("A cat, <@1>.")
    await eventually(lambda: len(talk.seen()[0].splitlines()) == 3)
    (message,) = talk.messages()
    assert message.text.splitlines()[1:] == [
        f"-# {talk.scene.world.bot.name} looked at cat\\_1.png (from Ada)",
        f"**{talk.scene.world.bot.name}:** A cat, <\u200b@1>.",
    ]
    assert message.mentions == [] and not message.mention_everyone


async def test_an_answer_that_is_cut_off_is_cut_back_by_an_edit(talk: Talk) -> None:
    sink = talk.open()
    talk.answers("one two three four five six seven eight", ends=False)
    await eventually(lambda: bool(talk.seen()) and talk.seen()[0].endswith("eight"))
    sink.turn_began(1, "Ada", talk.now + 2.0)
    await eventually(lambda: talk.seen()[0].endswith("—"))
    assert talk.seen() == [f"**{talk.scene.world.bot.name}:** one two three four—"]


async def test_edits_are_coalesced_and_the_last_text_is_there_when_the_call_ends(talk: Talk) -> None:
    sink = talk.open()
    sink.turn_began(1, "Ada", time.monotonic() - 2.0)
    for number in range(140):
        sink.told(InputTranscript(f" w{number}"), time.monotonic(), held=False)
        await asyncio.sleep(0.005)
    began = time.monotonic()
    await sink.close()
    assert time.monotonic() - began < 0.3
    assert talk.seen() == ["**Ada:** " + " ".join(f"w{number}" for number in range(140))]
    path = f"/channels/{talk.lounge.id}/messages"
    asked = [
        each.fields["method"] for each in talk.scene.discord.trace.of("rest") if path in each.fields["path"]
    ]
    assert asked[0] == "POST" and set(asked[1:]) == {"PATCH"} and len(asked) <= 3, "at most one in 1.5 s"


async def test_a_full_message_is_followed_by_another(talk: Talk) -> None:
    sink = talk.open()
    said = [f"{number} " + "word " * 60 + "end." for number in range(12)]
    for text in said:
        talk.says("Ada", text)
        talk.answers("Yes.")
    await sink.close()
    assert all(len(text) <= 2_000 for text in talk.seen())
    lines = "\n".join(talk.seen()).split("\n")
    assert lines[::2] == [f"**Ada:** {text}" for text in said]
    assert set(lines[1::2]) == {f"**{talk.scene.world.bot.name}:** Yes."}


async def test_what_people_write_is_not_written_above(talk: Talk) -> None:
    talk.open()
    talk.says("Ada", "First.")
    await eventually(lambda: talk.seen() == ["**Ada:** First."])
    talk.scene.world.post(talk.scene.person.id, talk.lounge.id, "look here")
    await asyncio.sleep(0.1)
    talk.says("Ada", "Second.")
    await eventually(lambda: talk.seen() == ["**Ada:** First.", "**Ada:** Second."])


@pytest.mark.parametrize("how", ["known before", "found out"])
async def test_where_the_chat_is_closed_captions_go_to_the_text_channel(talk: Talk, how: str) -> None:
    if how == "known before":
        talk.scene.world.set_permissions(
            talk.lounge.id, talk.scene.world.bot.id, deny=Permission.SEND_MESSAGES
        )
        await asyncio.sleep(0.1)
    else:
        fault = RestFault(
            "POST", rf"/channels/{talk.lounge.id}/messages", 403, {"code": 50013, "message": "no"}
        )
        talk.scene.discord.knobs.rest_faults.append(fault)
    talk.open()
    talk.says("Ada", "Hello.")
    await eventually(lambda: len(talk.seen(talk.scene.world.text)) == 2)
    notice, caption = talk.seen(talk.scene.world.text)
    assert f"can't write in the chat of <#{talk.lounge.id}>" in notice
    assert caption == "**Ada:** Hello."
    talk.says("Ada", "Again.")
    await eventually(lambda: talk.seen(talk.scene.world.text)[-1] == "**Ada:** Hello.\n**Ada:** Again.")
    assert talk.seen() == [] and len(talk.seen(talk.scene.world.text)) == 2, "it is said once"


async def test_a_channel_that_is_deleted_in_mid_call(talk: Talk) -> None:
    talk.open()
    talk.says("Ada", "Hello.")
    await eventually(lambda: talk.seen() == ["**Ada:** Hello."])
    talk.scene.world.delete_channel(talk.lounge.id)
    talk.says("Ada", "Still here.")
    await eventually(lambda: any("Still here." in text for text in talk.seen(talk.scene.world.text)))


async def test_nowhere_to_write_is_said_in_the_log_once(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    for channel in (talk.lounge, talk.scene.world.text):
        talk.scene.world.set_permissions(channel.id, talk.scene.world.bot.id, deny=Permission.SEND_MESSAGES)
    await asyncio.sleep(0.1)
    sink = talk.open()
    with caplog.at_level(logging.WARNING):
        for text in ("One.", "Two.", "Three."):
            talk.says("Ada", text)
            await asyncio.sleep(0.05)
    assert len([record for record in caplog.records if "captions" in record.message]) == 1
    await sink.close()
    assert [text for _, text in talk.rows()] == ["One.", "Two.", "Three."], "the transcript is kept"


async def test_a_deleted_message_is_not_missed(talk: Talk) -> None:
    talk.open()
    talk.says("Ada", "First.")
    await eventually(lambda: talk.seen() == ["**Ada:** First."])
    talk.scene.world.delete_post(talk.messages()[0].id)
    talk.says("Bob", "Second.", user_id=2)
    await eventually(lambda: any("Second." in text for text in talk.seen()))


async def test_an_error_of_discord_delays_and_loses_nothing(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.caption_posts.RETRY_S", 0.1)
    path = rf"/channels/{talk.lounge.id}/messages"
    talk.scene.discord.knobs.rest_faults.append(RestFault("POST", path, 520, times=1))
    talk.open()
    talk.says("Ada", "Hello.")
    await eventually(lambda: talk.seen() == ["**Ada:** Hello."])


async def test_a_hanging_discord_does_not_hold_up_the_end(talk: Talk) -> None:
    path = rf"/channels/{talk.lounge.id}/messages"
    limited = RestFault(
        "POST",
        path,
        429,
        {"message": "limited", "retry_after": 30.0, "global": False},
        {"Retry-After": "30", "Via": "1.1 google"},
        times=99,
    )
    talk.scene.discord.knobs.rest_faults.append(limited)
    sink = talk.open()
    talk.says("Ada", "Hello.")
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await sink.close()
    assert time.monotonic() - began < 0.35
    assert talk.rows() == [("Ada", "Hello.")]


# -- the commands


async def test_captions_off_and_on(talk: Talk) -> None:
    talk.open()
    talk.says("Ada", "First.")
    await eventually(lambda: talk.seen() == ["**Ada:** First."])
    owner = talk.scene.world.guild.owner_id
    run = talk.scene.world.run_command
    channel = talk.scene.world.text.id
    assert (await run(owner, channel, "captions off").response()).text == "Captions are off in this server."
    assert not talk.guilds.get(talk.guild_id).captions
    talk.says("Ada", "Second.")
    await asyncio.sleep(0.2)
    assert (await run(owner, channel, "captions on").response()).text == "Captions are on in this server."
    talk.says("Ada", "Third.")
    await eventually(lambda: talk.seen() == ["**Ada:** First.", "**Ada:** Third."])


async def test_who_is_not_in_the_call_can_not_switch_captions(talk: Talk) -> None:
    talk.open()
    answer = await talk.scene.asked("captions off").response()
    assert answer.text.startswith("Only people with the Manage Server permission") and answer.ephemeral
    assert talk.guilds.get(talk.guild_id).captions
