"""The Live connection ends: by each close code, and by a reset, at each moment."""

from fault_row import Inject, Row, When
from fault_scene import Scene

from bot.emulators.gemini.faults import Abort, Close, Effect, Where
from bot.emulators.gemini.knobs import Call, ToolScript

CODES = (1000, 1001, 1006, 1007, 1008, 1011)
HOW = {
    When.IDLE: "a new connection within 0.25 s, which resumes the session",
    When.SPEAKING: "a new connection within 0.25 s, which hears the sentence from its beginning",
    When.ANSWERING: "a new connection within 0.25 s, which is asked to go on with the answer",
}
TOOL = "a new connection, which hears the sentence again and asks for the function anew"
OTHER = "the next Live model takes over, told what was said before"
WHERE = {
    When.IDLE: "Live, idle",
    When.SPEAKING: "Live, in mid-sentence",
    When.ANSWERING: "Live, in mid-answer",
}


def _effect(code: int) -> Effect:
    return Abort() if code == 1006 else Close(code)


def _name(code: int) -> str:
    return "TCP reset (1006)" if code == 1006 else f"close {code}"


def _row(code: int, when: When) -> Row:
    async def inject(scene: Scene) -> None:
        if code == 1006:
            scene.live.abort()
        else:
            scene.live.close(code)

    how = OTHER if code in (1007, 1008) else HOW[when]
    return Row(
        f"live-{code}-{when.name.lower()}", _name(code), WHERE[when], when, how, inject, fresh=how is OTHER
    )


def _in_tool(code: int, where: Where) -> Inject:
    async def inject(scene: Scene) -> None:
        scene.knobs.tool_calls.extend(ToolScript((Call("who_is_here", {}),)) for _ in range(2))
        scene.script(where, _effect(code))

    return inject


async def _asked_anew(scene: Scene) -> None:
    assert not scene.knobs.tool_calls, "the function was not asked for anew"
    assert scene.live.log.tool_results, "the second call was not answered"


ROWS = [
    *(_row(code, when) for when in WHERE for code in CODES),
    *(
        Row(
            f"live-{code}-tool",
            _name(code),
            "Live, in mid-tool",
            When.IDLE,
            f"{OTHER}; it asks for the function anew" if code in (1007, 1008) else TOOL,
            _in_tool(code, Where.TOOL_RESULT),
            check=_asked_anew,
            fresh=code in (1007, 1008),
        )
        for code in CODES
    ),
]
