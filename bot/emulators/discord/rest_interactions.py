"""REST routes with which a bot answers interactions; they need no token and count for no global budget."""

from bot.emulators.discord.errors import unknown
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.interactions import callback_payload
from bot.emulators.discord.limits import Rate
from bot.emulators.discord.model import Json
from bot.emulators.discord.rest import Answer, Call, Route

_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_MESSAGE = _WEBHOOK + "/messages/{message_id}"
WEBHOOK_RATE = Rate(5, 2.0)  # what the headers of interaction webhooks give


def _respond(call: Call) -> Answer:
    kind = int(call.json["type"])
    interaction, message = call.world.interactions.respond(
        call.id("interaction_id"),
        call.params["interaction_token"],
        kind,
        call.json.get("data"),
        call.files,
    )
    if call.query.get("with_response", "").lower() not in ("1", "true"):
        return Answer(204)
    shown = None if message is None else call.world.posts.payload(message)
    return Answer(200, callback_payload(interaction, kind, message, shown))


def _interaction_of(call: Call) -> Interaction:
    if call.id("webhook_id") != call.world.bot.id:
        raise unknown("Webhook", 10015)
    return call.world.interactions.by_token(call.params["webhook_token"])


def _follow_up(call: Call) -> Answer:
    """Send a follow-up; an interaction's webhook answers with the message whether asked to wait or not."""
    message = call.world.interactions.follow_up(_interaction_of(call), call.json, call.files)
    return Answer(200, call.world.posts.payload(message))


def _get_message(call: Call) -> Answer:
    interaction = _interaction_of(call)
    message = call.world.interactions.message_of(interaction, call.params["message_id"])
    return Answer(200, call.world.posts.payload(message))


def _edit_message(call: Call) -> Answer:
    interaction = _interaction_of(call)
    message = call.world.interactions.message_of(interaction, call.params["message_id"])
    call.world.interactions.edit(interaction, message, call.json, call.files)
    payload: Json = call.world.posts.payload(message)
    return Answer(200, payload)


def _delete_message(call: Call) -> Answer:
    interaction = _interaction_of(call)
    message = call.world.interactions.message_of(interaction, call.params["message_id"])
    call.world.interactions.delete(interaction, message)
    return Answer(204)


ROUTES = (
    Route(
        "POST",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        _respond,
        public=True,
        unlimited=True,
    ),
    Route("POST", _WEBHOOK, _follow_up, WEBHOOK_RATE, public=True),
    Route("GET", _MESSAGE, _get_message, WEBHOOK_RATE, public=True),
    Route("PATCH", _MESSAGE, _edit_message, WEBHOOK_RATE, public=True),
    Route("DELETE", _MESSAGE, _delete_message, WEBHOOK_RATE, public=True),
)
