"""What the greeting and /privacy tell newcomers is so, however the server is set."""

import pytest
from config_bot import Scene, scene
from loopback import eventually

from bot.emulators.discord.model import ChannelType
from bot.storage.guilds import GuildChanges

__all__ = ["scene"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (GuildChanges(), "I hear only people who agree. For a picture"),
        (
            GuildChanges(consent="notice"),
            "In a call I hear everyone who has not objected by /privacy deaf. For a picture",
        ),
        (
            GuildChanges(consent="notice", mode="push-to-talk"),
            "In a call I hear only people who have pressed Talk. For a picture",
        ),
    ],
)
async def test_the_greeting_says_whom_the_bot_hears(scene: Scene, changes: GuildChanges, said: str) -> None:
    guild = scene.world.add_guild("Elsewhere", with_bot=False)
    scene.world.add_channel("Voice", ChannelType.VOICE, guild=guild)
    rules = scene.world.add_channel("rules", guild=guild)
    await scene.guilds.change(guild.id, **changes)  # when the bot was there before
    scene.world.invite_bot(guild)
    await eventually(lambda: bool(scene.world.messages(rules.id)))
    (message,) = scene.world.messages(rules.id)
    assert said in message.text
    assert message.text.count("I hear") == 1


async def test_show_says_that_captions_stay_in_the_chat(scene: Scene) -> None:
    stay = "stand in the voice channel's chat until somebody deletes them"
    shown = (await scene.run("privacy show", scene.ada.id)).text
    assert f"- captions of that {stay}" in shown.splitlines()
    await scene.guilds.change(scene.guild_id, captions=False)
    shown = (await scene.run("privacy show", scene.ada.id)).text
    assert f"- captions of that are off in this server; those of before {stay}" in shown.splitlines()
