"""What a Live model of the loopback Gemini does besides speaking: search, calls by rule, what tools said."""

from collections import deque
from typing import Any

import pytest
from gemini_rig import FUNCTION, MARKS, TRANSCRIPTS, Rig, buzz, drawn, quiet, tools

from bot.emulators.gemini.faults import Deform, Deformation, Fault, Where
from bot.emulators.gemini.knobs import Call, Knobs, Search, ToolRule, ToolScript
from bot.emulators.gemini.rest_grounding import SOURCES

SPEECH = buzz(1.0) + quiet(1.0)
SEARCHES: dict[str, Any] = {"tools": [{"googleSearch": {}}]}
TIMER = {
    "name": "start_timer",
    "description": "Start a timer.",
    "parameters_json_schema": {"type": "object", "properties": {"seconds": {"type": "integer"}}},
    "behavior": "NON_BLOCKING",
}


def answered(knobs: Knobs | None = None, text: str = "", **fields: Any) -> Rig:
    rig = Rig(knobs=knobs)
    rig.setup(**TRANSCRIPTS, **fields)
    if text:
        rig.text(text, complete=True)
    else:
        rig.audio(SPEECH)
    rig.run(60.0)
    return rig


def scripted(*calls: Call | Search) -> Knobs:
    return Knobs(tool_calls=deque([ToolScript(calls)]))


def ruled(*rules: ToolRule) -> Knobs:
    return Knobs(tool_rules=list(rules))


# Search.


def test_a_question_is_searched_for_and_its_sources_come_with_the_last_of_the_speech() -> None:
    rig = answered(text="Tell me. Who won in Köln? How warm is it?", **SEARCHES)
    spoken = [m["serverContent"] for _, m in rig.said if "modelTurn" in m.get("serverContent", {})]
    assert ["groundingMetadata" in one for one in spoken] == [False] * (len(spoken) - 1) + [True]
    (found,) = rig.messages("groundingMetadata")
    assert found["webSearchQueries"] == ["Who won in Köln?", "How warm is it?"]
    assert found["searchEntryPoint"]["renderedContent"].count('class="chip"') == 2
    assert [one["web"]["title"] for one in found["groundingChunks"]] == [*SOURCES, *SOURCES]
    assert "How+warm" in found["groundingChunks"][2]["web"]["uri"]
    words = rig.words().encode()
    segments = [support["segment"] for support in found["groundingSupports"]]
    assert [words[one.get("startIndex", 0) : one["endIndex"]].decode() for one in segments] == [
        one["text"] for one in segments
    ]
    assert "Köln" in segments[0]["text"]
    assert rig.words().startswith("I searched for “Who won in Köln?”; the loopback has no web")
    assert rig.words().endswith("I read 10 words. That was turn number 1.")


def test_a_spoken_turn_is_searched_for_by_script() -> None:
    rig = answered(scripted(Search("weather in Oslo")), **SEARCHES)
    (found,) = rig.messages("groundingMetadata")
    assert found["webSearchQueries"] == ["weather in Oslo"]
    assert rig.words().startswith("I searched for “weather in Oslo”")
    assert rig.messages("toolCall") == []


@pytest.mark.parametrize("text", ["", "Who won?"])
def test_without_the_tool_nothing_is_searched(text: str) -> None:
    rig = answered(scripted(Search("weather in Oslo")), text)
    assert rig.messages("groundingMetadata") == []
    assert "searched" not in rig.words()
    assert rig.messages("turnComplete") == [True]


def test_without_a_question_nothing_is_searched() -> None:
    rig = answered(text="See https://example.com/?q=1 and say hello.", **SEARCHES)
    assert rig.messages("groundingMetadata") == []


# Calls.


def test_calls_and_a_search_in_one_turn() -> None:
    both: dict[str, Any] = {"tools": [{"googleSearch": {}}, {"functionDeclarations": [TIMER]}]}
    rig = answered(scripted(Search("tea"), Call("start_timer", {"seconds": 5})), **both)
    assert [call["name"] for message in rig.messages("toolCall") for call in message["functionCalls"]] == [
        "start_timer"
    ]
    assert "I searched for “tea”" in rig.words()


def test_declarations_are_kept_whole() -> None:
    rig = Rig()
    rig.setup(tools=[{"functionDeclarations": [TIMER, FUNCTION]}, {"googleSearch": {}}])
    assert rig.core.log.setup is not None
    declared = rig.core.log.setup.declarations
    assert list(declared) == ["start_timer", "look_up"]
    assert declared["start_timer"]["description"] == "Start a timer."
    assert declared["start_timer"]["parametersJsonSchema"]["properties"]["seconds"] == {"type": "integer"}
    assert declared["look_up"]["parameters"] == FUNCTION["parameters"]
    assert rig.core.log.setup.search
    assert rig.core.log.setup.functions["start_timer"] == "NON_BLOCKING"


def test_a_function_that_is_not_declared_can_be_called() -> None:
    rig = answered(scripted(Call("nonsense")), **tools("BLOCKING"))
    assert rig.messages("toolCall")[0]["functionCalls"][0]["name"] == "nonsense"


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ({"summary": "a cat\n on a  mat", "count": 3}, "look_up returned: a cat on a mat."),
        ({"text": "Done!"}, "look_up returned: Done!"),
        ({"result": "late", "error": "No picture was posted."}, "look_up returned: No picture was posted."),
        ({"output": "five"}, "look_up returned: five."),
        ({"result": {"a": 1}}, "look_up returned 20 characters."),
        ({"summary": " "}, "look_up returned 16 characters."),
        ({"summary": "x" * 300}, f"look_up returned: {'x' * 200}…"),
    ],
)
def test_what_a_tool_says_is_read_out(response: dict[str, Any], said: str) -> None:
    rig = answered(scripted(Call("look_up", {}, "c7")), **tools("BLOCKING"))
    result = {"id": "c7", "name": "look_up", "response": response}
    rig.send({"toolResponse": {"functionResponses": [result]}})
    rig.run(120.0)
    assert said in rig.words()
    assert rig.core.log.tool_results[0].response == response


# Rules.


def spoken(rig: Rig, seconds: float, speaker: str = "") -> list[str]:
    """Speak a marked turn; return the names of the functions that were called in it."""
    before = len(rig.messages("toolCall"))
    if speaker:
        rig.text(f"[{speaker} is speaking now.]", complete=False)
    rig.mark("activityStart")
    rig.audio(quiet(0.3) + buzz(seconds) + quiet(0.5))
    rig.mark("activityEnd")
    rig.run(60.0)
    return [c["name"] for message in rig.messages("toolCall")[before:] for c in message["functionCalls"]]


def test_a_rule_fires_by_the_length_of_speech_and_the_speaker() -> None:
    rule = ToolRule((Call("look_up", {"a_b": "x"}),), duration_s=(1.5, 2.5), speaker="Ada", times=2)
    rig = Rig(knobs=ruled(rule))
    rig.setup(**MARKS, **tools("NON_BLOCKING"))
    assert spoken(rig, 2.0) == []
    assert spoken(rig, 2.0, "Bo") == []
    assert spoken(rig, 1.0, "Ada") == []
    assert spoken(rig, 2.0, "Ada") == ["look_up"]
    assert spoken(rig, 3.0) == []
    assert spoken(rig, 2.4) == ["look_up"]
    assert spoken(rig, 2.0) == []  # no more than `times`
    assert rule.hits == 2


def test_a_rule_fires_with_pictures_in_the_context() -> None:
    rig = Rig(knobs=ruled(ToolRule((Call("look_up"),), pictures=2, times=9)))
    rig.setup(**MARKS, **tools("NON_BLOCKING"))
    rig.picture(drawn("red"))
    assert spoken(rig, 1.0) == []
    rig.picture(drawn("blue"))
    assert spoken(rig, 1.0) == ["look_up"]
    assert spoken(rig, 1.0) == ["look_up"]


def test_a_rule_does_not_fire_on_silence_text_or_results_nor_for_what_is_not_declared() -> None:
    rig = Rig(knobs=ruled(ToolRule((Call("stop"),), times=9), ToolRule((Call("look_up"),), times=9)))
    rig.setup(**MARKS, **tools("NON_BLOCKING"))
    assert spoken(rig, 0.0) == []
    rig.text("Hello", complete=True)
    rig.run(60.0)
    assert rig.messages("toolCall") == []
    assert spoken(rig, 1.0) == ["look_up"]
    call_id = rig.messages("toolCall")[0]["functionCalls"][0]["id"]
    rig.send({"toolResponse": {"functionResponses": [{"id": call_id, "name": "look_up", "response": {}}]}})
    rig.run(60.0)
    assert len(rig.messages("toolCall")) == 1


def test_a_script_comes_before_a_rule_and_the_first_rule_before_the_next() -> None:
    knobs = ruled(ToolRule((Call("look_up", {"a_b": "first"}),)), ToolRule((Call("look_up"),)))
    knobs.tool_calls.append(ToolScript((Call("look_up", {"a_b": "script"}),)))
    rig = Rig(knobs=knobs)
    rig.setup(**MARKS, **tools("NON_BLOCKING"))
    for _ in range(4):
        spoken(rig, 1.0)
    args = [c.get("args") for message in rig.messages("toolCall") for c in message["functionCalls"]]
    assert args == [{"a_b": "script"}, {"a_b": "first"}, None]


# Transcripts of what was heard.


def heard(*how: Deformation) -> Rig:
    knobs = Knobs(faults=[Fault(Where.TURN, Deform(one)) for one in how])
    rig = Rig(knobs=knobs)
    rig.setup(**MARKS, **TRANSCRIPTS)
    spoken(rig, 1.0)
    return rig


def fragments(rig: Rig) -> list[str]:
    return [one["text"] for one in rig.messages("inputTranscription")]


def test_the_transcript_of_what_was_heard_can_come_after_the_turn() -> None:
    names = heard(Deformation.INPUT_TRANSCRIPT_LATE).names()
    assert names[-3:] == ["turnComplete", "usageMetadata", "inputTranscription"]
    assert names.count("inputTranscription") == 1
    plain = heard().names()
    assert plain.index("inputTranscription") < plain.index("modelTurn")


def test_it_comes_late_after_an_interruption_too() -> None:
    rig = Rig(knobs=Knobs(faults=[Fault(Where.TURN, Deform(Deformation.INPUT_TRANSCRIPT_LATE))]))
    rig.setup(**TRANSCRIPTS)
    rig.audio(SPEECH)
    rig.run(1.0)
    rig.audio(buzz(0.3))
    assert rig.names()[-4:] == ["interrupted", "turnComplete", "usageMetadata", "inputTranscription"]
    rig.audio(quiet(1.0))
    rig.run(60.0)
    assert len(fragments(rig)) == 2


def test_it_comes_in_pieces_doubled_and_reordered() -> None:
    whole = fragments(heard())
    pieces = fragments(heard(Deformation.INPUT_TRANSCRIPT_PIECES))
    assert len(pieces) > 3
    assert ["".join(pieces)] == whole
    assert fragments(heard(Deformation.TRANSCRIPTS_DOUBLED)) == whole * 2
    swapped = heard(Deformation.INPUT_TRANSCRIPT_PIECES, Deformation.TRANSCRIPTS_REORDERED)
    assert fragments(swapped)[:2] == [pieces[1], pieces[0]]
    assert fragments(heard(Deformation.TRANSCRIPTS_LATE)) == whole
