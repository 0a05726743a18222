"""Many calls at once, for a long time: nothing may grow, and nothing said may be lost.

`python tests/soak/soak.py --minutes 32 --calls 16` runs the unmodified bot as a process of its own between
the loopback Discord and Gemini. In each call a person says a recorded sentence, hears the answer, says the
next one; another person keeps having the bot join and leave. Connections to Gemini live for two minutes: so
each call resumes its session again and again. Sixteen calls for half an hour are eight hours of calls.

The bot's memory, threads, files and tasks are looked at every few seconds. It ends by itself, prints what it
found, writes soak.json and soak.png, and exits with 1 where something grew or was lost.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from soak_report import Found, Look, checks_of, look, show, write  # noqa: E402

from bot.demo.stage import Stage, stage  # noqa: E402 - found by the line above
from bot.emulators.discord.handles import InteractionFailedError  # noqa: E402
from bot.emulators.discord.model import ChannelType  # noqa: E402
from bot.emulators.person import Person  # noqa: E402

SENTENCE = ROOT / "tests" / "media" / "speech-austen-0880.wav"
CONNECTION_S = 120.0
PAUSE_S = (2.0, 10.0)  # between an answer and the next sentence
ANSWER_S = 20.0
QUIET_S = 1.0  # of the bot, after which its answer is over
LOOK_S = 5.0
FORGET_S = 60.0
CHURN_S = (3.0, 8.0)
BROKEN_OFF = -1  # in place of the bot's exit code
# Counters that say that something said was lost.
LOSSES = ("missing", "undecrypted", "undecodable", "live_audio_lost_ms", "datagrams_forgotten")


async def main() -> int:
    """Run it, and return the exit code."""
    arguments = _arguments()
    console = Console()
    found = Found(arguments.calls)
    code = BROKEN_OFF
    try:
        code = await _with_bot(arguments, found, console)
    finally:  # what was found until then is shown all the same
        checks = checks_of(found, code) if found.looks else []
        show(console, found, checks)
        await asyncio.to_thread(write, found, checks, arguments.out)
    return 0 if checks and all(check.passed for check in checks) else 1


async def _with_bot(arguments: argparse.Namespace, found: Found, console: Console) -> int:
    """Soak a bot that runs meanwhile; return its exit code."""
    with tempfile.TemporaryDirectory(prefix="earshot-soak-") as folder:
        async with stage(Path(folder), "loopback") as ready:
            assert ready.gemini is not None
            ready.gemini.knobs.connection_life_s = CONNECTION_S
            ready.gemini.knobs.go_away_lead_s = 20.0
            await ready.while_bot_runs(_soak(ready, found, 60 * arguments.minutes, console))
            return await ready.stop_bot()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run many calls for a long time; see that nothing grows.")
    parser.add_argument("--minutes", type=float, default=32.0, help="how long (default 32)")
    parser.add_argument("--calls", type=int, default=16, help="calls at once (default 16)")
    parser.add_argument(
        "--out", type=Path, default=Path("soak-out"), help="folder for soak.json and soak.png"
    )
    return parser.parse_args()


async def _soak(ready: Stage, found: Found, seconds: float, console: Console) -> None:
    until = time.monotonic() + seconds
    talkers = [await _talker(ready, number) for number in range(found.calls)]
    churner = await _talker(ready, found.calls, joins=False)
    watching = asyncio.create_task(_watch(ready, found, until, console), name="soak-watch")
    try:
        await asyncio.gather(
            *(_talk(ready, person, found, until, number) for number, person in enumerate(talkers)),
            _churn(ready, churner, found, until),
            _forget(ready, (*talkers, churner), until),
            watching,
        )
        await asyncio.sleep(2 * QUIET_S)
        await _count(ready, found, {_guild(ready, person) for person in talkers})
    finally:
        for person in (*talkers, churner):
            await person.leave()


async def _talker(ready: Stage, number: int, *, joins: bool = True) -> Person:
    """Make a guild with a person in its voice channel, who has the bot join."""
    world = ready.discord.world
    guild = world.add_guild(f"Guild {number}")
    text = world.add_channel("general", guild=guild)
    voice = world.add_channel("Lounge", ChannelType.VOICE, guild=guild)
    person = Person(ready.discord, world.add_user(f"Person {number}", guild))
    await person.join(voice.id)
    if joins:
        await _join(ready, person, text.id)
    return person


async def _join(ready: Stage, person: Person, text_id: int) -> None:
    await person.run_command(text_id, "join")
    await person.secured_with(ready.discord.world.bot.id, wait_s=20.0)


def _text_id(ready: Stage, person: Person) -> int:
    guild = ready.discord.world.places.guilds[_guild(ready, person)]
    return next(channel.id for channel in guild.channels.values() if channel.type is ChannelType.TEXT)


def _guild(ready: Stage, person: Person) -> int:
    guilds = ready.discord.world.places.guilds.values()
    return next(guild.id for guild in guilds if person.user.id in guild.members)


async def _talk(ready: Stage, person: Person, found: Found, until: float, seed: int) -> None:
    pauses = random.Random(seed)
    await asyncio.sleep(pauses.uniform(*PAUSE_S))
    while time.monotonic() < until - ANSWER_S:
        before = person.hearing.counts["heard"]
        utterance = await person.speak(SENTENCE)
        found.sentences += 1
        found.said_frames += len(utterance.frames)
        answered = await _answered(person, before)  # before the sum is read: others add to it meanwhile
        found.answers += answered
        await asyncio.sleep(pauses.uniform(*PAUSE_S))


async def _answered(person: Person, before: int) -> bool:
    """Wait for an answer to begin and to end; return whether one came."""
    deadline = time.monotonic() + ANSWER_S
    heard, changed = before, time.monotonic()
    while time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        now = person.hearing.counts["heard"]
        if now != heard:
            heard, changed = now, time.monotonic()
        elif heard > before and time.monotonic() - changed > QUIET_S:
            return True
    return heard > before


async def _churn(ready: Stage, person: Person, found: Found, until: float) -> None:
    pauses = random.Random(1)
    text_id = _text_id(ready, person)
    while time.monotonic() < until - ANSWER_S:
        try:
            await _join(ready, person, text_id)
            await asyncio.sleep(pauses.uniform(*CHURN_S))
            await person.run_command(text_id, "leave")
        except (InteractionFailedError, TimeoutError) as error:
            found.failed.append(f"{found.looks[-1].at:.0f} s: {error}")
        else:
            found.joins += 1
        await asyncio.sleep(pauses.uniform(*CHURN_S))


async def _forget(ready: Stage, people: Sequence[Person], until: float) -> None:
    """Have the emulators forget what passed: half an hour of it would hold up their own loop."""
    assert ready.gemini is not None
    while time.monotonic() < until:
        await asyncio.sleep(FORGET_S)
        ready.discord.trace.clear()
        for session in ready.gemini.sessions:
            session.log.heard.clear()
        for person in people:
            person.hearing.forget()


async def _watch(ready: Stage, found: Found, until: float, console: Console) -> None:
    began = time.monotonic()
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("soaking", total=until - began)
        while time.monotonic() < until:
            found.looks.append(await _look(ready, time.monotonic() - began))
            progress.update(bar, completed=time.monotonic() - began)
            await asyncio.sleep(LOOK_S)


async def _look(ready: Stage, at: float) -> Look:
    tasks = [value for name, _, value in await _samples(ready) if name == "earshot_tasks"]
    return look(ready.process.pid, at, tasks=int(sum(tasks)))


async def _samples(ready: Stage) -> list[tuple[str, dict[str, str], float]]:
    async with aiohttp.ClientSession() as http, http.get(ready.metrics_url) as answer:
        text = await answer.text()
    families = text_string_to_metric_families(text)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


async def _count(ready: Stage, found: Found, guilds: set[int]) -> None:
    """Read what the calls have counted that ran all the time."""
    totals: dict[str, int] = {}
    for name, labels, value in await _samples(ready):
        if name == "earshot_events_total" and int(labels["guild"]) in guilds:
            totals[labels["of"]] = totals.get(labels["of"], 0) + int(value)
    found.heard_frames = totals["heard"]
    found.lost = {name: totals[name] for name in LOSSES}
    found.resumed = totals["live_resumed"]


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
