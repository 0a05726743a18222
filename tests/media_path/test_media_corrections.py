"""Answers that the model corrects, breaks off or leaves empty: what is shown, kept and billed."""

import asyncio

import pytest
from loopback import eventually
from media_rig import finished, request, words
from scripted_rest import Reply, ScriptedRest
from service_rig import Animal, Running, gemini, running

from bot.media.events import Made, TextWhole
from bot.storage.answers import answers

__all__ = ["gemini", "running"]


DOG = Reply(words=('{"animal": "dog"}',))


@pytest.mark.parametrize(
    "correction",
    [
        Reply(block="SAFETY"),
        Reply(status=400, message="no"),
        Reply(words=('{"animal": "ca',), cut=True),
        Reply(words=('{"animal": "ca',), reason="MAX_TOKENS"),
        Reply(words=("Sorry",)),
    ],
    ids=["refused", "failed", "cut", "too long", "no value"],
)
async def test_what_came_stays_where_it_can_not_be_corrected(
    running: Running, gemini: ScriptedRest, correction: Reply
) -> None:
    async with running() as rig:
        gemini.replies.extend([DOG, correction])
        events = await rig.ask(task=Animal())
        assert {event.text for event in events if isinstance(event, TextWhole)} == {"It is a dog."}
        [made] = [event for event in events if isinstance(event, Made)]
        assert made.files[0].data == b"dog"
        assert "may be wrong" in str(finished(events).truncated)
        assert finished(events).usage.prompt_tokens >= 258


async def test_stopping_a_correction_keeps_what_came(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        gemini.replies.extend([DOG, Reply(words=('{"animal": "c',), reason=None, hold=asyncio.Event())])
        seen: list[str] = []

        async def read() -> None:
            async for event in rig.service.ask(request(task=Animal(), id="stopped")):
                if isinstance(event, TextWhole):
                    seen.append(event.text)

        reading = asyncio.create_task(read())
        await eventually(lambda: len(gemini.asked) == 2)
        await asyncio.sleep(0.7)  # longer than between two looks at a growing value
        reading.cancel()
        await asyncio.wait({reading})
        await eventually(lambda: not rig.service._running)
        assert [row["text"] for row in await rig.rows(answers)] == seen == ["It is a dog."]
        assert [row["prompt_tokens"] for row in await rig.used()] == [258]


async def test_an_attempt_says_nothing_of_the_next(running: Running, gemini: ScriptedRest) -> None:
    """An empty answer ended as it should; the second, which did not, is cut all the same."""
    async with running() as rig:
        gemini.replies.extend([Reply(words=()), Reply(words=("Half",), reason=None)])
        events = await rig.ask()
        assert words(events) == "Half" and "broke off" in str(finished(events).truncated)


async def test_an_empty_attempt_is_billed_too(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        gemini.replies.append(Reply(words=()))
        assert finished(await rig.ask()).usage.total_tokens == 2 * 268
        assert len(await rig.used()) == 2


async def test_blanks_are_no_answer(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        gemini.replies.append(Reply(words=("\n", " ")))
        assert words(await rig.ask()).strip() == "A cat on a sofa."
