"""An event loop that has too much to do: captions wait first, then pictures; sound goes on."""

import asyncio
import io
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from fault_row import Row, When
from fault_scenarios import one_more
from fault_scene import SENTENCE, Scene
from loopback import people_turns
from PIL import Image
from rows_storage import database
from voice_acts import held

from bot.conversation.overload import CAPTIONS_S, PICTURES_S, STILL_S
from bot.emulators.discord.model import Upload

BLOCKED_S, FREE_S = 0.3, 0.2
SPELL_S = STILL_S + 1.0  # by then all waits that may
LATE_S = 2 * (BLOCKED_S + 0.5)  # an answer passes the loop, which is the person's and the model's too, often
ANSWER_S = 3.0  # of an answer, with which captions would change twice or more
LATE_TICKS = 30  # of 150: were the answer sent by the loop, over half of them would be late
GO_ON_S = CAPTIONS_S + 20.0  # a machine that plays other rows meanwhile is late by itself


@asynccontextmanager
async def blocked() -> AsyncIterator[None]:
    """Have the loop blocked again and again: of half a second it has 0.2 s for its work."""

    async def block() -> None:
        while True:
            time.sleep(BLOCKED_S)  # noqa: ASYNC251 - the fault
            await asyncio.sleep(FREE_S)

    task = asyncio.create_task(block(), name="fault-block")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _edits(scene: Scene, since: float) -> int:
    """Return how many messages of the bot were changed since."""
    return sum(
        e.fields["method"] == "PATCH" and e.at > since and "/channels/" in e.fields["path"]
        for e in scene.discord.trace.of("rest")
    )


async def _ask(scene: Scene, row: Row) -> None:
    silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    assert silence_s - scene.baseline_s < LATE_S, f"the answer came {silence_s:.1f} s after its question"


async def captions_wait(scene: Scene, row: Row) -> None:
    """Ask something while the loop is late: it is answered, and stored; captions are changed later."""
    await scene.ready()
    busy, late = await scene.bot.count("loop_late"), await scene.bot.count("ticks_late")
    kept = _kept()
    async with blocked():
        await asyncio.sleep(2 * (BLOCKED_S + FREE_S))
        since = time.monotonic()
        scene.knobs.stream_speed, scene.knobs.playback_speed = 1.2, 1.0  # words are written as they are said
        await _ask(scene, row)
        await asyncio.sleep(ANSWER_S)
        edits = _edits(scene, since)
        scene.knobs.stream_speed = scene.knobs.playback_speed = 20.0
        await scene.idle()
    assert await scene.bot.count("captions_shed") > 0
    assert await scene.bot.count("loop_late") > busy + 2
    assert await scene.bot.count("ticks_late") - late <= LATE_TICKS, "sound was late"
    assert edits <= 1, f"{edits} captions were changed: more than the sentence, which stays as it is"
    await held(lambda: _kept() > kept, 8.0, "what was said is not stored")
    answered = " ".join(people_turns(scene.gemini)[-1].answer.split()[-4:])
    await held(lambda: answered in _captions(scene), GO_ON_S, "the captions lack the end of the answer")
    await one_more(scene)


def _captions(scene: Scene) -> str:
    messages = scene.world.messages(scene.world.voice_channels[0].id)
    text = "\n".join(message.text for message in messages if message.author.id == scene.world.bot.id)
    return re.sub(r"\s+", " ", re.sub(r"[*_\\`]", "", text))


def _kept() -> int:
    with closing(sqlite3.connect(database(), timeout=5.0)) as plain:
        return int(plain.execute("SELECT count(*) FROM utterances").fetchone()[0])


async def pictures_wait(scene: Scene, row: Row) -> None:
    """Show a picture while the loop stays late: it is seen later; what is said meanwhile is answered."""
    await scene.ready()
    seen = _pictures(scene)
    async with blocked():
        await asyncio.sleep(SPELL_S)
        scene.ada.run_command(scene.world.text.id, "look", file=_picture())
        await _ask(scene, row)
        await scene.idle()
        assert _pictures(scene) == seen, "the picture was shown while the loop was late"
        assert await scene.bot.count("pictures_shed") > 0
    await held(lambda: _pictures(scene) == seen + 1, PICTURES_S + 5.0, "the picture was not seen afterwards")
    await one_more(scene)


def _pictures(scene: Scene) -> int:
    return sum(len(session.log.pictures) for session in scene.gemini.sessions)


def _picture() -> Upload:
    out = io.BytesIO()
    Image.new("RGB", (320, 200), "orange").save(out, "PNG")
    return Upload("orange.png", out.getvalue())


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


ROWS = [
    Row(
        "voice-overload-captions",
        "the loop blocked for 0.3 s, again and again",
        "Event loop",
        When.IDLE,
        "captions wait until 5 s after the last lateness; sound does not",
        nothing,
        scenario=captions_wait,
    ),
    Row(
        "voice-overload-pictures",
        "the loop stays late without captions",
        "Event loop",
        When.IDLE,
        "pictures wait, too, until 2 s after",
        nothing,
        scenario=pictures_wait,
    ),
]
