"""An interaction as the person who caused it watches it: what was answered, edited and sent after."""

import asyncio
import copy
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

from bot.emulators.discord.model import Channel, EmulatedUser, Json, Message

PATIENCE_S = 10.0  # how long a person waits for something to happen, unless told otherwise


class InteractionType(IntEnum):
    """What a person did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class State(Enum):
    """How far the bot's answer is."""

    PENDING = "no answer yet"
    DEFERRED = "the bot is thinking"
    ANSWERED = "answered"
    MODAL = "a modal is open"
    CHOICES = "choices are offered"
    FAILED = "the application did not respond"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.PENDING: frozenset(State) - {State.PENDING},
    State.DEFERRED: frozenset({State.ANSWERED}),
    State.ANSWERED: frozenset(),
    State.MODAL: frozenset(),
    State.CHOICES: frozenset(),
    State.FAILED: frozenset(),
}


class InteractionFailedError(Exception):
    """The person sees that the application did not respond, or something else than a message."""


@dataclass(frozen=True)
class Seen:
    """One thing that the person saw happen, with the message as it then was."""

    at: float
    """`time.monotonic()` seconds."""
    what: str
    """"deferred", "message", "edit", "followup", "delete", "modal", "choices" or "failed"."""
    message: Message | None = None


@dataclass(eq=False)
class Interaction:
    """One interaction. Await it for the first message that the person can read in answer."""

    id: int
    token: str
    type: InteractionType
    name: str
    """The command's name, or the component's or modal's custom id."""
    user: EmulatedUser
    channel: Channel
    owners: dict[str, str]
    """Who let the app in: its authorizing_integration_owners."""
    created_at: float
    """On the clock of interactions, in seconds."""
    source: Message | None = None
    """The message whose component was used."""
    target_message_id: int | None = None
    state: State = State.PENDING
    original: Message | None = None
    """The message that `@original` stands for."""
    answer: Message | None = None
    """The first message that could be read in answer."""
    followups: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None
    history: list[Seen] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def advance(self, state: State) -> None:
        """Go to another state; raises ValueError where the table has no such step."""
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"{self.state.name} does not become {state.name}")
        self.state = state

    def answer_with(self, message: Message) -> None:
        """Show the first readable message."""
        self.advance(State.ANSWERED)
        self.answer = message

    def see(self, what: str, message: Message | None = None) -> None:
        """Record what the person sees, and wake whoever waits for it."""
        self.history.append(Seen(time.monotonic(), what, copy.copy(message)))
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for(
        self, predicate: Callable[["Interaction"], bool], within_s: float = PATIENCE_S
    ) -> "Interaction":
        """Wait until the predicate holds; raises TimeoutError that says how far the answer got."""
        try:
            async with asyncio.timeout(within_s):
                while not predicate(self):
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"{self.name!r} after {within_s} s: {self.state.value}") from None
        return self

    async def response(self, within_s: float = PATIENCE_S) -> Message:
        """Return the first message that can be read in answer: at once, or where "thinking" stood.

        Raises InteractionFailedError where the application did not respond or opened a modal instead.
        """
        await self.wait_for(lambda it: it.state not in (State.PENDING, State.DEFERRED), within_s)
        if self.answer is None:
            raise InteractionFailedError(f"{self.name!r}: {self.state.value}")
        return self.answer

    async def opened_modal(self, within_s: float = PATIENCE_S) -> Json:
        """Return the modal that the bot opened: title, custom_id, components."""
        await self.wait_for(lambda it: it.state is not State.PENDING, within_s)
        if self.modal is None:
            raise InteractionFailedError(f"{self.name!r}: {self.state.value}, and no modal")
        return self.modal

    async def offered(self, within_s: float = PATIENCE_S) -> list[Json]:
        """Return the choices that the bot offered for autocompletion."""
        await self.wait_for(lambda it: it.state is not State.PENDING, within_s)
        if self.choices is None:
            raise InteractionFailedError(f"{self.name!r}: {self.state.value}, and no choices")
        return self.choices

    async def acknowledged(self, within_s: float = PATIENCE_S) -> State:
        """Return the state once the bot gave any first response."""
        await self.wait_for(lambda it: it.state is not State.PENDING, within_s)
        return self.state

    def __await__(self) -> Generator[Any, None, Message]:
        return self.response().__await__()
