"""Transcripts: the command, what is kept of a call, for how long, and who may read it."""

import asyncio

from answer_bot import body, ended
from loopback import eventually
from talk_scene import Talk, line, talk

from bot.conversation.transcript import MOST, TranscriptWriter, channel_of, new_call_id, sweep
from bot.emulators.discord.permissions import Permission
from bot.errors import EarshotError
from bot.storage.transcripts import Utterance

__all__ = ["talk"]


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
