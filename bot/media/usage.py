"""What a request used and cost: Gemini's count of tokens, and prices.toml."""

import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from google.genai import types

from bot.errors import SetupError
from bot.media.events import RequestUsage

TABLE = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens of a model, from a day on."""

    model: str
    since: date
    input: float
    output: float


@functools.cache
def price_list(path: Path = TABLE) -> tuple[Price, ...]:
    """Return the prices in a file, the newest first; raise SetupError where it is no such table."""
    try:
        rows = tomllib.loads(path.read_text("utf-8"))["price"]
        prices = [
            Price(str(row["model"]), _day(row["from"]), float(row["input"]), float(row["output"]))
            for row in rows
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise SetupError(f"The table of prices {path.name} can't be used: {error}.") from error
    return tuple(sorted(prices, key=lambda price: price.since, reverse=True))


def usage_of(
    model: str, counted: types.GenerateContentResponseUsageMetadata | None, at: float
) -> RequestUsage:
    """Return what a request used; zeros where Gemini did not say. `at` is Unix time in seconds."""
    if counted is None:
        return RequestUsage(0, 0, 0, 0, None)
    prompt = (counted.prompt_token_count or 0) + (counted.tool_use_prompt_token_count or 0)
    output, thoughts = counted.candidates_token_count or 0, counted.thoughts_token_count or 0
    total = counted.total_token_count or prompt + output + thoughts
    return RequestUsage(prompt, output, thoughts, total, _cost(model, prompt, output + thoughts, at))


def summed(used: Iterable[RequestUsage]) -> RequestUsage:
    """Return what several requests used; the cost is unknown where that of any is."""
    every = list(used)
    costs = [each.cost_usd for each in every]
    return RequestUsage(
        prompt_tokens=sum(each.prompt_tokens for each in every),
        output_tokens=sum(each.output_tokens for each in every),
        thought_tokens=sum(each.thought_tokens for each in every),
        total_tokens=sum(each.total_tokens for each in every),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
    )


def _cost(model: str, prompt: int, output: int, at: float) -> float | None:
    today = datetime.fromtimestamp(at, UTC).date()
    for price in price_list():
        if price.model == model and price.since <= today:
            return (prompt * price.input + output * price.output) / _MILLION
    return None


def _day(value: object) -> date:
    if type(value) is not date:
        raise TypeError(f"{value!r} is no day")
    return value
