"""The life of a Live session: goAway, handles, and what becomes of the context."""

import asyncio

from fault_row import Inject, Row, When
from fault_scene import Scene
from loopback import eventually

from bot.emulators.gemini.faults import Close, Effect, Forget, GoAway, Where
from bot.emulators.gemini.knobs import Call, ToolScript
from bot.emulators.gemini.wire import POLICY

IDLE, SPEAKING, ANSWERING = "Live, idle", "Live, in mid-sentence", "Live, in mid-answer"
MOVES = "moves to a new connection at the next idle moment, and resumes"
MOVES_NOW = "moves at once; what was said is heard again"
IN_TOOL = "not before the function is answered"
GOES_ON = "moves when no time is left; the answer is gone on with"
AFRESH = "the handle is dropped; a fresh session is told what was said before"


def goes_away(left_s: float, closes_after_s: float | None = None) -> Inject:
    """Return what has the server tell that it goes away."""

    async def inject(scene: Scene) -> None:
        scene.live.go_away(left_s, closes_after_s=closes_after_s)

    return inject


def goes_away_somehow(closes_after_s: float | None = None) -> Inject:
    """Return what has the server tell that it goes away, and not when; then close, or not."""

    async def inject(scene: Scene) -> None:
        live = scene.live
        live.inject({"goAway": {}})
        if closes_after_s is not None:
            await asyncio.sleep(closes_after_s)
            live.close(1001)

    return inject


async def goes_away_in_tool(scene: Scene) -> None:
    """Have the server go away, with time left, while a function runs."""
    scene.knobs.tool_calls.append(ToolScript((Call("look_closely", {"question": "what is it?"}, "g1"),)))
    scene.script(Where.TOOL_CALL, GoAway(30.0))


async def _answered_there(scene: Scene) -> None:
    """Hold that the function was answered over the connection that asked for it, which is left then."""
    asking = next(s for s in scene.gemini.sessions if any(r.call_id == "g1" for r in s.log.tool_results))
    await eventually(lambda: scene.live is not asking and scene.live.log.setup is not None, 10.0)
    results = [each.call_id for session in scene.gemini.sessions for each in session.log.tool_results]
    assert results.count("g1") == 1, f"answered: {results}"


def lost_with(where: Where, *effects: Effect) -> Inject:
    """Return what breaks the connection off, so that resuming meets these."""

    async def inject(scene: Scene) -> None:
        scene.script(where, *effects)
        scene.live.abort()

    return inject


def told_before(update: dict[str, object]) -> Inject:
    """Return what has the server tell something of the handle, and then go away."""

    async def inject(scene: Scene) -> None:
        before = len(scene.gemini.sessions)
        scene.live.inject({"sessionResumptionUpdate": update})
        scene.live.inject({"goAway": {"timeLeft": "0s"}})
        await eventually(lambda: len(scene.gemini.sessions) > before, 10.0)

    return inject


async def old_socket_open(scene: Scene) -> None:
    """Cut the connection so that the server takes it to be open for some time, and refuses with 1011."""
    scene.wire.cut(held_s=0.6)


async def _resumed(scene: Scene) -> None:
    assert scene.live.log.resumed, "the session was not resumed"


async def _afresh(scene: Scene) -> None:
    assert not scene.live.log.resumed, "the session was resumed"
    texts = [note.text for note in scene.live.log.notes if note.kind == "text"]
    assert any("They said" in text for text in texts), "it was not told what was said before"


def _row(id_: str, name: str, where: str, when: When, how: str, inject: Inject, **more: object) -> Row:
    return Row(f"live-{id_}", name, where, when, how, inject, **more)  # type: ignore[arg-type]


ROWS = [
    _row("goaway-idle", "goAway, 60 s left", IDLE, When.IDLE, MOVES, goes_away(60.0), check=_resumed),
    _row("goaway-short", "goAway, 6 s left", SPEAKING, When.SPEAKING, MOVES, goes_away(6.0)),
    _row("goaway-none", "goAway, no time left", SPEAKING, When.SPEAKING, MOVES_NOW, goes_away(0.0)),
    _row("goaway-answer", "goAway, no time left", ANSWERING, When.ANSWERING, GOES_ON, goes_away(0.0)),
    _row(
        "goaway-early",
        "goAway, 60 s left, closed after 0.3 s",
        SPEAKING,
        When.SPEAKING,
        "a new connection, which hears the sentence from its beginning",
        goes_away(60.0, 0.3),
    ),
    _row(
        "goaway-answer-early",
        "goAway, closed at once",
        ANSWERING,
        When.ANSWERING,
        GOES_ON,
        goes_away(60.0, 0.0),
    ),
    *(
        _row(
            f"goaway-{name}-early",
            f"goAway, {left_s:g} s left, closed after 0.1 s",
            where,
            when,
            "the new connection is on its way already, or made then",
            goes_away(left_s, 0.1),
        )
        for where, when in ((IDLE, When.IDLE), (SPEAKING, When.SPEAKING), (ANSWERING, When.ANSWERING))
        for name, left_s in ((f"short-{when.name.lower()}", 6.0), (f"none-{when.name.lower()}", 0.0))
    ),
    *(
        _row(
            f"goaway-untold{'-early' if closes_after_s is not None else ''}-{when.name.lower()}",
            "goAway that says no time" + (", closed after 0.1 s" if closes_after_s is not None else ""),
            where,
            when,
            how,
            goes_away_somehow(closes_after_s),
        )
        for where, when, how in (
            (IDLE, When.IDLE, MOVES),
            (SPEAKING, When.SPEAKING, MOVES_NOW),
            (ANSWERING, When.ANSWERING, GOES_ON),
        )
        for closes_after_s in (None, 0.1)
    ),
    _row(
        "goaway-short-answer",
        "goAway, 6 s left",
        ANSWERING,
        When.ANSWERING,
        "moves when the answer is over, or 5 s before the end",
        goes_away(6.0),
    ),
    _row(
        "goaway-tool",
        "goAway, 30 s left",
        "Live, in mid-tool",
        When.IDLE,
        IN_TOOL,
        goes_away_in_tool,
        check=_answered_there,
        fresh=True,
    ),
    _row(
        "not-resumable",
        "resumable: false, then goAway",
        IDLE,
        When.IDLE,
        AFRESH,
        told_before({"resumable": False}),
        check=_afresh,
    ),
    _row(
        "empty-handle",
        "an empty handle, then goAway",
        IDLE,
        When.IDLE,
        "the handle before is kept",
        told_before({"newHandle": "", "resumable": True}),
        check=_resumed,
    ),
    _row(
        "expired-handle",
        "an expired handle, then goAway",
        IDLE,
        When.IDLE,
        AFRESH,
        told_before({"newHandle": "expired", "resumable": True}),
        check=_afresh,
    ),
    _row(
        "refused-handle",
        "resuming is refused (1008)",
        SPEAKING,
        When.SPEAKING,
        AFRESH,
        lost_with(Where.RESUME, Close(POLICY)),
    ),
    _row(
        "old-socket",
        "close 1011: the old socket is open still",
        IDLE,
        When.IDLE,
        "tried again with the same handle, which then is taken",
        old_socket_open,
        server_s=0.6,
        check=_resumed,
    ),
    _row(
        "forgotten",
        "resumed, with the context lost",
        IDLE,
        When.IDLE,
        "goes on; what was said before is not known any more",
        lost_with(Where.RESUME, Forget()),
    ),
]
