"""generateContent, streamGenerateContent and countTokens: handlers around what is measured and composed."""

import json
import secrets
import time
from collections import deque
from typing import Any

from aiohttp import web

from bot.emulators.gemini.faults import Abort, Late, Stall
from bot.emulators.gemini.media_facts import Facts
from bot.emulators.gemini.models import Catalogue, Model
from bot.emulators.gemini.rest_answer import Answer, bill, check_input, compose, details, prompt_tokens
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_eyes import Eyes
from bot.emulators.gemini.rest_faults import BlockPrompt, Cut, Refuse, RestWhere, strike_rest
from bot.emulators.gemini.rest_knobs import RestKnobs
from bot.emulators.gemini.rest_log import RequestEntry
from bot.emulators.gemini.rest_request import MAX_BODY, GenerateRequest, read_request
from bot.emulators.gemini.rest_shell import ClientLeftError, Shell, abort, read_body, refusal
from bot.emulators.gemini.wire import RefusedError, members

_ENTRIES = 1000  # requests kept in the log; the oldest go first
_METHODS = ("generateContent", "streamGenerateContent", "countTokens")


class Generator:
    """Answers requests to models."""

    def __init__(self, *, known: Catalogue, knobs: RestKnobs, eyes: Eyes, shell: Shell) -> None:
        self.requests: deque[RequestEntry] = deque(maxlen=_ENTRIES)
        self._known = known
        self._knobs = knobs
        self._eyes = eyes
        self._shell = shell

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a POST to models/MODEL:METHOD."""
        model, method = self._called(request.match_info["call"])
        entry = RequestEntry(time.monotonic(), model.name, method)
        self.requests.append(entry)
        try:
            response = await self._answer(request, entry, model)
            entry.status = response.status
        except RestError as error:
            entry.status = error.status
            raise
        except RefusedError:
            entry.status = 400
            raise
        except (ClientLeftError, ConnectionError):
            entry.abandoned = True
            raise
        else:
            return response
        finally:
            entry.ended_at = time.monotonic()

    def _called(self, call: str) -> tuple[Model, str]:
        name, _, method = call.partition(":")
        model = self._known.models.get(name)
        if model is None or model.rest is None or method not in _METHODS:
            message = f"models/{name} is not found for API version v1beta, or is not supported for {method}."
            raise RestError(404, message)
        return model, method

    async def _answer(self, request: web.Request, entry: RequestEntry, model: Model) -> web.StreamResponse:
        counts = entry.method == "countTokens"
        where = RestWhere.COUNT if counts else RestWhere.GENERATE
        effects = strike_rest(self._knobs.faults, where, model.name)
        await self._shell.suffer(effects, request)
        body = await read_body(request, MAX_BODY)
        asked = await self._eyes.run(lambda: _parse(body, model, counts=counts))
        facts = await self._look(asked, entry)
        tokens = prompt_tokens(asked, facts)
        if counts:
            count = {"totalTokens": sum(tokens.values()), "promptTokensDetails": details(tokens)}
            return web.json_response(count)
        check_input(tokens, model.input_tokens)
        blocked = next((effect for effect in effects if isinstance(effect, BlockPrompt)), None)
        if blocked is not None:
            entry.finish = blocked.reason
            return await self._blocked(request, entry, blocked, tokens)
        answer = await self._eyes.run(lambda: compose(asked, facts, effects))
        await self._shell.sleep(self._knobs.think_s)
        return await self._say(request, entry, answer)

    async def _look(self, asked: GenerateRequest, entry: RequestEntry) -> tuple[Facts, ...]:
        entry.parts = tuple(media.summary for media in asked.media)
        entry.clips = tuple(media.clip for media in asked.media)
        entry.prompt, entry.system, entry.history = asked.prompt, asked.system, asked.history
        entry.tools, entry.schema = asked.tools, asked.config.schema
        facts = tuple([await self._eyes.see(media) for media in asked.media])
        entry.measured, entry.measured_at = facts, time.monotonic()
        return facts

    async def _blocked(
        self, request: web.Request, entry: RequestEntry, blocked: BlockPrompt, tokens: dict[str, int]
    ) -> web.StreamResponse:
        body = {"promptFeedback": {"blockReason": blocked.reason}, "usageMetadata": bill(tokens, 0, 0)}
        if entry.method == "generateContent":
            return web.json_response(body)
        stream = await _open_stream(request)
        await _send(stream, body)
        return stream

    async def _say(self, request: web.Request, entry: RequestEntry, answer: Answer) -> web.StreamResponse:
        identity = secrets.token_urlsafe(12)
        if entry.method == "generateContent":
            entry.answer, entry.finish = answer.text, answer.finish
            return web.json_response(
                _response(answer.all_parts, answer.text, answer, entry.model, identity, last=True)
            )
        return await self._stream(request, entry, answer, identity)

    async def _stream(
        self, request: web.Request, entry: RequestEntry, answer: Answer, identity: str
    ) -> web.StreamResponse:
        """Send an answer in chunks, at the pace of the knobs; the last has the reason for the end."""
        if request.query.get("alt") != "sse":
            raise RestError(400, "Only streams of server-sent events are supported: alt=sse.")
        stream = await _open_stream(request)
        pieces = answer.pieces(self._knobs.chunk_words) or [[]]
        for index, parts in enumerate(pieces):
            if not await self._pass_chunk(request, stream, entry):
                return stream
            entry.answer += "".join(
                part["text"] for part in parts if "text" in part and "thought" not in part
            )
            last = index == len(pieces) - 1
            body = _response(parts, entry.answer, answer, entry.model, identity, last=last)
            await _send(stream, body)
            entry.chunks.append(time.monotonic())
            if not last:
                await self._shell.sleep(self._knobs.chunk_s)
        entry.finish = answer.finish
        return stream

    async def _pass_chunk(
        self, request: web.Request, stream: web.StreamResponse, entry: RequestEntry
    ) -> bool:
        """Do what the script has for the next chunk; return whether to go on."""
        for effect in strike_rest(self._knobs.faults, RestWhere.CHUNK, entry.model):
            match effect:
                case Refuse():
                    await _send(stream, refusal(effect).body)
                    return False
                case Late():
                    await self._shell.sleep(effect.seconds)
                case Stall():
                    await self._shell.hang(request)
                case Abort():
                    raise abort(request)
                case Cut():
                    return False
        return True


def _parse(body: bytearray, model: Model, *, counts: bool) -> GenerateRequest:
    """Return what a body asks."""
    try:
        value = json.loads(body)
    except ValueError:
        raise RestError(400, "Invalid JSON payload received.") from None
    if counts:
        found = members(value, ("contents", "generateContentRequest"), "")
        value = found.get("generateContentRequest", value)
    return read_request(value, model, size=len(body))


async def _open_stream(request: web.Request) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await stream.prepare(request)
    return stream


async def _send(stream: web.StreamResponse, body: dict[str, Any]) -> None:
    await stream.write(b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\r\n\r\n")


def _response(
    parts: list[dict[str, Any]], said: str, answer: Answer, model: str, identity: str, *, last: bool
) -> dict[str, Any]:
    """Return a GenerateContentResponse; `said` is the text up to and with its parts."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = answer.finish
        if answer.grounding is not None:
            candidate["groundingMetadata"] = answer.grounding
        if answer.finish not in ("STOP", "MAX_TOKENS"):
            rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
            candidate["safetyRatings"] = [rating]
    return {
        "candidates": [candidate],
        "usageMetadata": answer.usage(said),
        "modelVersion": model,
        "responseId": identity,
    }
