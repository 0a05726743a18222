"""Function calls that come strangely, or are given up."""

from fault_row import Inject, Row, When
from fault_scene import Scene

from bot.emulators.gemini.knobs import Call, ToolScript

WHERE = "Live, tools"
HERE = "who_is_here"


def calls(*made: Call, cancel_after_s: float | None = None) -> Inject:
    """Return what has the model make these calls in its next turn."""

    async def inject(scene: Scene) -> None:
        scene.knobs.tool_calls.append(ToolScript(made, cancel_after_s=cancel_after_s))

    return inject


def answered(*expected: str) -> Inject:
    """Return what holds that these calls were answered, in whatever order."""

    async def check(scene: Scene) -> None:
        results = sorted(result.call_id for result in scene.live.log.tool_results)[-len(expected) :]
        assert results == sorted(expected), f"answered: {results}"

    return check


async def unanswered(scene: Scene) -> None:
    """Hold that a call that was given up in time was not answered."""
    assert "gone" not in [result.call_id for result in scene.live.log.tool_results]


ROWS = [
    Row(
        "live-tools-parallel",
        "three calls at once",
        WHERE,
        When.IDLE,
        "run side by side, each answered",
        calls(Call(HERE, {}, "a1"), Call("list_timers", {}, "a2"), Call("recall", {"words": "x"}, "a3")),
        check=answered("a1", "a2", "a3"),
    ),
    Row(
        "live-tools-duplicate",
        "the same id twice",
        WHERE,
        When.IDLE,
        "run once, answered once",
        calls(Call(HERE, {}, "b1"), Call(HERE, {}, "b1")),
        check=answered("b1"),
    ),
    Row(
        "live-tools-missing",
        "arguments missing",
        WHERE,
        When.IDLE,
        "answered with what is missing",
        calls(Call("cancel_timer", None, "c1")),
        check=answered("c1"),
    ),
    Row(
        "live-tools-unknown",
        "an unknown function",
        WHERE,
        When.IDLE,
        "answered that there is none",
        calls(Call("make_coffee", {}, "d1")),
        check=answered("d1"),
    ),
    Row(
        "live-tools-cancelled-before",
        "cancelled in the same moment",
        WHERE,
        When.IDLE,
        "given up, not answered",
        calls(Call("look_closely", {"question": "what?"}, "gone"), cancel_after_s=0.0),
        check=unanswered,
    ),
    Row(
        "live-tools-cancelled-during",
        "cancelled while it runs",
        WHERE,
        When.IDLE,
        "given up",
        calls(Call("search_in_vain", {}, "e1"), Call(HERE, {}, "e2"), cancel_after_s=0.01),
    ),
    Row(
        "live-tools-cancelled-after",
        "cancelled after its result",
        WHERE,
        When.IDLE,
        "passed over",
        calls(Call(HERE, {}, "f1"), cancel_after_s=0.5),
        check=answered("f1"),
    ),
]
