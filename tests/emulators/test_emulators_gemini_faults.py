"""Every fault of the loopback Gemini hits where the script says, and nowhere else."""

import base64
from collections import deque
from typing import Any

import pytest
from gemini_rig import TRANSCRIPTS, Rig, buzz, drawn, quiet, result, tools

from bot.emulators.gemini.faults import (
    Abort,
    Close,
    Deform,
    Deformation,
    Effect,
    Fault,
    Forget,
    GoAway,
    Interrupt,
    Late,
    LateAudio,
    Mute,
    Send,
    Stall,
    Status,
    Where,
)
from bot.emulators.gemini.knobs import Call, Knobs, ToolScript


def _faulty(*faults: Fault, **setup: Any) -> Rig:
    rig = Rig(knobs=Knobs(faults=list(faults)))
    rig.setup(**TRANSCRIPTS, **setup)
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(60.0)
    return rig


@pytest.mark.parametrize("where", [w for w in Where if w not in (Where.UPGRADE, Where.RESUME)])
@pytest.mark.parametrize("effect", [Close(1011, "boom"), Abort(), Mute()])
def test_an_end_at_every_place(where: Where, effect: Effect) -> None:
    fault = Fault(where, effect)
    calls = deque([ToolScript((Call("look_up", {}, "c7"),))])
    rig = Rig(knobs=Knobs(faults=[fault], tool_calls=calls))
    rig.setup(sessionResumption={}, **tools("BLOCKING"))
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.picture(drawn("red"))
    rig.run(1.0)
    if rig.messages("toolCall"):
        rig.send(result("c7"))
    rig.run(1.0)
    if where is Where.INTERRUPTED:
        rig.audio(buzz(0.5))
    rig.run(60.0)
    assert fault.hits == 1
    said = len(rig.said)
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(60.0)
    assert len(rig.said) == said
    assert rig.end == (1011 if isinstance(effect, Close) else None)
    assert len(rig.ends) == (0 if isinstance(effect, Mute) else 1)
    assert rig.core.deadline() is None
    rig.core.inject({"serverContent": {}})
    rig.core.close(1001)
    rig.run(0.0)
    assert len(rig.ends) == 1
    assert len(rig.said) == said


@pytest.mark.parametrize("effect", [Close(1011), Abort(), Mute()])
def test_nothing_is_heard_from_the_end_on(effect: Effect) -> None:
    rig = Rig(knobs=Knobs(faults=[Fault(Where.AUDIO_IN, effect)]))
    rig.setup()
    blob = {"data": "AAAA" * 400, "mimeType": "audio/pcm"}
    rig.send({"realtimeInput": {"audio": blob, "text": "more"}})
    rig.audio(buzz(1.0) + quiet(1.0))
    assert not rig.core.log.heard
    assert not rig.core.log.notes


def test_a_fault_spares_then_hits_then_spares() -> None:
    fault = Fault(Where.CHUNK, Send({"serverContent": {"interrupted": True}}), times=2, skip=3)
    rig = _faulty(fault)
    kinds = [next(iter(m["serverContent"])) for _, m in rig.said if "serverContent" in m]
    audio = [kind for kind in kinds if kind in ("modelTurn", "interrupted")]
    assert audio[:6] == ["modelTurn", "modelTurn", "modelTurn", "interrupted", "modelTurn", "interrupted"]
    assert audio.count("interrupted") == 2
    assert fault.hits == 2


def test_setup_complete_may_come_late_or_never() -> None:
    rig = Rig(knobs=Knobs(faults=[Fault(Where.SETUP, Late(5.0))]))
    rig.setup()
    rig.run(4.9)
    assert rig.said == []
    rig.run(0.2)
    assert rig.messages("setupComplete") == [{}]
    assert _faulty(Fault(Where.SETUP, Stall())).messages("setupComplete") == []


def test_a_stalled_turn_is_never_answered_and_the_next_one_is() -> None:
    rig = _faulty(Fault(Where.TURN, Stall()))
    assert rig.messages("turnComplete") == []
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(60.0)
    assert rig.messages("turnComplete") == [True]


def test_an_empty_turn() -> None:
    empty = Send({"serverContent": {"turnComplete": True}})
    rig = _faulty(Fault(Where.TURN, empty), Fault(Where.TURN, Stall()))
    assert rig.names() == ["setupComplete", "turnComplete"]


def test_a_late_answer() -> None:
    rig = Rig(knobs=Knobs(faults=[Fault(Where.TURN, Late(7.0))]))
    rig.setup()
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(7.1)
    assert rig.speech() == b""
    rig.run(0.2)
    assert rig.speech() != b""


def test_an_interruption_by_nobody() -> None:
    rig = _faulty(Fault(Where.CHUNK, Interrupt(), skip=2))
    assert rig.messages("interrupted") == rig.messages("turnComplete") == [True]
    assert len(rig.messages("modelTurn")) == 2


def test_audio_after_interrupted() -> None:
    rig = Rig(knobs=Knobs(faults=[Fault(Where.INTERRUPTED, LateAudio(2))]))
    rig.setup()
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(0.5)
    rig.audio(buzz(0.2))
    kinds = [next(iter(m["serverContent"])) for _, m in rig.said if "serverContent" in m]
    assert kinds[-4:] == ["interrupted", "modelTurn", "modelTurn", "turnComplete"]


def test_go_away_without_time_and_without_end() -> None:
    rig = _faulty(Fault(Where.READY, GoAway(0.0)))
    assert rig.messages("goAway") == [{"timeLeft": "0s"}]
    assert rig.end is None
    assert _faulty(Fault(Where.READY, GoAway(5.0, 1.0))).end == 1001


def test_raw_frames_and_refused_handles() -> None:
    rig = _faulty(Fault(Where.READY, Send("{bad")), sessionResumption={})
    assert rig.raw == ["{bad"]
    handle = rig.messages("sessionResumptionUpdate")[-1]["newHandle"]
    rig.core.lost(1000)
    second = Rig(
        handles=rig.handles, name="s2", knobs=Knobs(faults=[Fault(Where.RESUME, Close(1008, "gone"))])
    )
    second.setup(sessionResumption={"handle": handle})
    assert second.end == 1008
    third = Rig(handles=rig.handles, name="s3", knobs=Knobs(faults=[Fault(Where.RESUME, Forget())]))
    third.setup(sessionResumption={"handle": handle}, **TRANSCRIPTS)
    third.audio(buzz(1.0) + quiet(1.0))
    third.run(60.0)
    assert "turn number 1" in third.words()


def test_deformed_answers() -> None:
    plain = _faulty()
    rigs = {how: _faulty(Fault(Where.TURN, Deform(how))) for how in Deformation}
    for how, rig in rigs.items():
        repeated = 2 if how is Deformation.TWICE else 1
        assert rig.speech() == plain.speech() * repeated, how
        assert rig.messages("turnComplete") == [True], how
    parts = [turn["parts"] for turn in rigs[Deformation.ODD_PCM].messages("modelTurn")]
    assert len(base64.b64decode(parts[0][0]["inlineData"]["data"])) % 2 == 1
    parts = [turn["parts"] for turn in rigs[Deformation.NO_RATE].messages("modelTurn")]
    assert {part[0]["inlineData"]["mimeType"] for part in parts} == {"audio/pcm"}
    assert len(rigs[Deformation.SEVERAL_PARTS].messages("modelTurn")[0]["parts"]) == 2
    several = [m["serverContent"] for _, m in rigs[Deformation.SEVERAL_FIELDS].said if "serverContent" in m]
    assert any({"modelTurn", "outputTranscription"} <= set(content) for content in several)
    assert rigs[Deformation.NO_GENERATION_COMPLETE].messages("generationComplete") == []
    late = rigs[Deformation.TRANSCRIPTS_LATE]
    assert late.words() == plain.words()
    assert late.names()[-4:] == ["generationComplete", "outputTranscription", "turnComplete", "usageMetadata"]
    doubled = rigs[Deformation.TRANSCRIPTS_DOUBLED].messages("outputTranscription")
    assert doubled[0] == doubled[1]
    reordered = rigs[Deformation.TRANSCRIPTS_REORDERED]
    assert sorted(reordered.words().split()) == sorted(plain.words().split())
    assert reordered.words() != plain.words()


@pytest.mark.parametrize(
    ("where", "effect"),
    [
        (Where.CHUNK, Status(500)),
        (Where.READY, Forget()),
        (Where.UPGRADE, Close(1011)),
        (Where.CHUNK, Late(1.0)),
    ],
)
def test_a_fault_that_nobody_would_mind_is_refused(where: Where, effect: Effect) -> None:
    with pytest.raises(ValueError, match="can't be at"):
        Fault(where, effect)
