"""Answers read aloud, in the call of the server where they were given."""

from bot.conversation.call import CallError
from bot.conversation.calls import Calls


class CallSpeaker:
    """Speaks in calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def can_speak(self, guild_id: int) -> bool:
        """Say whether there is a call in a guild."""
        return self._calls.get(guild_id) is not None

    async def speak(self, guild_id: int, user_id: int, text: str) -> None:
        """Have a text read aloud, for a person who is in the call. Raises EarshotError."""
        call = self._calls.get(guild_id)
        if call is None:
            raise CallError("I am in no call here; /join begins one.")
        if user_id not in call.channel.voice_states:
            raise CallError(f"Join {call.channel.mention} first: I would be speaking there.")
        call.say(text)
