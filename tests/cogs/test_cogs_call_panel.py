"""The buttons under the answer to /join, on the whole bot: two people, a restart, and every button."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Unpack

import pytest
from answer_bot import labels
from loopback import eventually, running_bot
from manners_scene import SPEECH, Scene, manners_scene

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.storage.database import Database
from bot.storage.guilds import GuildChanges, GuildSettings, GuildStore
from cogs.call_panel import QUIET_ID, STATUS_ID, TALK_ID
from cogs.consent import GIVE_ID, HEARD, HEARD_PRESSED, NOT_HEARD, WITHDRAW_ID, kept_text
from cogs.talk import HEARD as TALK_HEARD

DEFAULTS = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        yield scene


async def preset(folder: Path, guild_id: int, **changes: Unpack[GuildChanges]) -> None:
    """Set a guild up before the bot runs."""
    database = await Database.open(f"sqlite+aiosqlite:///{folder / 'earshot.db'}")
    await (await GuildStore.load(database, DEFAULTS)).change(guild_id, **changes)
    await database.close()


async def test_the_answer_to_join_says_what_is_kept_and_offers_the_buttons(scene: Scene) -> None:
    text = scene.joined.text
    assert labels(scene.joined) == ["Let Earshot hear me", "Stop hearing me", "Be quiet", "Status"]
    assert "I am Earshot, an AI" in text and "18 or older" in text
    assert "chat and stays there; a transcript is kept for 7 days (/transcript)." in text
    assert "unpaid quota" in text
    assert len(text) < 1000, "nobody reads more before they talk"


@pytest.mark.parametrize(
    ("days", "captions", "said"),
    [
        (0, False, "What is said is not written down."),
        (0, True, "What is said appears in the voice channel's chat and stays there; I keep no transcript."),
        (1, False, "What is said is written down, and kept for 1 day (/transcript)."),
        (
            30,
            True,
            "voice channel's chat and stays there; a transcript is kept for 30 days (/transcript).",
        ),
    ],
)
def test_what_is_kept_is_said_as_it_is_set(days: int, captions: bool, said: str) -> None:
    settings = GuildSettings(
        model="gemini-3.8-live", voice="Kore", turns="discord", retention_days=days, captions=captions
    )
    assert said in kept_text(settings)


async def test_two_people_press_the_same_buttons(scene: Scene) -> None:
    bob = await scene.bob()
    for who in (scene.ada, bob):
        pressed = [scene.ada.click(scene.joined, each) for each in (QUIET_ID, STATUS_ID)]
        answers = [await each for each in pressed]
        assert all(answer.ephemeral for answer in answers)
        assert answers[0].text == "I am quiet."
        assert "**Heard:**" in answers[1].text
        assert (await who.click(scene.joined, WITHDRAW_ID)).text == NOT_HEARD
        assert (await who.click(scene.joined, GIVE_ID)).text == HEARD
    talk = await bob.run_command(scene.world.text.id, "talk")
    assert talk.text.startswith("Just talk")


async def test_push_to_talk_has_a_button_under_the_answer_to_join(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    world = discord_emulator.world
    await preset(tmp_path, world.guild.id, mode="push-to-talk", captions=False, retention_days=0)
    async with running_bot(discord_emulator, gemini_emulator, tmp_path) as bot:
        ada = Person(discord_emulator, world.add_user("Ada"))
        await ada.join(world.voice_channels[0].id)
        try:
            joined = await ada.run_command(world.text.id, "join")
            assert "Talk" in labels(joined)
            assert "What is said is not written down." in joined.text
            assert "press Talk, or use /talk, and I hear you." in joined.text
            assert "I hear nobody before they press Talk or use /talk." in joined.text
            assert (await ada.click(joined, GIVE_ID)).text == HEARD_PRESSED
            shown = await ada.run_command(world.text.id, "privacy show")
            assert "I hear you after you press Talk or use /talk: you agreed" in shown.text
            await ada.secured_with(world.bot.id)
            pressed = await ada.click(joined, TALK_ID)
            assert (pressed.text, pressed.ephemeral) == (TALK_HEARD, True)
            assert labels(pressed) == ["Talk", "Done"]
            await ada.speak(SPEECH)
            await eventually(lambda: any(turn.end_sample > turn.start_sample for turn in bot.turns()))
            outsider = world.add_user("Cyn")
            refused = await world.click(outsider.id, joined.id, TALK_ID)
            assert refused.text.startswith(f"Join <#{world.voice_channels[0].id}> first")
        finally:
            await ada.leave()


async def test_buttons_of_before_a_restart_and_older_than_their_interaction_work(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        joined = scene.joined
        await scene.run("leave")
    discord_emulator.gateway.forget_sessions()  # so that the next one is waited for
    discord_emulator.knobs.interaction_clock_offset_s = 16 * 60
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        assert (await scene.ada.click(joined, STATUS_ID)).text.startswith(f"### In <#{scene.lounge}>")
        asked = time.monotonic()
        await scene.told("say", text="A few words to be dropped.")
        await scene.hears(asked)
        assert (await scene.ada.click(joined, QUIET_ID)).text == "I am quiet."
        assert (await scene.ada.click(joined, WITHDRAW_ID)).text == NOT_HEARD
        await scene.run("leave")
        for button in (QUIET_ID, STATUS_ID):
            assert (await scene.ada.click(joined, button)).text == "I am in no call here; /join begins one."
