"""The voice half of the loopback Discord: gateway v8, SFU on UDP, DAVE delivery service."""

from bot.emulators.discord.voice.server import VoiceServer
from bot.emulators.discord.voice.session import VoiceGrant

__all__ = ["VoiceGrant", "VoiceServer"]
