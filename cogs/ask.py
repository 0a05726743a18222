"""The front door of any question: /ask and the app Ask, each with a modal."""

import re

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import EarshotError
from bot.media.request import MAX_SOURCES, MediaRequest
from bot.media.tasks.ask import Ask
from cogs.answer import Answers
from cogs.ask_follow import following
from cogs.ask_targets import Targets
from cogs.ask_words import answer_in, readable, words_of
from cogs.errors import answer_error
from cogs.media_request import CONTEXTS, INSTALLS, anywhere, attached, request_of
from cogs.modal_fields import FILES, QUESTION, QuestionModal, files_of, question_after, text_of

# A modal carries what it is about in its custom id, since it may be submitted after a restart: the tools of a
# new question, or the message or the answer that the question is about. Fixed for ever.
_SEARCH, _CODE = "s", "c"
_CUSTOM_ID = re.compile(r"earshot:ask:(?P<about>new|message|answer):(?P<what>\w*)")

# Title and example of a new question, by whether the web is searched and whether code is run.
_NEW = {
    (False, False): ("Ask anything", "What does this contract say about notice? Where is the bug in this?"),
    (True, False): ("Ask, with a web search", "What changed in the newest release of Python?"),
    (False, True): ("Ask, with code that is run", "How did these sales develop by month? Draw a plot."),
    (True, True): ("Ask, with web search and code", "What did oil cost in each of the last 12 months?"),
}

_UNREADABLE = "There is no text and no file in that message: use Ask on one that has some, or use /ask."
_NO_QUESTION = "There is no question in that: use /ask again, and write one."


class Questions(commands.Cog):
    """Asks people for a question and files, and has it answered."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._targets = Targets()
        # A cog can't hold a context menu as a method: who builds the client adds it to the tree.
        self.menus = [
            app_commands.ContextMenu(
                name="Ask",
                callback=self._ask_about,
                allowed_installs=INSTALLS,
                allowed_contexts=CONTEXTS,
            )
        ]

    @app_commands.command(description="Ask anything, with up to 10 files: a form for both opens.")
    @app_commands.describe(
        search="Search the web, and name the sources.",
        code="Let the model run code: it calculates, and draws plots.",
    )
    @anywhere
    async def ask(self, interaction: discord.Interaction, search: bool = False, code: bool = False) -> None:
        """Open the modal for a question."""
        await interaction.response.send_modal(_new_question(search=search, code=code))

    async def _ask_about(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the modal for a question about a message."""
        answer_id = answer_in(message, interaction.application_id)
        if answer_id is not None:
            await interaction.response.send_modal(question_after(answer_id))
            return
        if not readable(message):
            raise EarshotError(_UNREADABLE)
        self._targets.keep(interaction.user.id, message)
        await interaction.response.send_modal(_question_about(message))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the modals, also those that were opened before a restart."""
        if interaction.type is not discord.InteractionType.modal_submit or interaction.data is None:
            return
        submitted = _CUSTOM_ID.fullmatch(str(interaction.data.get("custom_id")))
        if submitted is None:
            return
        try:
            # What only one person sees is gone on with before their eyes alone.
            alone = interaction.message is not None and interaction.message.flags.ephemeral
            await interaction.response.defer(ephemeral=alone, thinking=True)
            request = await self._request(interaction, submitted["about"], submitted["what"])
            await self._answers.give(interaction, request)
        except Exception as error:
            await answer_error(interaction, error)

    async def _request(self, interaction: discord.Interaction, about: str, what: str) -> MediaRequest:
        question, files = text_of(interaction, QUESTION), files_of(interaction, FILES)
        if about == "message":
            message = await self._targets.find(interaction, int(what))
            posted = attached(message)
            task = Ask(question, quoted=words_of(message), quoted_files=len(posted))
            return request_of(interaction, [*posted, *files], task, about=question, message=message)
        if not (question or files):
            raise EarshotError(_NO_QUESTION)
        task = Ask(question, searching=_SEARCH in what, computing=_CODE in what)
        request = request_of(interaction, files, task, about=question)
        return request if about == "new" else await following(self._answers, what, request, question)


def _new_question(*, search: bool, code: bool) -> QuestionModal:
    title, example = _NEW[search, code]
    return QuestionModal(
        "earshot:ask:new:" + _SEARCH * search + _CODE * code,
        title,
        label="Your question",
        placeholder=example,
        files_label="Files that it is about",
    )


def _question_about(message: discord.Message) -> QuestionModal:
    return QuestionModal(
        f"earshot:ask:message:{message.id}",
        "Ask about this message",
        label="Your question",
        placeholder="Is this true? What does the picture show? Explain it as to a beginner.",
        files_label="Files to look at along with it",
        max_files=MAX_SOURCES - len(attached(message)),
    )
