"""The front door of what is said in calls: /captions and /transcript."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.conversation.transcript import channel_of, sweep
from bot.errors import EarshotError
from bot.media.events import MadeFile
from bot.media.subtitles import Cue, srt
from bot.media.tasks.minutes import Minutes
from bot.storage.errors import StorageError
from bot.storage.guilds import GuildStore
from bot.storage.transcripts import TranscriptStore, Utterance
from bot.tasks import going_on
from bot.text.escape import escaped
from bot.text.transcripts import Said, document, plain, timed
from cogs.answer import Answers
from cogs.answer_files import upload
from cogs.caption_calls import CaptionCalls
from cogs.config_rights import NOT_HERE
from cogs.media_request import request_of

SWEEP_S = 3600.0  # between looks for what is kept no longer: days are counted, not minutes
_OFFERED = 25  # choices: Discord shows no more
_NAMED = 60  # characters of a channel's name in a choice, which has 100

_NONE = "No transcript of a call is kept here{why}."
_NONE_AT_ALL = ": the server's settings keep none, which /config changes"
_NONE_NOW = " that you may read; they are kept for {days} after a call"
_UNKNOWN = "I keep no transcript of that call: choose one of those that are offered while you type."
_FORBIDDEN = "You can't see the channel of that call, so its transcript is not for you."
_NO_CALL = (
    "Only people with the Manage Server permission, or with a role that may set me up, can switch captions "
    "for the whole server. Join my call and use this there: then it is for that call."
)


class CallWords(commands.Cog):
    """Commands about captions and transcripts, and the clearing of old ones."""

    captions = app_commands.Group(
        name="captions",
        description="Show what is said in my calls, written down as it is said.",
        guild_only=True,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(
        self, calls: CaptionCalls, guilds: GuildStore, store: TranscriptStore, answers: Answers
    ) -> None:
        self._calls = calls
        self._guilds = guilds
        self._store = store
        self._answers = answers
        self._sweeping: asyncio.Task[None] | None = None
        self._changed: set[int] = set()  # guilds that may keep less than before
        self._woken = asyncio.Event()

    async def cog_load(self) -> None:
        """Begin to forget what is kept no longer."""
        self._sweeping = asyncio.create_task(self._sweep(), name="transcripts-sweep")

    async def cog_unload(self) -> None:
        """Stop that."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait({self._sweeping})

    # -- captions

    @captions.command(name="on", description="Write what is said in calls into the voice channel's chat.")
    async def on(self, interaction: discord.Interaction) -> None:
        """Post captions from now on."""
        await self._switch(interaction, on=True)

    @captions.command(name="off", description="Write no captions; what is written already stays.")
    async def off(self, interaction: discord.Interaction) -> None:
        """Post no captions any more."""
        await self._switch(interaction, on=False)

    async def _switch(self, interaction: discord.Interaction, *, on: bool) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        member = _member(interaction)
        guild_id = member.guild.id
        settings = self._guilds.get(guild_id)
        word = "on" if on else "off"
        if interaction.permissions.manage_guild or {r.id for r in member.roles} & {*settings.config_roles}:
            await self._guilds.change(guild_id, captions=on)
            self._calls.switch(guild_id, None)
            where = "in this server"
        elif self._calls.running(guild_id) and _is_in_my_call(member):
            self._calls.switch(guild_id, on)
            where = "for this call"
        else:
            raise EarshotError(_NO_CALL)
        await _say(interaction, f"Captions are {word} {where}.")

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Go on with captions below what people write between them."""
        if message.guild is not None and message.author != message.guild.me:
            self._calls.came_between(message.guild.id, message.channel.id)

    # -- transcripts

    @app_commands.command(description="Get what was said in one of my calls as files, and its minutes.")
    @app_commands.describe(
        call="Which; if left out, the newest that you may read.",
        output="A document, or subtitles with times; if left out, both.",
        summary="Minutes, too: a summary, decisions, action items, open questions.",
    )
    @app_commands.rename(output="format")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def transcript(
        self,
        interaction: discord.Interaction,
        call: str | None = None,
        output: Literal["md", "srt"] | None = None,
        summary: bool = False,
    ) -> None:
        """Give the transcript of a call to who may read it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        member = _member(interaction)
        call_id = call if call is not None else await self._newest(member)
        if channel_of(call_id) is None:
            raise EarshotError(_UNKNOWN)
        if not _may_read(member, call_id):
            raise EarshotError(_FORBIDDEN)
        kept = await self._store.of_call(member.guild.id, call_id)
        if not kept:
            raise EarshotError(_UNKNOWN)
        files = await asyncio.to_thread(_files, kept, _place(member.guild, call_id), output)
        about = f"{_place(member.guild, call_id)}, {_date(kept[0].at)}"
        if summary:
            said = [Said(each.at, each.name, each.text) for each in kept]
            task = Minutes(plain(said), own_name=member.guild.me.display_name)
            await self._answers.give(interaction, request_of(interaction, [], task, about=about))
            await interaction.followup.send(files=[upload(file) for file in files], ephemeral=True)
            return
        await interaction.edit_original_response(
            content=f"What was said in {escaped(about)} UTC.",
            attachments=[upload(file) for file in files],
            allowed_mentions=discord.AllowedMentions.none(),
        )

    @transcript.autocomplete("call")
    async def _offer(self, interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        """Offer the newest calls that a person may read, by channel and date."""
        member = interaction.user
        if not isinstance(member, discord.Member):
            return []
        try:
            calls = await self._readable(member)
        except StorageError:
            return []  # the newest call is had without a choice
        named = [(f"{_place(member.guild, call)[:_NAMED]}, {_date(at)} UTC", call) for call, at in calls]
        typed = current.strip().lower()
        found = [(name, call) for name, call in named if typed in name.lower()]
        return [app_commands.Choice(name=name, value=call) for name, call in found[:_OFFERED]]

    async def _newest(self, member: discord.Member) -> str:
        calls = await self._readable(member)
        if calls:
            return calls[0][0]
        days = self._guilds.get(member.guild.id).retention_days
        kept_for = "1 day" if days == 1 else f"{days} days"
        raise EarshotError(_NONE.format(why=_NONE_NOW.format(days=kept_for) if days else _NONE_AT_ALL))

    async def _readable(self, member: discord.Member) -> list[tuple[str, float]]:
        calls = await self._store.calls(member.guild.id, most=4 * _OFFERED)
        return [(call, at) for call, at in calls if _may_read(member, call)]

    def retention_changed(self, guild_id: int) -> None:
        """Forget at once what a guild keeps no longer."""
        self._changed.add(guild_id)
        self._woken.set()

    async def _sweep(self) -> None:
        """Forget what is too old, everywhere from time to time, and at once where a guild keeps less."""
        loop = asyncio.get_running_loop()
        again_at = loop.time()
        while True:
            changed, self._changed = self._changed, set()
            self._woken.clear()
            everywhere = loop.time() >= again_at
            if everywhere:
                again_at = loop.time() + SWEEP_S
            with going_on("Old transcripts could not be forgotten, which is tried again"):
                await self._forget(None if everywhere else changed)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(again_at):
                    await self._woken.wait()

    async def _forget(self, only: set[int] | None) -> None:
        """Forget what is kept no longer, in these guilds or in all. Raises StorageError."""
        await sweep(
            self._store, lambda guild_id: self._guilds.get(guild_id).retention_days, time.time(), only=only
        )


def _member(interaction: discord.Interaction) -> discord.Member:
    member = interaction.user
    if interaction.guild is None or interaction.guild.me is None or not isinstance(member, discord.Member):
        raise EarshotError(NOT_HERE)
    return member


def _is_in_my_call(member: discord.Member) -> bool:
    mine = member.guild.voice_client
    return mine is not None and member.voice is not None and member.voice.channel == mine.channel


def _may_read(member: discord.Member, call_id: str) -> bool:
    """Say whether a person may read a call: as the chat of its channel, or whoever manages the server."""
    if member.guild_permissions.manage_guild:
        return True
    channel = member.guild.get_channel(channel_of(call_id) or 0)
    if channel is None:
        return False
    allowed = channel.permissions_for(member)
    return allowed.view_channel and allowed.connect and allowed.read_message_history


def _place(guild: discord.Guild, call_id: str) -> str:
    channel = guild.get_channel(channel_of(call_id) or 0)
    return channel.name if channel is not None else "a deleted channel"


def _date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def _files(kept: list[Utterance], place: str, output: Literal["md", "srt"] | None) -> list[MadeFile]:
    """Return the files; some 5 ms for each hour of talk, so in a thread."""
    said = [Said(each.at, each.name, each.text) for each in kept]
    made = []
    if output != "srt":
        made.append(
            MadeFile("transcript.md", document(said, place).encode(errors="replace"), "What was said")
        )
    if output != "md":
        cues = srt(Cue(*each) for each in timed(said))
        made.append(MadeFile("transcript.srt", cues.encode(errors="replace"), "What was said, as subtitles"))
    return made


async def _say(interaction: discord.Interaction, text: str) -> None:
    await interaction.edit_original_response(content=text, allowed_mentions=discord.AllowedMentions.none())
