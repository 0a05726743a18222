"""The protocol core of the loopback Gemini: turns, interruptions, resumption and tools."""

import itertools
import json
from collections import deque

import pytest
from gemini_rig import MARKS, RATE, TRANSCRIPTS, Rig, buzz, drawn, live_with, quiet, result, tools

from bot.emulators.gemini.knobs import Call, Knobs, ToolScript
from bot.emulators.gemini.reply import Composed

# What a turn is, and what it is answered.


def test_a_turn_is_answered_with_what_was_measured() -> None:
    rig = Rig()
    rig.setup(**TRANSCRIPTS, systemInstruction={"parts": [{"text": "Be brief and kind."}]})
    rig.audio(buzz(2.0) + quiet(1.0))
    rig.run(30.0)
    assert rig.words() == (
        "I heard you for 2.0 seconds, in 1 stretch, at minus 15 decibels, with a pitch of 140 hertz. "
        "That was turn number 1. My instructions have 4 words."
    )
    assert rig.messages("inputTranscription") == [{"text": "[speech, 2.0 s, 140 Hz]"}]
    (turn,) = rig.core.log.turns
    assert turn.answer == rig.words()
    assert turn.spoken_bytes == len(rig.speech())
    assert rig.names()[0] == "setupComplete"
    assert rig.names()[-3:] == ["generationComplete", "turnComplete", "usageMetadata"]
    assert rig.core.log.pcm() == buzz(2.0) + quiet(1.0)


def test_an_answer_comes_faster_than_it_plays_and_ends_when_it_would_have_played() -> None:
    rig = Rig()
    rig.setup()
    rig.audio(buzz(2.0) + quiet(1.0))
    ended = rig.now
    rig.run(30.0)
    chunks = [(at, m) for at, m in rig.said if "modelTurn" in m.get("serverContent", {})]
    lengths = {len(m["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["data"]) for _, m in chunks}
    played_s = len(rig.speech()) / 48_000
    assert played_s > 5.0  # long enough to be interrupted
    assert chunks[0][0] == pytest.approx(ended + rig.knobs.think_s)
    assert (chunks[-1][0] - chunks[0][0]) < 0.5 * played_s
    assert len(lengths) > 5
    (done,) = [at for at, m in rig.said if m.get("serverContent", {}).get("turnComplete")]
    assert done == pytest.approx(chunks[0][0] + played_s)


def test_no_trailing_audio_no_answer() -> None:
    rig = Rig()
    rig.setup()
    rig.audio(buzz(2.0))
    rig.send({"realtime_input": {"audioStreamEnd": True}})  # ignored by this model
    rig.run(60.0)
    assert rig.names() == ["setupComplete"]
    rig.audio(quiet(0.9))
    rig.run(60.0)
    assert rig.messages("turnComplete") == [True]


def test_a_model_that_minds_the_end_of_the_audio_stream() -> None:
    rig = Rig(known=live_with(audio_stream_end=True))
    rig.setup()
    rig.audio(buzz(2.0))
    rig.send({"realtime_input": {"audioStreamEnd": True}})
    rig.run(60.0)
    assert rig.messages("turnComplete") == [True]


def test_marks_end_a_turn_without_silence() -> None:
    rig = Rig()
    rig.setup(**MARKS, **TRANSCRIPTS)
    rig.audio(buzz(0.5))  # belongs to no activity
    rig.mark("activityStart")
    rig.audio(buzz(1.5, hz=200.0))
    rig.run(60.0)
    assert rig.messages("modelTurn") == []
    rig.mark("activity_end")
    rig.run(60.0)
    assert "for 1.5 seconds" in rig.words()
    assert "pitch of 200 hertz" in rig.words()
    (turn,) = rig.core.log.turns
    assert (turn.start_sample, turn.end_sample, turn.marked) == (RATE // 2, 2 * RATE, True)


def test_a_marked_activity_without_speech_is_told_as_such() -> None:
    rig = Rig()
    rig.setup(**MARKS, **TRANSCRIPTS)
    rig.mark("activityStart")
    rig.mark("activityEnd")
    rig.run(60.0)
    assert rig.words().startswith("I heard no speech.")
    assert rig.messages("inputTranscription") == [{"text": "[no speech]"}]


def test_the_speaker_who_was_told_is_addressed() -> None:
    rig = Rig()
    rig.setup(**TRANSCRIPTS)
    rig.text("[Anna is speaking now.]", complete=False)
    rig.run(5.0)
    assert rig.messages("modelTurn") == []
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(60.0)
    assert rig.words().startswith("Anna, I heard you for 1.0 seconds")
    rig.text("[Bo is speaking now.]", complete=False)
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(60.0)
    assert [turn.speaker for turn in rig.core.log.turns] == ["Anna", "Bo"]
    assert rig.words().endswith("That was turn number 2.")


def test_text_is_counted_and_pictures_are_seen() -> None:
    rig = Rig()
    rig.setup(**TRANSCRIPTS)
    rig.picture(drawn("orange"))
    rig.text("One two three.", complete=False)
    rig.text("Four.", complete=True)
    rig.run(60.0)
    assert (
        rig.words()
        == "I read 4 words. I saw a picture of 64 by 48 pixels, mostly orange. That was turn number 1."
    )


def test_realtime_text_is_a_turn_unless_there_are_marks() -> None:
    rig = Rig()
    rig.setup(**TRANSCRIPTS)
    rig.send({"realtimeInput": {"text": "Hello there"}})
    rig.run(60.0)
    assert rig.words() == "I read 2 words. That was turn number 1."
    marked = Rig()
    marked.setup(**MARKS, **TRANSCRIPTS)
    marked.send({"realtimeInput": {"text": "Hello there"}})
    marked.run(60.0)
    assert marked.words() == ""


def test_the_context_is_billed_again_every_turn() -> None:
    rig = Rig()
    rig.setup()
    for _ in range(3):
        rig.audio(buzz(2.0) + quiet(2.0))
        rig.run(60.0)
    bills = rig.messages("usageMetadata")
    assert bills[0]["promptTokenCount"] == 100  # 4 s at 25 a second, silence too
    for before, after in itertools.pairwise(bills):
        grown = before["promptTokenCount"] + before["responseTokenCount"] + 100
        assert after["promptTokenCount"] == pytest.approx(grown, abs=1)
        assert after["totalTokenCount"] == after["promptTokenCount"] + after["responseTokenCount"]


def test_compression_bounds_the_context() -> None:
    rig = Rig()
    rig.setup(contextWindowCompression={"triggerTokens": "300", "slidingWindow": {"targetTokens": 150}})
    for _ in range(6):
        rig.audio(buzz(2.0) + quiet(2.0))
        rig.run(60.0)
    assert max(bill["promptTokenCount"] for bill in rig.messages("usageMetadata")) <= 400


# Interruption.


def test_speech_interrupts_an_answer_until_it_would_have_played() -> None:
    rig = Rig()
    rig.setup()
    rig.audio(buzz(2.0) + quiet(1.0))
    rig.run(5.0)  # all of it was sent by now, and more than half of it has not played
    assert rig.messages("generationComplete") == [True]
    assert rig.messages("turnComplete") == []
    rig.audio(buzz(0.1))
    assert rig.names()[-3:] == ["interrupted", "turnComplete", "usageMetadata"]
    rig.run(60.0)
    assert rig.messages("turnComplete") == [True]


def test_an_interrupted_answer_has_no_generation_complete_and_its_rest_is_dropped() -> None:
    rig = Rig()
    rig.setup(**MARKS)
    rig.mark("activityStart")
    rig.audio(buzz(2.0))
    rig.mark("activityEnd")
    rig.run(0.5)
    before = len(rig.speech())
    assert before > 0
    rig.mark("activityStart")
    rig.run(60.0)
    assert len(rig.speech()) == before
    assert rig.messages("generationComplete") == []
    assert rig.messages("interrupted") == rig.messages("turnComplete") == [True]
    assert rig.core.log.turns[0].interrupted_at is not None
    rig.audio(buzz(1.0))
    rig.mark("activityEnd")
    rig.run(60.0)
    assert rig.core.log.turns[1].ended_at is not None


def test_an_interruption_before_the_answer_is_composed_drops_it() -> None:
    rig = Rig()
    rig.setup(**MARKS)
    rig.mark("activityStart")
    rig.core.receive(json.dumps({"realtimeInput": {"activityEnd": {}}}), rig.now)
    rig.run(0.1, think=False)
    (thought,) = rig.thoughts
    rig.mark("activityStart")
    rig.core.composed(thought, Composed("late", b"\1\0" * 24_000, "", None), rig.now)
    rig.run(60.0)
    assert rig.speech() == b""
    assert rig.messages("interrupted") == [True]


def test_no_interruption_where_the_setup_says_so() -> None:
    rig = Rig()
    rig.setup(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"}, **TRANSCRIPTS)
    rig.audio(buzz(2.0) + quiet(1.0))
    rig.run(1.0)
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(60.0)
    assert rig.messages("interrupted") == []
    assert rig.messages("turnComplete") == [True, True]
    assert rig.words().endswith("That was turn number 2.")


def test_a_complete_text_turn_always_interrupts() -> None:
    rig = Rig()
    rig.setup(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"}, **TRANSCRIPTS)
    rig.audio(buzz(2.0) + quiet(1.0))
    rig.run(1.0)
    rig.text("Stop", complete=False)
    assert rig.messages("interrupted") == []
    rig.text("now", complete=True)
    assert rig.messages("interrupted") == [True]
    rig.run(60.0)
    assert rig.words().endswith("I read 2 words. That was turn number 2.")


# Resumption.


def test_a_session_is_resumed_with_what_it_knew() -> None:
    first = Rig()
    first.setup(sessionResumption={})
    first.text("[Anna is speaking now.]", complete=False)
    first.audio(buzz(1.0) + quiet(1.0))
    assert first.messages("sessionResumptionUpdate")[-1] == {"resumable": False}
    first.run(60.0)
    newest = first.messages("sessionResumptionUpdate")[-1]
    assert newest["resumable"] is True
    first.core.lost(1000)
    second = Rig(handles=first.handles, name="s2")
    second.setup(sessionResumption={"handle": newest["newHandle"]}, **TRANSCRIPTS)
    assert second.core.log.resumed
    second.audio(buzz(1.0) + quiet(1.0))
    second.run(60.0)
    assert second.words().startswith("Anna, I heard you")
    assert second.words().endswith("That was turn number 2.")
    bill = second.messages("usageMetadata")[0]
    assert bill["promptTokenCount"] > first.messages("usageMetadata")[0]["totalTokenCount"]


def test_no_resumption_while_the_old_connection_is_open() -> None:
    first = Rig()
    first.setup(sessionResumption={})
    handle = first.messages("sessionResumptionUpdate")[-1]["newHandle"]
    second = Rig(handles=first.handles, name="s2")
    second.setup(sessionResumption={"handle": handle})
    assert second.end == 1011
    first.core.close(1000)
    third = Rig(handles=first.handles, name="s3")
    third.setup(sessionResumption={"handle": handle})
    assert third.end is None


def test_a_handle_expires() -> None:
    first = Rig()
    first.setup(sessionResumption={})
    handle = first.messages("sessionResumptionUpdate")[-1]["newHandle"]
    first.core.lost(1000)
    second = Rig(handles=first.handles, name="s2")
    second.now += 3 * 3600
    second.setup(sessionResumption={"handle": handle})
    assert second.end == 1008


def test_a_connection_lives_for_its_time_and_says_so_before() -> None:
    rig = Rig(knobs=Knobs(connection_life_s=600.0, go_away_lead_s=50.0))
    rig.setup()
    rig.run(549.0)
    assert rig.messages("goAway") == []
    rig.run(2.0)
    assert rig.messages("goAway") == [{"timeLeft": "50s"}]
    assert rig.end is None
    rig.run(50.0)
    assert rig.end == 1001


# Tools.


def test_a_blocking_call_is_waited_for() -> None:
    rig = Rig(knobs=Knobs(tool_calls=deque([ToolScript((Call("look_up", {"a_b": "x"}), Call("look_up")))])))
    rig.setup(**TRANSCRIPTS, **tools("BLOCKING"))
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(30.0)
    ((first, second),) = [message["functionCalls"] for message in rig.messages("toolCall")]
    assert first["args"] == {"a_b": "x"}
    assert "args" not in second
    assert rig.messages("modelTurn") == []
    rig.send(result(first["id"]))
    rig.run(30.0)
    assert rig.messages("modelTurn") == []
    rig.send(result(second["id"]))
    rig.run(30.0)
    assert rig.words().count("look_up returned 14 characters.") == 2
    assert rig.messages("turnComplete") == [True]
    rig.send(result(second["id"]))
    assert rig.end == 1007  # nothing is asked any more


def test_a_call_that_does_not_block_is_answered_in_a_turn_of_its_own() -> None:
    rig = Rig(knobs=Knobs(tool_calls=deque([ToolScript((Call("look_up", {}, "c7"),))])))
    rig.setup(**TRANSCRIPTS, **tools("UNSPECIFIED"))
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(30.0)
    assert rig.messages("turnComplete") == [True]
    rig.send(result("c7"))
    rig.run(30.0)
    assert rig.words().endswith("look_up returned 14 characters. That was turn number 1.")
    assert rig.messages("turnComplete") == [True, True]


@pytest.mark.parametrize(("scheduling", "interrupted", "turns"), [("SILENT", 0, 1), ("INTERRUPT", 1, 2)])
def test_scheduling_of_aresult(scheduling: str, interrupted: int, turns: int) -> None:
    rig = Rig(knobs=Knobs(tool_calls=deque([ToolScript((Call("look_up", {}, "c7"),))])))
    rig.setup(**tools("NON_BLOCKING"))
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(1.0)
    rig.send(result("c7", scheduling))
    rig.run(60.0)
    assert len(rig.messages("interrupted")) == interrupted
    assert len(rig.messages("turnComplete")) == turns


def test_a_call_is_cancelled_after_a_while_and_its_late_result_is_ignored() -> None:
    script = ToolScript((Call("look_up", {}, "c7"),), cancel_after_s=2.0)
    rig = Rig(knobs=Knobs(tool_calls=deque([script])))
    rig.setup(**tools("BLOCKING"))
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(30.0)
    assert rig.messages("toolCallCancellation") == [{"ids": ["c7"]}]
    assert rig.messages("turnComplete") == [True]
    rig.send(result("c7"))
    assert rig.end is None


def test_an_interruption_cancels_what_the_model_waited_for() -> None:
    rig = Rig(knobs=Knobs(tool_calls=deque([ToolScript((Call("look_up", {}, "c7"),))])))
    rig.setup(**tools("BLOCKING"))
    rig.audio(buzz(1.0) + quiet(1.0))
    rig.run(1.0)
    rig.audio(buzz(0.2))
    assert rig.messages("toolCallCancellation") == [{"ids": ["c7"]}]
    assert rig.messages("interrupted") == [True]
