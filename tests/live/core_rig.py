"""The core of a session as tests play it: no clock, no socket."""

import random
from typing import Any

from google.genai import types

from bot.live.core import LiveCore
from bot.live.failures import Failure, Verdict
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item
from bot.live.setup import LiveSetup
from bot.live.states import LiveState

RETRY = Failure(Verdict.RETRY, "Broke off.")
LATER = Failure(Verdict.LATER, "Busy.")
NEVER = Failure(Verdict.NEVER, "Refused.")
UNREACHABLE = Failure(Verdict.RETRY, "No network.", setup_read=False)
PCM = b"\x01\x00" * 320
SPOKEN: list[Item] = [ActivityStart(), Audio(PCM, 0.0, 1), ActivityEnd()]


def core(turns: Any = "marks", *, seed: int = 1, **fields: Any) -> LiveCore:
    given = {"model": "gemini-3.8-live", "voice": "Kore", "system_instruction": "Be kind.", "turns": turns}
    setup = LiveSetup(**given | fields)
    made = LiveCore(setup, random.Random(seed), name="live-test")
    made.start()
    return made


def ready(turns: Any = "marks", at: float = 0.0, handle: str | None = None, **fields: Any) -> LiveCore:
    made = core(turns, **fields)
    made.attempt()
    made.connected(at)
    if handle is not None:
        tell(made, at, sessionResumptionUpdate={"newHandle": handle, "resumable": True})
    return made


def message(**fields: Any) -> types.LiveServerMessage:
    return types.LiveServerMessage.model_validate(fields)


def tell(made: LiveCore, at: float, number: int | None = None, **fields: Any) -> list[Any]:
    return made.message(made._attempt.number if number is None else number, message(**fields), at)


def tell_content(made: LiveCore, at: float, **fields: Any) -> list[Any]:
    """Tell a part of an answer."""
    return tell(made, at, serverContent=fields)


def audio() -> dict[str, Any]:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}
    return {"modelTurn": {"parts": [{"inlineData": blob}]}}


def send_all(made: LiveCore, at: float) -> list[Any]:
    items = []
    while (outgoing := made.next(at)) is not None:
        items.append(outgoing.item)
    return items


def ask(made: LiveCore, at: float) -> None:
    """Say a turn, and have all of it sent."""
    for item in SPOKEN:
        made.say(item)
    send_all(made, at)


def lose(made: LiveCore, at: float, failure: Failure = RETRY) -> list[Any]:
    return made.failed(made._attempt.number, failure, at)


def again(made: LiveCore) -> float:
    """Go through the wait to the next attempt; return when it is due."""
    due = made.deadline()
    assert due is not None
    made.poll(due)
    assert made.state is LiveState.CONNECTING
    return due
