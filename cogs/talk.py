"""The front door of push-to-talk: /talk, and the buttons by which a person is heard for a while."""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.conversation.call import Call, CallError
from bot.conversation.calls import Calls
from bot.conversation.room import Mode
from bot.conversation.talk import LONGEST_S, OPEN_S
from bot.storage.consents import ConsentStore
from cogs.errors import answer_error

# Fixed for ever: a button that was posted before a restart must still work after it.
PRESS_ID, DONE_ID = "earshot:talk:press", "earshot:talk:done"

HEARD = (
    f"I hear you: talk, then press Done. I stop by myself when you say nothing for {OPEN_S:.0f} seconds, and "
    f"{LONGEST_S / 60:.0f} minutes after you pressed Talk, whatever you say; press it again to go on."
)
DONE = "I no longer hear you. Press Talk, or use /talk, before you say more."
_UNHEARD = "I may not hear you yet: let me by /privacy listen, then use /talk again."
_JUST_TALK = "Just talk: in this call I hear you without a button."


class TalkView(discord.ui.View):
    """Talk and Done; answered by custom id, so that discord.py need not keep each message's."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(
            discord.ui.Button[Any](label="Talk", style=discord.ButtonStyle.primary, custom_id=PRESS_ID)
        )
        self.add_item(discord.ui.Button[Any](label="Done", custom_id=DONE_ID))
        self.stop()


class Talk(commands.Cog):
    """Hears people who ask for it, where the bot hears nobody else."""

    def __init__(self, calls: Calls, consents: ConsentStore) -> None:
        self._calls = calls
        self._consents = consents

    @app_commands.command(description="Be heard for a while, where the call is set to push-to-talk.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def talk(self, interaction: discord.Interaction) -> None:
        """Begin to hear who uses the command, and show the buttons."""
        await self.begin(interaction)

    async def begin(self, interaction: discord.Interaction) -> None:
        """Do what /talk does, for a command or a button. Raises CallError."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        self._press(interaction)
        await interaction.edit_original_response(content=HEARD, view=TalkView())

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the buttons."""
        if interaction.type is not discord.InteractionType.component or interaction.data is None:
            return
        pressed = interaction.data.get("custom_id")
        if pressed not in (PRESS_ID, DONE_ID):
            return
        try:
            await interaction.response.defer()
            if pressed == PRESS_ID:
                self._press(interaction)
            else:
                self._call(interaction).release_talk(interaction.user.id)
            await interaction.edit_original_response(content=HEARD if pressed == PRESS_ID else DONE)
        except Exception as error:
            await answer_error(interaction, error)

    def _press(self, interaction: discord.Interaction) -> None:
        call = self._call(interaction)
        if not self._consents.consented(call.channel.guild.id, interaction.user.id):
            raise CallError(_UNHEARD)
        call.press_talk(interaction.user.id)

    def _call(self, interaction: discord.Interaction) -> Call:
        """Return the call of who talks. Raises CallError."""
        call = self._calls.get(interaction.guild_id or 0)
        if call is None:
            raise CallError("I am in no call here; /join begins one.")
        if interaction.user.id not in call.channel.voice_states:
            raise CallError(f"Join {call.channel.mention} first: that is where I listen.")
        if call.status().mode is not Mode.PUSH_TO_TALK:
            raise CallError(_JUST_TALK)
        return call
