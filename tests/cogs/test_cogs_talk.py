"""Push-to-talk on the whole bot: what is said outside a press goes nowhere, within it it is answered."""

from pathlib import Path

from answer_bot import button
from loopback import eventually, running_bot

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore
from cogs.talk import DONE, HEARD

SPEECH = Path(__file__).parents[1] / "media" / "speech-austen-0880.wav"


async def test_talk_is_heard_while_it_is_pressed(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    world = discord_emulator.world
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    defaults = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")
    await (await GuildStore.load(database, defaults)).change(world.guild.id, mode="push-to-talk")
    await database.close()
    async with running_bot(discord_emulator, gemini_emulator, tmp_path) as bot:
        ada = Person(discord_emulator, world.add_user("Ada"))
        bob = world.add_user("Bob")
        await ada.join(world.voice_channels[0].id)

        def sent() -> int:
            return sum(len(session.log.pcm()) for session in gemini_emulator.sessions)

        try:
            assert "I am in no call" in (await ada.run_command(world.text.id, "talk")).text
            await ada.run_command(world.text.id, "join")
            await ada.secured_with(world.bot.id)
            await ada.speak(SPEECH)
            assert sent() == 0, "nobody pressed"
            message = await ada.run_command(world.text.id, "talk")
            assert message.text == HEARD
            assert "20 seconds" in message.text and "2 minutes" in message.text
            await ada.speak(SPEECH)
            await eventually(lambda: sent() > 0)
            world.click(ada.user.id, message.id, button(message, "Done")["custom_id"])
            await eventually(lambda: message.text == DONE)
            await eventually(lambda: bool(bot.turns()))
            before = sent()
            await ada.speak(SPEECH)
            assert sent() == before, "no longer pressed"
            refused = await world.run_command(bob.id, world.text.id, "talk", {}).response()
            assert refused.text.startswith("Join <#")
        finally:
            await ada.leave()


async def test_without_push_to_talk_one_just_talks(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with running_bot(discord_emulator, gemini_emulator, tmp_path):
        world = discord_emulator.world
        ada = Person(discord_emulator, world.add_user("Ada"))
        await ada.join(world.voice_channels[0].id)
        try:
            await ada.run_command(world.text.id, "join")
            told = await ada.run_command(world.text.id, "talk")
            assert told.text == "Just talk: in this call I hear you without a button."
        finally:
            await ada.leave()
