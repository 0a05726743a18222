"""The REST API (v10) without its transport: a request goes in, an answer comes out.

The order in which a request is judged: ban, injected fault, route, token, global budget, route's bucket,
and only then what the route itself does. The routes stand in the `rest_*` modules, by area.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.emulators.discord.errors import ActError, RestError, not_found, unauthorized
from bot.emulators.discord.gateway import Gateway
from bot.emulators.discord.knobs import Knobs, RestFault
from bot.emulators.discord.limits import DEFAULT_RATE, AddressBannedError, Limits, Rate, RateLimitedError
from bot.emulators.discord.model import Json, Upload
from bot.emulators.discord.world import World

_PARAMETER = re.compile(r"\{(\w+)\}")
_MAJOR = ("guild_id", "channel_id", "webhook_token", "interaction_token")  # each has buckets of its own
_log = logging.getLogger(__name__)
JSON_TYPE = "application/json"  # exactly: discord.py takes an answer of any other type as text


@dataclass(frozen=True)
class Call:
    """One request that was routed."""

    world: World
    gateway: Gateway
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    files: dict[int, Upload]

    def id(self, name: str) -> int:
        """Return an identifier out of the path; one that is none gives a 404."""
        try:
            return int(self.params[name])
        except ValueError:
            raise not_found() from None

    @property
    def json(self) -> Json:
        """The body, which must be an object; none at all counts as an empty one."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise RestError(400, 50109, "The request body contains invalid JSON.")
        return self.body


@dataclass(frozen=True)
class Answer:
    """What goes back; `body` None is an empty one."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    foreign: bool = False
    """Not the API's own: a page of what stands before it, or an injected fault."""
    delay_s: float = 0.0
    """How late it is sent."""

    @property
    def content_type(self) -> str:
        """A str body is a page of the proxy before Discord; all else is JSON."""
        return "text/html" if isinstance(self.body, str) else JSON_TYPE


@dataclass(frozen=True)
class Route:
    """A method and path, and what serves it."""

    method: str
    path: str
    """With {parameters}, as Discord's OpenAPI has it."""
    serve: Callable[[Call], Answer]
    rate: Rate = DEFAULT_RATE
    public: bool = False
    """Needs no bot token, and counts for no global budget: the interaction endpoints."""
    unlimited: bool = False
    """Has no bucket of its own either."""

    def pattern(self) -> re.Pattern[str]:
        """Return what matches a path and names its parameters."""
        return re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", self.path))


@dataclass(frozen=True)
class Request:
    """One request as the transport read it; `path` begins after /api/v10."""

    method: str
    path: str
    query: Mapping[str, str]
    authorization: str | None
    body: Any
    files: dict[int, Upload]


class Rest:
    """Judges and serves requests."""

    def __init__(
        self, world: World, gateway: Gateway, knobs: Knobs, token: str, routes: tuple[Route, ...]
    ) -> None:
        self._world = world
        self._gateway = gateway
        self._knobs = knobs
        self._authorization = f"Bot {token}"
        self._routes = [(route, route.pattern()) for route in routes]
        self._limits = Limits()

    def answer(self, request: Request) -> tuple[Answer, Route | None]:
        """Serve a request; returns with the answer the route that it matched."""
        now = time.monotonic()
        found = self._find(request.method, request.path)
        try:
            answer = self._judge(request, found, now)
        except AddressBannedError:
            return Answer(429, "<html>error 1015: you are being rate limited</html>", foreign=True), None
        except RateLimitedError as limited:
            answer = _too_many(limited)
        except RestError as error:
            answer = Answer(error.status, error.body())
        self._limits.note_status(answer.status, now)
        return answer, found[0] if found else None

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        for route, pattern in self._routes:
            match = pattern.fullmatch(path)
            if match and route.method == method:
                return route, match.groupdict()
        return None

    def _judge(self, request: Request, found: tuple[Route, Mapping[str, str]] | None, now: float) -> Answer:
        self._limits.check_ban(now, self._knobs.invalid_requests_limit)
        fault = self._fault(request)
        delay_s = 0.0 if fault is None else fault.delay_s
        if fault is not None and fault.status is not None:
            headers = {"Via": "1.1 google"} | fault.headers
            return Answer(fault.status, fault.body, headers, foreign=True, delay_s=delay_s)
        return replace(self._route(request, found, now), delay_s=delay_s)

    def _route(self, request: Request, found: tuple[Route, Mapping[str, str]] | None, now: float) -> Answer:
        if found is None:
            raise not_found()
        route, params = found
        if not route.public:
            if request.authorization != self._authorization:
                raise unauthorized()
            self._limits.take_global(now, self._knobs.rest_requests_a_second)
        headers = self._take(route, params, now)
        call = Call(self._world, self._gateway, params, request.query, request.body, request.files)
        try:
            answer = route.serve(call)
        except RestError as error:
            return Answer(error.status, error.body(), headers)
        except ActError as error:
            return Answer(400, RestError(400, 50035, str(error)).body(), headers)
        except (AttributeError, KeyError, TypeError, ValueError):
            _log.exception("%s %s: a body that can't be read", request.method, route.path)
            return Answer(400, RestError(400, 50035, "Invalid Form Body").body(), headers)
        return Answer(answer.status, answer.body, headers | answer.headers)

    def _take(self, route: Route, params: Mapping[str, str], now: float) -> dict[str, str]:
        if route.unlimited:
            return {}
        major = "/".join(params[name] for name in _MAJOR if name in params)
        return self._limits.take(f"{route.method} {route.path}", major, route.rate, now, time.time())

    def _fault(self, request: Request) -> RestFault | None:
        for fault in self._knobs.rest_faults:
            if fault.method in ("*", request.method) and re.search(fault.path_regex, request.path):
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._knobs.rest_faults.remove(fault)
                return fault
        return None


def _too_many(limited: RateLimitedError) -> Answer:
    body: Json = {
        "message": "You are being rate limited.",
        "retry_after": round(limited.retry_after_s, 3),
        "global": limited.scope == "global",
        "code": 0,
    }
    headers = limited.headers | {
        "Retry-After": str(max(1, round(limited.retry_after_s))),
        "X-RateLimit-Scope": limited.scope,
        "Via": "1.1 google",  # its absence means a ban to discord.py
    }
    if limited.scope == "global":
        headers["X-RateLimit-Global"] = "true"
    return Answer(429, body, headers)
