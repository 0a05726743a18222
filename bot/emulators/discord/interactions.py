"""The server's side of interactions: first responses in time, once, and of a fitting kind; then edits."""

import asyncio
import copy
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from bot.emulators.discord.components import modal_problems
from bot.emulators.discord.drafts import Draft, draft_of
from bot.emulators.discord.errors import RestError, invalid_form, unknown
from bot.emulators.discord.events import Event
from bot.emulators.discord.handles import Interaction, InteractionType, State
from bot.emulators.discord.installs import FOLLOWUPS_LIMIT, is_users_alone, must_be_private
from bot.emulators.discord.interaction_payload import interaction_payload
from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.model import (
    Channel,
    EmulatedUser,
    Json,
    Message,
    MessageFlag,
    MessageType,
    Origin,
    Upload,
)
from bot.emulators.discord.places import Places
from bot.emulators.discord.posts import Posts

FIRST_RESPONSE_S = 3.0
TOKEN_LIFE_S = 15 * 60.0
KEPT = 10_000  # interactions remembered; the oldest go first
CHOICES_LIMIT = 25

MESSAGE, DEFER_MESSAGE, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
_ALWAYS = {MESSAGE, DEFER_MESSAGE}
_FITTING = {
    InteractionType.COMMAND: _ALWAYS | {MODAL},
    InteractionType.COMPONENT: _ALWAYS | {DEFER_UPDATE, UPDATE, MODAL},
    InteractionType.AUTOCOMPLETE: {CHOICES},
    InteractionType.MODAL: _ALWAYS,
}


class Interactions:
    """All interactions, by token."""

    def __init__(self, places: Places, posts: Posts, knobs: Knobs, clock: Callable[[], float]) -> None:
        self._places = places
        self._posts = posts
        self._knobs = knobs
        self._clock = clock
        self._open: OrderedDict[str, Interaction] = OrderedDict()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def now(self) -> float:
        """Return the time on the clock that expires interactions."""
        return self._clock() + self._knobs.interaction_clock_offset_s

    def begin(
        self,
        kind: InteractionType,
        name: str,
        user: EmulatedUser,
        channel: Channel,
        data: Json,
        *,
        owners: dict[str, str],
        source: Message | None = None,
        target_message_id: int | None = None,
    ) -> Interaction:
        """Tell the bot what a person did; the person watches the returned handle."""
        interaction = Interaction(
            id=self._places.snowflakes.next(),
            token=secrets.token_urlsafe(48),
            type=kind,
            name=name,
            user=user,
            channel=channel,
            owners=owners,
            created_at=self.now(),
            source=source,
            target_message_id=target_message_id,
        )
        self._remember(interaction)
        payload = interaction_payload(interaction, data, self._places, self._posts)
        guild_id = channel.guild_id  # whose shard is told
        event = Event("INTERACTION_CREATE", payload, guild_id, to_user=self._places.bot.id)
        self._places.bus.publish(event)
        return interaction

    def _remember(self, interaction: Interaction) -> None:
        self._open[interaction.token] = interaction
        while len(self._open) > KEPT:
            token, _ = self._open.popitem(last=False)
            self._stop_timer(token)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(FIRST_RESPONSE_S, self._give_up, interaction)
        self._timers[interaction.token] = timer

    def _give_up(self, interaction: Interaction) -> None:
        self._timers.pop(interaction.token, None)
        if interaction.state is State.PENDING:
            interaction.advance(State.FAILED)
            interaction.see("failed")

    def _stop_timer(self, token: str) -> None:
        timer = self._timers.pop(token, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Stop waiting for first responses."""
        for token in tuple(self._timers):
            self._stop_timer(token)

    def respond(
        self, interaction_id: int, token: str, kind: int, data: Json | None, files: dict[int, Upload]
    ) -> tuple[Interaction, Message | None]:
        """Take the first response; returns the interaction and the message that came of it, if any."""
        interaction = self._awaiting(interaction_id, token)
        if kind not in self._fitting(interaction):
            text = f"Value must be one of {tuple(sorted(self._fitting(interaction)))}."
            raise invalid_form({"type": ("BASE_TYPE_CHOICES", text)})
        message = self._take(interaction, kind, data or {}, files)
        self._stop_timer(token)
        return interaction, message

    def _awaiting(self, interaction_id: int, token: str) -> Interaction:
        interaction = self._open.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise unknown("interaction", 10062)
        if interaction.state not in (State.PENDING, State.FAILED):
            raise RestError(400, 40060, "Interaction has already been acknowledged.")
        if interaction.state is State.FAILED or self.now() - interaction.created_at > FIRST_RESPONSE_S:
            raise unknown("interaction", 10062)
        return interaction

    def _fitting(self, interaction: Interaction) -> set[int]:
        fitting = _FITTING[interaction.type]
        from_component = interaction.type is InteractionType.MODAL and interaction.source is not None
        return fitting | {DEFER_UPDATE, UPDATE} if from_component else fitting

    def _take(
        self, interaction: Interaction, kind: int, data: Json, files: dict[int, Upload]
    ) -> Message | None:
        if kind == MESSAGE:
            self._answer(interaction, self._draft(interaction, data, files))
        elif kind == DEFER_MESSAGE:
            self._defer(interaction, int(data.get("flags") or 0))
        elif kind in (DEFER_UPDATE, UPDATE):
            self._update(interaction, kind, data, files)
        elif kind == CHOICES:
            self._offer(interaction, list(data.get("choices") or []))
        else:
            self._open_modal(interaction, data)
        return interaction.original

    def _answer(self, interaction: Interaction, draft: Draft) -> None:
        interaction.original = self._write(interaction, draft)
        interaction.answer_with(interaction.original)
        interaction.see("message", interaction.original)

    def _defer(self, interaction: Interaction, flags: int) -> None:
        loading = MessageFlag.LOADING | (flags & MessageFlag.EPHEMERAL)
        draft = Draft("", [], [], loading, [], None, None)
        interaction.original = self._write(interaction, draft)
        interaction.advance(State.DEFERRED)
        interaction.see("deferred", interaction.original)

    def _update(self, interaction: Interaction, kind: int, data: Json, files: dict[int, Upload]) -> None:
        source = interaction.source
        if source is None:
            raise ValueError("only interactions that have a message can update one")
        if self._posts.find(source.channel_id, source.id) is None:
            raise unknown("Message", 10008)
        if kind == UPDATE:
            self._posts.edit(source, self._draft(interaction, data, files, editing=source))
        interaction.original = source
        if kind == UPDATE:
            interaction.answer_with(source)
        else:
            interaction.advance(State.DEFERRED)
        interaction.see("edit" if kind == UPDATE else "deferred", source)

    def _offer(self, interaction: Interaction, choices: list[Json]) -> None:
        if len(choices) > CHOICES_LIMIT:
            text = f"Must be {CHOICES_LIMIT} or fewer in length."
            raise invalid_form({"data.choices": ("BASE_TYPE_MAX_LENGTH", text)})
        interaction.choices = choices
        interaction.advance(State.CHOICES)
        interaction.see("choices")

    def _open_modal(self, interaction: Interaction, data: Json) -> None:
        problems = modal_problems(data)
        if problems:
            raise invalid_form({f"data.{path}": problem for path, problem in problems.items()})
        interaction.modal = copy.deepcopy(data)
        interaction.advance(State.MODAL)
        interaction.see("modal")

    def by_token(self, token: str) -> Interaction:
        """Return the interaction whose token it is, first responded to; RestError where it is not usable."""
        interaction = self._open.get(token)
        if interaction is None or self.now() - interaction.created_at > TOKEN_LIFE_S:
            raise RestError(401, 50027, "Invalid Webhook Token")
        if interaction.state in (State.PENDING, State.FAILED, State.CHOICES):
            raise unknown("Webhook", 10015)
        return interaction

    def message_of(self, interaction: Interaction, name: str) -> Message:
        """Return the message that a path names: `@original` or an id; RestError where there is none."""
        if name == "@original":
            found = interaction.original
        else:
            known = [interaction.original, *interaction.followups]
            found = next((post for post in known if post is not None and str(post.id) == name), None)
        if found is None or self._posts.find(found.channel_id, found.id) is None:
            raise unknown("Message", 10008)
        return found

    def edit(self, interaction: Interaction, message: Message, body: Json, files: dict[int, Upload]) -> None:
        """Edit a message of the interaction; the first edit takes the place of "thinking"."""
        self._posts.edit(message, self._draft(interaction, body, files, editing=message))
        if message is interaction.original and interaction.state is State.DEFERRED:
            interaction.answer_with(message)
        interaction.see("edit", message)

    def follow_up(self, interaction: Interaction, body: Json, files: dict[int, Upload]) -> Message:
        """Send a further message; while the bot is thinking, it takes the place of that, as in Discord."""
        waiting = interaction.original if interaction.state is State.DEFERRED else None
        if waiting is not None and waiting.loading:
            self.edit(interaction, waiting, body, files)
            return waiting
        if is_users_alone(interaction.owners) and len(interaction.followups) >= FOLLOWUPS_LIMIT:
            raise RestError(400, 40094, "This interaction has hit the maximum number of follow up messages")
        message = self._write(interaction, self._draft(interaction, body, files))
        interaction.followups.append(message)
        if interaction.state is State.DEFERRED:  # of an update: nothing was said yet
            interaction.answer_with(message)
        interaction.see("followup", message)
        return message

    def delete(self, interaction: Interaction, message: Message) -> None:
        """Delete a message of the interaction."""
        self._posts.delete(message)
        interaction.see("delete", message)

    def _draft(
        self,
        interaction: Interaction,
        body: Json,
        files: dict[int, Upload],
        *,
        editing: Message | None = None,
    ) -> Draft:
        if interaction.channel.id not in self._places.channels:
            raise unknown("Channel", 10003)
        file_limit = self._places.file_limit(interaction.channel)
        return draft_of(body, files, editing=editing, file_limit=file_limit)

    def _write(self, interaction: Interaction, draft: Draft) -> Message:
        channel, source = interaction.channel, interaction.source
        if must_be_private(self._places, interaction.user, channel, interaction.owners):
            draft.flags |= MessageFlag.EPHEMERAL
        origin = Origin(
            interaction_id=interaction.id,
            type=int(interaction.type),
            name=interaction.name,
            user=interaction.user,
            owners=interaction.owners,
            target_message_id=interaction.target_message_id,
            interacted_message_id=source.id if source else None,
        )
        kind = MessageType.DEFAULT
        if interaction.type is InteractionType.COMMAND:
            from_menu = interaction.target_message_id is not None
            kind = MessageType.CONTEXT_MENU_COMMAND if from_menu else MessageType.CHAT_INPUT_COMMAND
        bot = self._places.bot
        return self._posts.write(channel, bot, draft, origin=origin, kind=kind)


def callback_payload(interaction: Interaction, kind: int, message: Message | None, shown: Any) -> Json:
    """Return the body of an answered callback; `shown` is the payload of its message.

    A deferral names its message, but does not show it.
    """
    answered: Json = {"id": str(interaction.id), "type": int(interaction.type)}
    if message is None:
        return {"interaction": answered}
    answered |= {
        "response_message_id": str(message.id),
        "response_message_loading": message.loading,
        "response_message_ephemeral": message.ephemeral,
    }
    if kind not in (MESSAGE, UPDATE):
        return {"interaction": answered}
    return {"interaction": answered, "resource": {"type": kind, "message": shown}}
