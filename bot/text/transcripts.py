"""The transcript of a call as a document, and as times and texts for subtitles."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.text.escape import escaped, escaped_lines, one_line

NAME = 40  # characters: Discord's names have 32
RATE = 15.0  # characters that are said in a second: when somebody finished is not known otherwise
LEAST_S = 1.0  # that the shortest word is shown
# HTML, which Discord shows as it is but most viewers of Markdown files obey.
_HTML = re.compile(r"<|&(?=#?\w+;)")


@dataclass(frozen=True)
class Said:
    """What one person, or the bot, said without a break."""

    at: float
    """When it began, Unix seconds."""
    name: str
    text: str


def minutes(said: Sequence[Said]) -> list[Said]:
    """Return what was said in order, with the lines of one speech put together again."""
    whole: list[Said] = []
    for each in sorted(said, key=lambda one: one.at):
        before = whole[-1] if whole else None
        if before is not None and (before.at, before.name) == (each.at, each.name):
            whole[-1] = Said(before.at, before.name, f"{before.text} {each.text}")
        else:
            whole.append(each)
    return whole


def document(said: Sequence[Said], place: str) -> str:
    """Return a transcript as Markdown; `place` is the name of the channel."""
    spoken = minutes(said)
    if not spoken:
        return ""
    began, ended = spoken[0].at, spoken[-1].at
    names = dict.fromkeys(each.name for each in spoken)
    head = [
        f"# {_without_html(one_line(f'Call in {place}', 200))}",
        "\n".join(
            [
                f"- Date: {_utc(began):%Y-%m-%d}",
                f"- Time: {_utc(began):%H:%M} to {_utc(ended):%H:%M} UTC",
                f"- Speakers: {', '.join(_name(name) for name in names)}",
            ]
        ),
    ]
    return "\n\n".join([*head, *_lines(spoken)]) + "\n"


def plain(said: Sequence[Said]) -> str:
    """Return a transcript as plain lines, `[0:05] Ada: Hello.` each, as a model reads it."""
    spoken = minutes(said)
    return "\n".join(
        f"[{_clock(each.at - spoken[0].at)}] {' '.join(each.name.split())}: {' '.join(each.text.split())}"
        for each in spoken
    )


def timed(said: Sequence[Said]) -> Iterator[tuple[float, float, str]]:
    """Yield when each speech began and ended, in seconds from the first, and `Name: text`."""
    spoken = minutes(said)
    for number, each in enumerate(spoken):
        start = each.at - spoken[0].at
        end = start + max(LEAST_S, len(each.text) / RATE)
        if number + 1 < len(spoken):
            end = max(start + LEAST_S, min(end, spoken[number + 1].at - spoken[0].at))
        yield start, end, f"{' '.join(each.name.split())}: {each.text}"


def _lines(spoken: Sequence[Said]) -> Iterator[str]:
    for each in spoken:
        words = _without_html(escaped_lines(escaped(" ".join(each.text.split()))))
        yield f"**[{_clock(each.at - spoken[0].at)}] {_name(each.name)}:** {words}"


def _name(name: str) -> str:
    return _without_html(one_line(name, NAME))


def _without_html(text: str) -> str:
    return _HTML.sub(r"\\\g<0>", text)


def _clock(seconds: float) -> str:
    minute, second = divmod(int(seconds), 60)
    hour, minute = divmod(minute, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
