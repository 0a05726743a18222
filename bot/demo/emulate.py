"""`python -m bot emulate`: serve a Discord and a Gemini on loopback for any bot and any voice client."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority
from bot.errors import SetupError


async def emulate(out: Path) -> None:
    """Serve both until cancelled; what a client needs to reach them stands in `out` meanwhile, as JSON.

    Raises SetupError where `out` can't be written.
    """
    with tempfile.TemporaryDirectory(prefix="earshot-emulate-") as folder:
        ca = CertificateAuthority.create(Path(folder))
        async with DiscordEmulator(ca) as discord, GeminiEmulator(ca) as gemini:
            try:
                _write(out, addresses(discord, gemini))
            except OSError as error:
                reason = error.strerror or error
                raise SetupError(f"{out} can't be written ({reason}): choose another --out.") from error
            print(f"Serving; {out} says where. Ctrl+C ends it.", flush=True)
            try:
                await asyncio.Event().wait()
            finally:
                _remove(out)


def addresses(discord: DiscordEmulator, gemini: GeminiEmulator) -> dict[str, Any]:
    """Return what a client needs: the bot's environment, the control API, and the ids of the world."""
    world = discord.world
    return {
        "environment": {
            "DISCORD_TOKEN": discord.token,
            "GEMINI_API_KEY": gemini.api_key,
            "DISCORD_PROXY": discord.proxy_url,
            "GOOGLE_GEMINI_BASE_URL": gemini.base_url,
            "SSL_CERT_FILE": str(discord.ca.ca_file),
        },
        "control_url": discord.control_url,
        "discord_port": discord.port,
        "guild_id": str(world.guild.id),
        "bot_id": str(world.bot.id),
        "text_channel_id": str(world.text.id),
        "voice_channel_ids": [str(channel.id) for channel in world.voice_channels],
        "stage_channel_id": str(world.stage.id),
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write at once, so that who waits for the file never reads half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
