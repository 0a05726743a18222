"""Function calls that come strangely, or are given up."""

from fault_row import Inject, Row, When
from fault_scenarios import one_more
from fault_scene import MEDIA, SENTENCE, Scene
from loopback import eventually

from bot.emulators.discord.model import Upload
from bot.emulators.gemini.faults import Late
from bot.emulators.gemini.knobs import Call, ToolScript
from bot.emulators.gemini.rest_faults import RestFault, RestWhere

WHERE = "Live, tools"
HERE = "who_is_here"
CAT = Upload("cat.png", (MEDIA / "photo-cat.png").read_bytes())
PATIENCE_S = 10.0


def calls(*made: Call, cancel_after_s: float | None = None) -> Inject:
    """Return what has the model make these calls in its next turn."""

    async def inject(scene: Scene) -> None:
        scene.knobs.tool_calls.append(ToolScript(made, cancel_after_s=cancel_after_s))

    return inject


def answered(*expected: str) -> Inject:
    """Return what holds that these calls were answered, once each, in whatever order."""

    async def check(scene: Scene) -> None:
        results = [each.call_id for session in scene.gemini.sessions for each in session.log.tool_results]
        found = sorted(each for each in results if each in expected)
        assert found == sorted(set(expected)), f"answered: {found}"

    return check


async def all_told(scene: Scene, row: Row) -> None:
    """Hear what came of each function before the next sentence: this model tells it in turns of their own."""
    await scene.ready()
    await row.inject(scene)
    (script,) = scene.knobs.tool_calls
    ids = {call.call_id for call in script.calls if isinstance(call, Call)}
    silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    log = scene.live.log
    await eventually(lambda: ids <= {each.call_id for each in log.tool_results}, PATIENCE_S)
    await eventually(lambda: all(turn.ended_at is not None for turn in log.turns), PATIENCE_S)
    await one_more(scene)
    await row.check(scene)


async def unanswered(scene: Scene) -> None:
    """Hold that a call that was given up in time was not answered."""
    assert "gone" not in [result.call_id for result in scene.live.log.tool_results]


async def cancelled_at_work(scene: Scene) -> None:
    """Have a picture looked at, which takes its time, and give that up."""
    shown = scene.ada.run_command(scene.world.text.id, "look", file=CAT)
    await shown.response(within_s=PATIENCE_S)
    scene.knobs.rest.faults.append(RestFault(RestWhere.GENERATE, Late(PATIENCE_S)))
    await calls(Call("look_closely", {"question": "what?"}, "e1"), cancel_after_s=1.5)(scene)


async def stopped(scene: Scene) -> None:
    """Hold that it had begun, was stopped and was not answered."""
    assert scene.knobs.rest.faults[-1].hits, "the picture was not looked at"
    assert await scene.bot.count("tools_cancelled") > 0, "it was not stopped"
    assert "e1" not in [result.call_id for result in scene.live.log.tool_results]


ROWS = [
    Row(
        "live-tools-parallel",
        "three calls at once",
        WHERE,
        When.IDLE,
        "run side by side, each answered",
        calls(Call(HERE, {}, "a1"), Call("list_timers", {}, "a2"), Call("recall", {"words": "x"}, "a3")),
        check=answered("a1", "a2", "a3"),
        scenario=all_told,
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
        "stopped, and not answered",
        cancelled_at_work,
        check=stopped,
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
