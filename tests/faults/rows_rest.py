"""Requests by REST go wrong while a call goes on: /describe answers all the same."""

import time
from unittest import mock

from fault_row import Row, When
from fault_scenarios import one_more
from fault_scene import MEDIA, Scene
from loopback import eventually

from bot.emulators.discord.model import Message, Upload
from bot.emulators.gemini.faults import Abort, Stall
from bot.emulators.gemini.rest_faults import Cut, Refuse, RestEffect, RestFault, RestWhere
from bot.media import answering

PATIENCE_S = 30.0
HANG_S = 2.0  # in place of a minute: so long a stream may hang between two words
CAT = Upload("cat.png", (MEDIA / "photo-cat.png").read_bytes())


async def nothing(_scene: Scene) -> None:
    """Inject nothing by hand: the scenario does."""


def _words(message: Message) -> str:
    """Return all that stands in a message, in its components too."""

    def texts(components: object) -> list[str]:
        found = []
        for each in components if isinstance(components, list) else []:
            found += [str(each["content"])] if "content" in each else []
            found += texts(each.get("components"))
        return found

    return "\n".join([message.text, *texts(message.components)])


async def _described(scene: Scene) -> float:
    """Have a picture described, and return how long that took; its size shows that the bytes arrived."""
    began = time.monotonic()
    asked = scene.ada.run_command(scene.world.text.id, "describe", image1=CAT)
    message = await asked.response(within_s=PATIENCE_S)
    try:
        await eventually(lambda: "451" in _words(message) and "300" in _words(message), PATIENCE_S)
    except TimeoutError:
        raise AssertionError(f"/describe said {_words(message)!r}") from None
    return time.monotonic() - began


def _row(
    id_: str, name: str, recovers: str, where: RestWhere, effect: RestEffect, *, server_s: float = 0.0
) -> Row:
    async def describe(scene: Scene, row: Row) -> None:
        await scene.ready()
        usual_s = await _described(scene)
        scene.stand()
        scene.knobs.rest.faults.append(RestFault(where, effect))
        with (
            mock.patch.object(answering, "NEXT_WORDS_S", HANG_S),
            mock.patch.object(answering, "FIRST_WORDS_S", HANG_S),
        ):
            took_s = await _described(scene)
        assert all(each.hits for each in scene.knobs.rest.faults), "the fault did not happen"
        scene.outcome.silence_ms = 1000 * max(0.0, took_s - usual_s - row.server_s)
        await one_more(scene)

    return Row(
        id_, name, "REST, /describe", When.IDLE, recovers, nothing, server_s=server_s, scenario=describe
    )


ROWS = [
    _row(
        "rest-429",
        "429 with retryDelay 2 s",
        "tried again after that",
        RestWhere.GENERATE,
        Refuse(429, 2.0),
        server_s=2.0,
    ),
    _row("rest-503", "503", "tried again after 1 s", RestWhere.GENERATE, Refuse(503)),
    _row("rest-reset", "TCP reset in the stream", "asked again", RestWhere.CHUNK, Abort()),
    _row("rest-cut", "the stream ends too early", "asked again", RestWhere.CHUNK, Cut()),
    _row(
        "rest-hang",
        "the stream hangs",
        "given up after 1 min (here 2 s), asked again",
        RestWhere.CHUNK,
        Stall(),
        server_s=HANG_S,
    ),
]
