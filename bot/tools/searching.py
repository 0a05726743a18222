"""Shows what the model searched the web for: Google's terms ask for each search as a link.

https://ai.google.dev/gemini-api/docs/google-search
"""

import time

from bot.conversation.call import Call
from bot.live.events import Searched
from bot.media.grounding import linked
from bot.tools.background import Background
from bot.tools.chat import Chat
from bot.tools.rate import Rate

MOST = 4  # posts of a call in a minute: a model that searches for every answer can't fill the chat


def show_search(call: Call, searched: Searched, chat: Chat, background: Background, rate: Rate) -> None:
    """Post the sources and searches of an answer to the chat of its call, unless too often; does not wait."""
    grounding = linked([(page.title, page.url) for page in searched.pages], searched.queries)
    if grounding is not None and rate.take(time.monotonic()):
        work = chat.show_sources(call, grounding)
        background.start(work, f"tools-sources-{call.channel.guild.id}")
