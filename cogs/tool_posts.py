"""What the bot does in the chat of a call as people there ask it to: it posts, and asks before it does.

A question waits in memory for its click. Nothing of it is kept: after a restart, or when it is too old, the
button says so.
"""

import asyncio
import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
from discord.ext import commands

from bot.conversation.call import Call
from bot.conversation.toolbox import ToolError
from bot.errors import EarshotError
from bot.media.events import Grounding
from bot.text.blocks import size
from bot.text.escape import escaped, unfenced
from bot.tools.chat import Picture, Place, Proposal
from bot.tools.people import named
from cogs.answer_sources import listed, search_buttons
from cogs.caption_places import CaptionPlaces
from cogs.errors import answer_error

# Fixed for ever: a button that was posted before a restart must still be answered after it.
DO_ID, DONT_ID = "earshot:tools:do:", "earshot:tools:dont:"  # and what tells one question from another
WAITS_S = 5 * 60.0  # who has not decided by then has forgotten what it was about
MOST = 3  # questions that wait in a guild: a model that was talked into asking can't fill the chat
LONGEST = 2_000  # UTF-16 units of a message

NOBODY = discord.AllowedMentions.none()
_NO_PLACE = "I can't write in the chat of this call: give me the permission Send Messages there."
_REFUSED = "Discord did not let me write in the chat of this call: look at my permissions there."
_NO_FILES = "I can't attach files in the chat of this call: give me the permission Attach Files there."
_UNREACHABLE = "Discord can't be reached just now: try again in a minute."
_FULL = f"{MOST} questions wait for a click in the chat already: click on one of them first."
_TOO_LONG = "That is too long for a message: make it shorter."
_OLD = "This was already decided, or it has expired: ask me again in the call."
_STRANGER = "I asked only {names}: to have it done yourself, ask me in the call."


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A question that nobody has decided yet."""

    guild_id: int
    proposal: Proposal
    forget: asyncio.TimerHandle


class ToolPosts(commands.Cog):
    """Posts to the chats of calls; see bot.tools.chat.Chat."""

    def __init__(
        self,
        text_of: Callable[[int], discord.abc.Messageable | None],
        posted: Callable[[int, int], None] = lambda _guild_id, _channel_id: None,
    ) -> None:
        """`text_of(guild_id)` is where the guild's call was asked for.

        `posted(guild_id, channel_id)` is told of each message.
        """
        self._text_of = text_of
        self._posted = posted
        self._waiting: dict[str, _Waiting] = {}

    async def cog_unload(self) -> None:
        """Forget what waits."""
        for key in list(self._waiting):
            self._take(key)

    # -- for the tools

    def place(self, call: Call) -> Place:
        """Return where the chat of a call is; raise ToolError where there is none that the bot may use."""
        text = self._text_of(call.channel.guild.id)
        # Elsewhere it can't be told what people may do.
        place = CaptionPlaces(lambda: call.channel, text if isinstance(text, Place) else None).choose()
        if not isinstance(place, Place):
            raise ToolError(_NO_PLACE)
        return place

    async def post(self, call: Call, text: str, picture: Picture | None = None) -> None:
        """Post Markdown of at most 2,000 UTF-16 units. Raises ToolError."""
        if picture is None:
            await self._send(call, text)
            return
        place = self.place(call)
        if not place.permissions_for(place.guild.me).attach_files:
            raise ToolError(_NO_FILES)
        file = discord.File(io.BytesIO(picture.data), picture.name, description=picture.description)
        await self._send(call, text, file=file)

    async def propose(self, call: Call, proposal: Proposal) -> None:
        """Ask for a click. Raises ToolError."""
        guild_id = call.channel.guild.id
        if sum(each.guild_id == guild_id for each in self._waiting.values()) >= MOST:
            raise ToolError(_FULL)
        key = secrets.token_hex(8)
        forget = asyncio.get_running_loop().call_later(WAITS_S, self._take, key)
        # First of all: somebody may press before Discord has answered.
        self._waiting[key] = _Waiting(guild_id, proposal, forget)
        try:
            await self._send(call, _shown(proposal), view=_view(proposal.label, key))
        except BaseException:  # cancelled, too: there is no button to press
            self._take(key)
            raise

    async def show_sources(self, call: Call, grounding: Grounding) -> None:
        """Post what an answer rests on, and what was searched for, as links. Raises ToolError."""
        buttons = discord.ui.View(timeout=None)
        for search in search_buttons(grounding):
            buttons.add_item(discord.ui.Button[Any](label=search.title, url=search.url))
        buttons.stop()
        text = _cut(listed(grounding)) or "**Searched for**"
        await self._send(call, text, view=buttons)

    async def _send(self, call: Call, text: str, **more: Any) -> discord.Message:
        if size(text) > LONGEST:
            raise ToolError(_TOO_LONG)
        place = self.place(call)
        try:
            message = await place.send(
                text, silent=True, suppress_embeds=True, allowed_mentions=NOBODY, **more
            )
        except (discord.Forbidden, discord.NotFound) as error:
            raise ToolError(_REFUSED) from error
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise ToolError(_UNREACHABLE) from error
        self._posted(place.guild.id, place.id)
        return message

    # -- the buttons

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the buttons, also those of before a restart."""
        if interaction.type is not discord.InteractionType.component or interaction.data is None:
            return
        pressed = str(interaction.data.get("custom_id"))
        if not pressed.startswith((DO_ID, DONT_ID)):
            return
        try:
            await self._decide(interaction, pressed.rpartition(":")[2], agreed=pressed.startswith(DO_ID))
        except Exception as error:
            await answer_error(interaction, error)

    async def _decide(self, interaction: discord.Interaction, key: str, *, agreed: bool) -> None:
        member, waiting = interaction.user, self._waiting.get(key)
        if waiting is None or not isinstance(member, discord.Member):
            await interaction.response.edit_message(view=None, allowed_mentions=NOBODY)
            raise EarshotError(_OLD)
        proposal = waiting.proposal
        if member.id not in {each.id for each in proposal.deciders}:
            raise EarshotError(_STRANGER.format(names=escaped(named(proposal.deciders))))
        self._take(key)  # whoever presses next is too late
        await interaction.response.defer()
        outcome = f"Not done, as {escaped(named([member]))} decided."
        if agreed:
            try:
                outcome = await proposal.do(member)
            except EarshotError as error:
                outcome = str(error)
        content = f"{_shown(proposal)}\n-# {outcome}"
        await interaction.edit_original_response(content=content, view=None, allowed_mentions=NOBODY)

    def _take(self, key: str) -> None:
        if (waiting := self._waiting.pop(key, None)) is not None:
            waiting.forget.cancel()


def _shown(proposal: Proposal) -> str:
    """Return a question with the words that it is about, as they are: in a code block nothing is hidden."""
    quoted = f"\n```\n{unfenced(proposal.quoted)}\n```" if proposal.quoted else ""
    return f"{proposal.question}{quoted}"


def _view(label: str, key: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    agree, style = f"{DO_ID}{key}", discord.ButtonStyle.success
    view.add_item(discord.ui.Button[Any](label=label, style=style, custom_id=agree))
    view.add_item(discord.ui.Button[Any](label="Don't", custom_id=f"{DONT_ID}{key}"))
    view.stop()  # it is answered by its custom ids, so discord.py need not keep it
    return view


def _cut(text: str) -> str:
    """Return as many lines as fit into a message."""
    kept, left = [], LONGEST
    for line in text.splitlines():
        left -= size(line) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join(kept)
