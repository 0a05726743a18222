"""Questions in plain messages: mentions of the bot, direct messages, and replies to its answers."""

import logging
from collections import Counter

import aiohttp
import discord
from discord.ext import commands

from bot.errors import EarshotError
from bot.media.request import MediaRequest
from bot.media.tasks.ask import Ask
from cogs.answer import Answers
from cogs.ask_follow import following
from cogs.ask_words import answer_in, readable, replied_to, said
from cogs.errors import sentence_of
from cogs.look import shown_by_mention
from cogs.look_show import CallViewer

logger = logging.getLogger(__name__)

AT_ONCE = 2  # answers to one person's messages; who wants more has commands, whose answers can be cancelled

_LOCALE = "en"  # in direct messages nothing tells a person's language before it has been read

# Everything else that comes as a message is Discord's own, such as somebody's arrival.
_WRITTEN = {discord.MessageType.default, discord.MessageType.reply}

_GREETING = (
    "Hello! Mention me with a question, and with files if you like: pictures, PDFs, recordings, videos, text "
    "or code. Reply to an answer of mine to go on with it. /ask can also search the web and run code."
)
_HIDDEN = (
    "I can't see the message that you reply to: right-click it (on a phone, hold it), then Apps, then Ask. "
    "Or mention me together with its file."
)
_BUSY = "I am still answering you: ask this again when one of the answers is complete."


class Mentions(commands.Cog):
    """Answers messages that are meant for the bot."""

    def __init__(self, answers: Answers, viewer: CallViewer | None = None) -> None:
        """`viewer` shows in a call what is posted in its chat."""
        self._answers = answers
        self._viewer = viewer
        self._running: Counter[int] = Counter()
        self._told: set[int] = set()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a message; without the Message Content intent, one without a mention comes blank."""
        if message.author.bot or message.webhook_id or message.type not in _WRITTEN:
            return
        bot_id = _bot_id(message)
        answer_id = answer_in(replied_to(message), bot_id)
        called = message.guild is None or any(user.id == bot_id for user in message.mentions)
        if (called or (answer_id is not None and readable(message))) and _may_reply(message):
            await self._answer_in_turn(message, bot_id, answer_id)

    async def _answer_in_turn(self, message: discord.Message, bot_id: int, answer_id: str | None) -> None:
        """Answer, unless enough is being answered to this person; that is said once."""
        user_id = message.author.id
        if self._running[user_id] >= AT_ONCE:
            if user_id not in self._told:
                self._told.add(user_id)
                await _say(message, _BUSY)
            return
        self._running[user_id] += 1
        try:
            if answer_id is None and await self._shown(message, bot_id):
                return
            request = await self._request(message, bot_id, answer_id)
            await self._answers.reply(message, request)
        except Exception as error:
            await _say(message, sentence_of(error))
        finally:
            self._told.discard(user_id)
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]

    async def _shown(self, message: discord.Message, bot_id: int) -> bool:
        """Show in the call what is posted in its chat; return whether that answers the message."""
        problems = None if self._viewer is None else await shown_by_mention(self._viewer, message, bot_id)
        if problems:
            await _say(message, " ".join(problems))
        return problems is not None

    async def _request(self, message: discord.Message, bot_id: int, answer_id: str | None) -> MediaRequest:
        """Return what a message asks. Raises EarshotError where it asks nothing."""
        heard = said(message, bot_id)
        if heard.empty:
            raise EarshotError(_HIDDEN if heard.hidden else _GREETING)
        request = MediaRequest(
            guild_id=message.guild.id if message.guild else None,
            user_id=message.author.id,
            sources=(*heard.quoted_files, *heard.files),
            task=Ask(
                heard.question,
                quoted=heard.quoted,
                quoted_files=len(heard.quoted_files),
                hidden=heard.hidden,
            ),
            locale=message.guild.preferred_locale.value if message.guild else _LOCALE,
        )
        if answer_id is None:
            return request
        return await following(self._answers, answer_id, request, heard.question)


def _bot_id(message: discord.Message) -> int:
    """Return the bot's own id; a message is in a server or in a channel for it and one person."""
    if message.guild is not None:
        return message.guild.me.id
    assert isinstance(message.channel, discord.DMChannel), "bots are in no other channels"
    return message.channel.me.id


def _may_reply(message: discord.Message) -> bool:
    """Say whether the bot may write there; else an answer would be paid for that nobody sees."""
    channel = message.channel
    if message.guild is None or not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return True
    permissions = channel.permissions_for(message.guild.me)
    in_thread = isinstance(channel, discord.Thread)
    return permissions.send_messages_in_threads if in_thread else permissions.send_messages


async def _say(message: discord.Message, text: str) -> None:
    """Reply to a message with a sentence, where that is possible."""
    try:
        await message.reply(text, mention_author=False, allowed_mentions=discord.AllowedMentions.none())
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        logger.warning("A message could not be replied to: %s", error)
