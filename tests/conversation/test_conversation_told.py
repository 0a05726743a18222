"""What the model tells reaches everybody in a conversation, even if somebody fails over it."""

import asyncio

import pytest
from loopback import eventually

from bot.conversation.captions import NoCaptions
from bot.conversation.conversation import Conversation
from bot.conversation.options import CallOptions
from bot.conversation.people import People
from bot.conversation.toolbox import Result, Tool, ToolUse
from bot.live.client import make_client
from bot.live.events import LiveEvent, OutputTranscript, Searched, ToolCalled, WebPage
from bot.live.setup import LiveSetup
from bot.live.tools import FunctionSpec

CALLED = ToolCalled("call-1", "lamp", {}, connection=1)
SEARCHED = Searched(("tea",), (WebPage("https://a.example", "A"),))
SAID = OutputTranscript("Tea is a drink.")


class BrokenError(Exception):
    """A bug of whoever is told."""


class Sheet(NoCaptions):
    """Captions that fail over everything but words."""

    def __init__(self) -> None:
        self.words: list[LiveEvent] = []

    def told(self, event: LiveEvent, at: float, *, held: bool) -> None:
        """Keep what is said."""
        if not isinstance(event, OutputTranscript):
            raise BrokenError
        self.words.append(event)


async def lamp(_use: ToolUse) -> Result:
    return {"result": "it is on"}


def conversation(seen: list[LiveEvent], sheet: Sheet) -> Conversation:
    def on_live(event: LiveEvent) -> None:
        seen.append(event)
        raise BrokenError

    def on_searched(_searched: Searched) -> None:
        raise BrokenError

    return Conversation(
        make_client("none"),
        LiveSetup("gemini-3.8-live", "Kore", "Be kind."),
        CallOptions(),
        People(name_of={1: "Ada"}.get, present=lambda: {1}, own_name=lambda: "Earshot"),
        on_live,
        name="told",
        captions=sheet,
        tools=[Tool(FunctionSpec("lamp", ""), lamp)],
        on_searched=on_searched,
    )


async def test_who_fails_over_an_event_keeps_it_from_nobody_else() -> None:
    seen: list[LiveEvent] = []
    sheet = Sheet()
    talk = conversation(seen, sheet)
    for event in (CALLED, SEARCHED, SAID):
        with pytest.raises(BrokenError):  # for the log of the session, which tells it
            talk.live._on_event(event)
    assert seen == [CALLED, SEARCHED, SAID]
    assert sheet.words == [SAID]
    await eventually(lambda: talk.errands.toolbox.counters.run == 1)
    await asyncio.sleep(0)
    talk.close()
