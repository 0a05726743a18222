"""What can go wrong with a voice connection, told to the person who wanted it."""

from bot.errors import EarshotError


class VoiceError(EarshotError):
    """The bot could not get into a voice channel; the message says why and what to do."""
