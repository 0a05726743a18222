"""What a conversation asks about those in the channel."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.conversation.names import NOBODY


@dataclass(frozen=True, slots=True)
class People:
    """Those in the channel of a call."""

    name_of: Callable[[int], str | None]
    """What a person calls themselves in the guild."""
    present: Callable[[], Iterable[int]]
    """Who is there and may be heard."""
    own_name: Callable[[], str]
    """What the bot is called in the guild."""

    def shown_name(self, user_id: int | None) -> str:
        """Return whom a turn is of: a person, or, where the room is heard as one, all who may be heard."""
        people = [user_id] if user_id is not None else sorted(self.present())
        return ", ".join(self.name_of(each) or NOBODY for each in people) or NOBODY
