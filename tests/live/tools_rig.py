"""Questions, function calls, their results and answers, as tests play them to the core of a session."""

from typing import Any

from core_rig import PCM, again, audio, lose, send_all, tell

from bot.live.core import LiveCore
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, ToolResult

FIRST: list[Item] = [ActivityStart(), Audio(PCM, 1.0, 1), ActivityEnd()]
SECOND: list[Item] = [ActivityStart(), Audio(PCM, 2.0, 1), Audio(PCM, 2.1, 1), ActivityEnd()]


def say(made: LiveCore, items: list[Item], at: float) -> None:
    for item in items:
        made.say(item)
    send_all(made, at)


def called(made: LiveCore, at: float, *ids: str) -> list[Any]:
    return tell(made, at, toolCall={"functionCalls": [{"id": each, "name": "lamp"} for each in ids]})


def resolve(made: LiveCore, calls: list[Any], at: float, *, silent: bool = False) -> None:
    for call in calls:
        assert made.result(call.connection, ToolResult(call.id, call.name, {"result": "on"}, silent))
    send_all(made, at)


def reconnect(made: LiveCore, at: float) -> list[Any]:
    lose(made, at)
    due = again(made)
    made.attempt()
    made.connected(due)
    return send_all(made, due)


def answer(made: LiveCore, at: float) -> None:
    """Begin an answer, or go on with it."""
    tell(made, at, serverContent=audio())


def end_turn(made: LiveCore, at: float) -> None:
    tell(made, at, serverContent={"turnComplete": True})


def interrupt(made: LiveCore, at: float) -> None:
    tell(made, at, serverContent={"interrupted": True})
    end_turn(made, at)


def answer_whole(made: LiveCore, at: float) -> None:
    """Give an answer of half a second."""
    answer(made, at)
    tell(made, at + 0.4, serverContent={"generationComplete": True})
    end_turn(made, at + 0.5)
