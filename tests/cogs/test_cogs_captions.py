"""Captions and transcripts in a real discord.py bot, on the loopback Discord, with the real database."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import discord
import pytest
from answer_bot import body, ended
from loopback import eventually
from media_scene import Scene, media_scene

from bot.conversation.captions_call import CallCaptions
from bot.conversation.captions_passage import CaptionLine, Kind
from bot.conversation.transcript import MOST, TranscriptWriter, channel_of, new_call_id, sweep
from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.model import Channel, Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.errors import EarshotError
from bot.live.events import AnswerAudio, AnswerEnded, InputTranscript, OutputTranscript
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.transcripts import TranscriptStore, Utterance
from cogs.caption_board import CaptionBoard
from cogs.caption_calls import CaptionCalls
from cogs.captions import CallWords

DEFAULTS = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")
RATE_HZ = 24_000


@dataclass
class Talk:
    """A call that tells of itself, and what people see of it."""

    scene: Scene
    guilds: GuildStore
    store: TranscriptStore
    calls: CaptionCalls
    sink: CallCaptions | None = None
    now: float = field(default_factory=time.monotonic)
    """When things are said: so far apart that it is clear whose the words are."""

    @property
    def lounge(self) -> Channel:
        return self.scene.world.voice_channels[0]

    @property
    def guild_id(self) -> int:
        return self.scene.world.guild.id

    def open(self, call_id: str = "") -> CallCaptions:
        channel = self.scene.bot.get_channel(self.lounge.id)
        text = self.scene.bot.get_channel(self.scene.world.text.id)
        assert isinstance(channel, discord.VoiceChannel) and isinstance(text, discord.TextChannel)
        self.sink = self.calls.open(channel, text, call_id or new_call_id(channel.id, time.time()))
        return self.sink

    def says(self, name: str, text: str, user_id: int = 1) -> None:
        """Have a person say something in a second."""
        assert self.sink is not None
        self.now += 5.0
        self.sink.turn_began(user_id, name, self.now - 1.0)
        self.sink.told(InputTranscript(text), self.now, held=False)
        self.sink.turn_ended(self.now, 1.0)

    def answers(self, text: str, *, ends: bool = True) -> None:
        """Have the bot say something in four seconds."""
        assert self.sink is not None
        self.now += 0.5
        for fragment in text.split(" "):
            self.sink.told(OutputTranscript(f" {fragment}"), self.now, held=False)
        self.sink.told(AnswerAudio(bytes(2 * RATE_HZ * 4), RATE_HZ, self.now), self.now, held=False)
        if ends:
            self.sink.told(AnswerEnded(self.now), self.now, held=False)

    def seen(self, channel: Channel | None = None) -> list[str]:
        return [message.text for message in self.messages(channel)]

    def messages(self, channel: Channel | None = None) -> list[Message]:
        bot = self.scene.world.bot.id
        posts = self.scene.world.messages((channel or self.lounge).id)
        return [post for post in posts if post.author.id == bot]

    def rows(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.scene.path)) as plain:
            return list(plain.execute("SELECT name, text FROM utterances ORDER BY at, id"))


@pytest.fixture
async def talk(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Talk]:
    def nothing(_: object) -> tuple[list[discord.ext.commands.Cog], list[discord.app_commands.ContextMenu]]:
        return [], []

    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, nothing) as scene:
        guilds = await GuildStore.load(scene.parts.database, DEFAULTS)
        store = TranscriptStore(scene.parts.database)
        calls = CaptionCalls(guilds, store)
        await scene.bot.add_cog(CallWords(calls, guilds, store, scene.parts.answers))
        await scene.bot.tree.sync()
        talk = Talk(scene, guilds, store, calls)
        yield talk
        if talk.sink is not None:
            began = time.monotonic()
            await talk.sink.close()
            assert time.monotonic() - began < 0.35
    left = [task.get_name() for task in asyncio.all_tasks()]
    assert not [name for name in left if name.startswith(("captions-", "transcript"))]


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


async def test_a_transcript_as_files(talk: Talk) -> None:
    sink = talk.open()
    talk.says("Ada", "Is 7 a prime?")
    talk.answers("It is.")
    sink.note("posted a picture", talk.now + 0.1)
    await sink.close()
    message = await talk.scene.asked("transcript").response()
    assert len(message.attachments) == 2, message.text
    assert message.ephemeral
    files = {file.filename: file.data.decode() for file in message.attachments}
    bot = talk.scene.world.bot.name
    assert "**[0:00] Ada:** Is 7 a prime?" in files["transcript.md"]
    assert "Call in Lounge" in files["transcript.md"]
    assert f"{bot}:** [posted a picture]" in files["transcript.md"]
    assert "Ada: Is 7 a prime?" in files["transcript.srt"].replace("\r\n", " ")
    only = await talk.scene.asked("transcript", format="md").response()
    await eventually(lambda: bool(only.attachments))
    assert [file.filename for file in only.attachments] == ["transcript.md"]


async def test_the_summary_is_made_from_the_transcript(talk: Talk) -> None:
    sink = talk.open()
    talk.says("Ada", "Let us meet on Friday.")
    await sink.close()
    asked = talk.scene.asked("transcript", summary=True)
    message = await ended(asked)
    assert message.ephemeral and "Lounge" in message.text
    (request,) = talk.scene.gemini.requests
    assert "[0:00] Ada: Let us meet on Friday." in request.prompt
    assert request.schema is not None
    assert f"{len(request.prompt.split())} words" in body(message), "the model's own count of what it read"
    await asked.wait_for(lambda it: bool(it.followups))
    (files,) = asked.followups
    assert files.ephemeral and [file.filename for file in files.attachments] == [
        "transcript.md",
        "transcript.srt",
    ]


async def test_calls_are_offered_by_date_and_only_to_who_may_read_them(talk: Talk) -> None:
    lounge, workshop = talk.scene.world.voice_channels[:2]
    first, second = f"{lounge.id}-1", f"{workshop.id}-2"
    await talk.store.add(talk.guild_id, first, [Utterance(86_400.0, 1, "Ada", "Old.")])
    await talk.store.add(talk.guild_id, second, [Utterance(172_800.0, 1, "Ada", "Secret.")])

    async def offered(typed: str = "") -> list[str]:
        asked = talk.scene.world.autocomplete(
            talk.scene.person.id, talk.scene.world.text.id, "transcript", {"call": typed}, focused="call"
        )
        return [choice["name"] for choice in await asked.offered()]

    assert await offered() == ["Workshop, 1970-01-03 00:00 UTC", "Lounge, 1970-01-02 00:00 UTC"]
    assert await offered("loun") == ["Lounge, 1970-01-02 00:00 UTC"]
    talk.scene.world.set_permissions(workshop.id, talk.scene.person.id, deny=Permission.VIEW_CHANNEL)
    await asyncio.sleep(0.1)
    assert await offered() == ["Lounge, 1970-01-02 00:00 UTC"]
    refused = await talk.scene.asked("transcript", call=second).response()
    assert refused.text.startswith("You can't see the channel") and not refused.attachments
    unknown = await talk.scene.asked("transcript", call="nonsense").response()
    assert unknown.text.startswith("I keep no transcript of that call")


async def test_where_nothing_is_kept_that_is_said(talk: Talk) -> None:
    assert "kept for 7 days" in (await talk.scene.asked("transcript").response()).text
    await talk.guilds.change(talk.guild_id, retention_days=0)
    sink = talk.open()
    talk.says("Ada", "Off the record.")
    await sink.close()
    assert talk.rows() == []
    assert "keep none" in (await talk.scene.asked("transcript").response()).text


# -- keeping and forgetting


async def test_old_words_are_forgotten_by_each_guilds_own_days(talk: Talk) -> None:
    now = 1_000 * 86_400.0
    for guild_id, days in ((talk.guild_id, 7), (5, 1), (6, 0)):
        await talk.guilds.change(guild_id, retention_days=days)
        for age in (0.5, 2, 8):
            said = [Utterance(now - age * 86_400, 1, "Ada", f"{age}")]
            await talk.store.add(guild_id, f"7-{age}", said)
    await sweep(talk.store, lambda guild_id: talk.guilds.get(guild_id).retention_days, now)
    left = {guild_id: await talk.store.calls(guild_id) for guild_id in (talk.guild_id, 5, 6)}
    assert {key: [call for call, _ in calls] for key, calls in left.items()} == {
        talk.guild_id: ["7-0.5", "7-2"],
        5: ["7-0.5"],
        6: [],
    }


def line(number: int, text: str, *, final: bool = True, at: float | None = None) -> CaptionLine:
    when = float(number) if at is None else at
    return CaptionLine(number, when, Kind.PERSON, 1, "Ada", text, final)


async def test_a_database_that_fails_is_tried_again() -> None:
    stored: list[str] = []
    fails = True

    async def write(lines: object) -> None:
        if fails:
            raise EarshotError("The disk is full.")
        stored.extend(each.text for each in lines)  # type: ignore[attr-defined]

    writer = TranscriptWriter(write, lambda: True)
    writer.add([line(1, "One."), line(2, "grows", final=False), line(3, "")])
    await writer.flush()
    fails = False
    writer.add([line(2, "Two.")])
    await writer.flush()
    await writer.flush()
    assert stored == ["One.", "Two."]
    writer.add(line(number, "x") for number in range(2 * MOST))
    await writer.flush()
    assert len(stored) == 2 + MOST


def test_a_call_is_named_by_its_channel() -> None:
    assert channel_of(new_call_id(123, 4.5)) == 123
    assert channel_of("nonsense") is None


# -- the board


def posted(board: CaptionBoard) -> dict[int, str]:
    """Send all that is due, as to a Discord that never fails."""
    shown: dict[int, str] = {}
    while (post := board.next()) is not None:
        shown[post.number] = post.content
        board.shown(post)
    return shown


def test_a_late_line_is_put_between() -> None:
    board = CaptionBoard()
    board.update([line(1, "a"), line(3, "c")])
    assert posted(board) == {0: "**Ada:** a\n**Ada:** c"}
    board.update([line(4, "b", at=2.0)])
    assert posted(board) == {0: "**Ada:** a\n**Ada:** b\n**Ada:** c"}


def test_lines_flow_into_the_next_message_and_full_ones_are_forgotten() -> None:
    board = CaptionBoard()
    shown: dict[int, str] = {}
    for number in range(1, 400):
        board.update([line(number, f"{number} " + "x" * 300, final=False)])
        shown |= posted(board)
        board.update([line(number, f"{number} " + "y" * 300)])
        shown |= posted(board)
        assert len(vars(board)["_lines"]) <= 13
    words = " ".join(shown[number] for number in sorted(shown)).replace("**Ada:**", "").split()
    assert words[::2] == [str(number) for number in range(1, 400)]
    assert set(words[1::2]) == {"y" * 300}
    assert all(len(text) <= 2_000 for text in shown.values())


def test_a_message_that_has_lost_all_of_its_lines_is_blanked() -> None:
    board = CaptionBoard()
    lines = [line(number, "x" * 700, final=False, at=0.0) for number in (1, 2, 3)]
    board.update(lines)
    assert len(posted(board)) == 2
    board.update([line(2, "", at=0.0), line(3, "", at=0.0)])
    board.update([line(1, "", at=0.0)])
    assert posted(board) == {0: "-# …", 1: "-# …"}


def test_the_longest_line_of_the_worst_signs_fits_a_message() -> None:
    board = CaptionBoard()
    for signs in ("*" * 800, "\U0001f600" * 800, "@here " * 133, "<#1" * 266):
        board.update([CaptionLine(1, 0.0, Kind.PERSON, 1, "*" * 40, signs, True)])
        post = board.next()
        assert post is not None and len(post.content.encode("utf-16-le")) // 2 <= 2_000


def test_what_discord_can_not_be_given_in_time_is_left_out() -> None:
    board = CaptionBoard()
    for number in range(500):
        board.update([line(number, "x" * 700)])
    shown = posted(board)
    assert 15 <= len(shown) <= 20
    assert max(shown) - min(shown) == len(shown) - 1
