"""Discord's rate limits: a budget for the whole bot, a bucket for each route, a ban for insisting.

Sans-I/O: the time is given. Figures of route buckets are those that Discord's headers give in practice; it
documents none, so clients must go by the headers, not by these.
"""

import hashlib
from collections import OrderedDict, deque
from dataclasses import dataclass

BAN_WINDOW_S = 600.0
KEPT_BUCKETS = 4_096


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    limit: int
    per_s: float


DEFAULT_RATE = Rate(10, 1.0)


class RateLimitedError(Exception):
    """A request beyond a limit: what the 429 says."""

    def __init__(self, retry_after_s: float, *, scope: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{scope} limit; retry after {retry_after_s:.3f} s")
        self.retry_after_s = retry_after_s
        self.scope = scope
        self.headers = headers or {}


class AddressBannedError(Exception):
    """The address sent so many invalid requests that nothing of it is served any more for a while."""


class Bucket:
    """A fixed window that opens with its first request, as Discord's do."""

    def __init__(self, rate: Rate, name: str) -> None:
        self.rate = rate
        self.name = name
        self._ends_at = float("-inf")
        self._used = 0

    def take(self, now: float, wall: float) -> dict[str, str]:
        """Count a request and return the headers of its answer; `wall` is the Unix time."""
        if now >= self._ends_at:
            self._ends_at, self._used = now + self.rate.per_s, 0
        left_s = self._ends_at - now
        headers = self._headers(left_s, wall + left_s, remaining=max(0, self.rate.limit - self._used - 1))
        if self._used >= self.rate.limit:
            raise RateLimitedError(left_s, scope="user", headers=headers)
        self._used += 1
        return headers

    def _headers(self, left_s: float, ends_wall: float, *, remaining: int) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.rate.limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": f"{ends_wall:.3f}",
            "X-RateLimit-Reset-After": f"{left_s:.3f}",
            "X-RateLimit-Bucket": self.name,
        }


class Limits:
    """The buckets of one bot."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()
        self._second: deque[float] = deque()
        self._invalid: deque[float] = deque()

    def take_global(self, now: float, limit: int) -> None:
        """Count a request against the whole bot's budget of `limit` a second."""
        while self._second and now - self._second[0] >= 1.0:
            self._second.popleft()
        if len(self._second) >= limit:
            raise RateLimitedError(1.0 - (now - self._second[0]), scope="global")
        self._second.append(now)

    def take(self, route: str, major: str, rate: Rate, now: float, wall: float) -> dict[str, str]:
        """Count a request against the bucket of a route and its major parameter."""
        key = (route, major)
        if key not in self._buckets:
            name = hashlib.sha256(route.encode()).hexdigest()[:32]
            self._buckets[key] = Bucket(rate, name)
            if len(self._buckets) > KEPT_BUCKETS:
                self._buckets.popitem(last=False)
        return self._buckets[key].take(now, wall)

    def check_ban(self, now: float, limit: int) -> None:
        """Refuse everything while the last ten minutes held too many invalid requests."""
        while self._invalid and now - self._invalid[0] >= BAN_WINDOW_S:
            self._invalid.popleft()
        if len(self._invalid) >= limit:
            raise AddressBannedError

    def note_status(self, status: int, now: float, *, shared: bool = False) -> None:
        """Count an answer that makes a request invalid: 401, 403 or 429, but not a shared 429."""
        if status in (401, 403) or (status == 429 and not shared):
            self._invalid.append(now)
