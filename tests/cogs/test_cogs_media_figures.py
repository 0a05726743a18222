"""How soon commands are taken and first words are shown, with all the commands and the real service."""

import io
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from answer_bot import body, button, labels
from media_scene import Scene
from PIL import Image
from whole_scene import USES, Use, ended, whole_scene

from bot.emulators.discord.handles import Interaction, Seen
from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.faults import Stall
from bot.emulators.gemini.rest_faults import RestFault, RestWhere
from bot.emulators.gemini.server import GeminiEmulator

DEFERRED_S = 1.0
FIRST_WORDS_S = 0.3
PROSE = [use for use in USES if use.name in ("describe", "read", "summarize", "ask", "Ask")]


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with whole_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as running:
        yield running


def heavy(number: int) -> Upload:
    """Return a picture of 63 megapixels, which takes seconds of work and little of the network."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((9000, 7000 + number)).convert("RGB").save(out, "PNG", compress_level=1)
    return Upload(f"heavy-{number}.png", out.getvalue())


async def test_commands_are_taken_within_a_second_while_media_is_worked_on(scene: Scene) -> None:
    # The loopback model shares the processor with the bot: it is to work on nothing itself.
    scene.gemini.knobs.rest.faults.append(RestFault(RestWhere.GENERATE, Stall(), times=100))
    pictures = {f"image{number}": heavy(number) for number in range(1, 5)}
    busy = scene.asked("describe", detail="high", **pictures)
    await busy.wait_for(lambda it: it.answer is not None and "Looking into" in it.answer.text, 30)
    asked = [busy]
    for use in (*USES, Use("context clear", "")):
        began = time.monotonic()
        asked.append(use.begun(scene, scene.person.id, scene.world.text.id))
        await asked[-1].acknowledged()
        assert asked[-1].history[0].at - began < DEFERRED_S, use.name
    assert "Looking into" in (await busy).text, "it was worked on all the time"
    for each in asked:
        if each.modal is None and "Cancel" in labels(message := await each.response()):
            scene.world.click(scene.person.id, message.id, button(message, "Cancel")["custom_id"])
            await ended(each)


@pytest.mark.parametrize("think_s", [1.0, 1.25, 1.5, 1.75])
async def test_first_words_do_not_wait_for_their_turn(scene: Scene, think_s: float) -> None:
    """Wherever in the second between two edits they come."""
    await first_words(scene, USES[0], think_s)


@pytest.mark.parametrize("use", PROSE, ids=str)
async def test_first_words_come_soon_and_edits_at_their_pace(scene: Scene, use: Use) -> None:
    asked = await first_words(scene, use, 1.25)
    edits = [seen.at for seen in asked.history if seen.what == "edit"]
    assert len(edits) <= (edits[-1] - edits[0]) + 2, "once in a second, and the first words when they come"
    assert len(edits) >= 3, "it was seen growing"


async def first_words(scene: Scene, use: Use, think_s: float) -> Interaction:
    """Use a command, and hold that the first words are shown soon after the model's first chunk."""
    scene.gemini.knobs.rest.think_s = think_s
    scene.gemini.knobs.rest.chunk_s = 0.25
    asked = await use.by(scene, scene.person.id, scene.world.text.id)
    assert use.fact in body(await ended(asked, 60))
    (request,) = scene.gemini.requests
    first = next(seen for seen in asked.history if has_words(seen))
    assert first.at - request.chunks[0] < FIRST_WORDS_S
    return asked


def has_words(seen: Seen) -> bool:
    if seen.message is None:
        return False
    try:
        return bool(body(seen.message))
    except IndexError:
        return False
