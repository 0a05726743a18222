"""What goes wrong between the bot and the Live API, as a person reads it."""

from bot.errors import EarshotError


class LiveError(EarshotError):
    """A Live session can't be had; the message says why and what to do."""
