"""Answers by a schema: how they are asked for, corrected once and made into files."""

from media_rig import Rig, encoded, finished, noise
from scripted_rest import Reply, ScriptedRest
from service_rig import SCHEMA, Animal, gemini, refusal, rig, running

from bot.media.events import Made, TextWhole

__all__ = ["gemini", "rig", "running"]


async def test_a_value_is_corrected_once(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(words=('{"animal": "dog"}',)), Reply(words=('{"animal": "cat"}',))])
    events = await rig.ask(task=Animal())
    assert "No cat." in gemini.asked[1].body["contents"][-1]["parts"][0]["text"]
    assert [each["role"] for each in gemini.asked[1].body["contents"]] == ["user", "model", "user"]
    [made] = [event for event in events if isinstance(event, Made)]
    assert made.files[0].data == b"cat"
    done = finished(events)
    assert done.truncated is None and done.usage.total_tokens == 2 * 268
    assert len(await rig.used()) == 2


async def test_a_value_that_stays_wrong_is_shown_as_doubtful(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(words=('{"animal": "dog"}',)), Reply(words=('{"pet": "dog"}',))])
    assert "may be wrong" in str(finished(await rig.ask(task=Animal())).truncated)


async def test_what_is_no_value_at_all_is_refused(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(words=("I think",)), Reply(words=("a dog",))])
    assert await refusal(rig, task=Animal()) == "The model's answer made no sense, twice: ask again."


async def test_detail_schema_and_system_reach_the_model(rig: Rig, gemini: ScriptedRest) -> None:
    schema = SCHEMA
    large = encoded(noise(2000, 1000), "JPEG", quality=60)
    gemini.replies.append(Reply(words=('{"animal": ', '"cat"}')))
    events = await rig.ask(rig.post("noise.jpg", large), task=Animal())
    assert [event.text for event in events if isinstance(event, TextWhole)][-1] == "It is a cat."
    sent = gemini.asked[0].body
    config = sent["generationConfig"]
    assert config["mediaResolution"] == "MEDIA_RESOLUTION_LOW"
    assert (config["responseMimeType"], config["responseJsonSchema"]) == ("application/json", schema)
    assert sent["systemInstruction"]["parts"] == [{"text": "Be brief, in en."}]
