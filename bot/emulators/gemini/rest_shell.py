"""What every REST handler shares: the key, errors as JSON, the fault script, bodies with a bound."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import ClientError, web

from bot.emulators.gemini import rest
from bot.emulators.gemini.faults import Abort, Late, Stall
from bot.emulators.gemini.rest_errors import RestError, retry_info
from bot.emulators.gemini.rest_faults import Refuse, RestEffect
from bot.emulators.gemini.wire import RefusedError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOOK_S = 0.1  # how often a hanging handler looks whether the client is still there
_REFUSED = "Injected: the loopback Gemini refuses this request."


class ClientLeftError(Exception):
    """The client is gone, or was cut off on purpose: nobody waits for an answer."""


class Shell:
    """Wraps handlers of one emulator; `stopping` is set when it closes."""

    def __init__(self, api_key: str, stopping: asyncio.Event) -> None:
        self._api_key = api_key
        self._stopping = stopping

    def wrap(self, handler: Handler, *, instead: str = "") -> Handler:
        """Return a handler that checks the key and answers RestError and RefusedError in Google's format.

        With the query parameter `instead` no key is needed.
        """

        async def wrapped(request: web.Request) -> web.StreamResponse:
            refused = rest.key_error(request, self._api_key)
            if refused is not None and (not instead or instead not in request.query):
                return refused
            try:
                return await handler(request)
            except RestError as error:
                return web.json_response(error.body, status=error.status)
            except RefusedError as error:
                return web.json_response(RestError(400, error.reason).body, status=400)
            except (ClientLeftError, ConnectionError, ClientError):
                return web.Response(status=499)  # goes nowhere

        return wrapped

    async def suffer(self, effects: list[RestEffect], request: web.Request) -> None:
        """Do what any request may suffer; raise RestError or ClientLeftError."""
        for effect in effects:
            match effect:
                case Late():
                    await self.sleep(effect.seconds)
                case Refuse():
                    raise refusal(effect)
                case Stall():
                    await self.hang(request)
                case Abort():
                    raise abort(request)

    async def hang(self, request: web.Request) -> None:
        """Wait until the client leaves or the emulator stops; raise ClientLeftError then."""
        while not self._stopping.is_set() and not is_gone(request):
            await self.sleep(_LOOK_S)
        raise ClientLeftError

    async def sleep(self, seconds: float) -> None:
        """Wait, but no longer than the emulator runs."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def refusal(effect: Refuse) -> RestError:
    """Return the error that a fault asks for."""
    info = None if effect.retry_delay_s is None else [retry_info(effect.retry_delay_s)]
    return RestError(effect.status, _REFUSED, info)


def abort(request: web.Request) -> ClientLeftError:
    """Reset the connection of a request, and return what to raise."""
    if request.transport is not None:
        request.transport.abort()
    return ClientLeftError()


def is_gone(request: web.Request) -> bool:
    """Return whether the client has closed the connection."""
    return request.transport is None or request.transport.is_closing()


async def read_body(request: web.Request, limit: int) -> bytearray:
    """Return a whole body; raise RestError if it is larger than `limit` bytes."""
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > limit:
            raise RestError(400, f"Request payload size exceeds the limit: {limit} bytes.")
    return body
