"""What happens in the demo: a person talks with the bot, interrupts it once, leaves, and shows it things."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp

from bot.audio.pcm import Pcm16
from bot.demo.gallery import Exhibit, show
from bot.demo.stage import DemoError, Stage
from bot.demo.turns import GivenAnswer, given_answers
from bot.emulators.client.connection import VoiceError
from bot.emulators.client.speech import Utterance
from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import InteractionFailedError
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.record import Record
from bot.emulators.person import Person

MEDIA = Path(__file__).resolve().parent.parent.parent / "tests" / "media"

# Real speech from LibriVox recordings, public domain; see tests/media/README.md.
SENTENCES = (
    ("speech-austen-0880.wav", "he was not an ill disposed young man"),
    (
        "speech-austen-0920.wav",
        "had he married a more amiable woman he might have been made still more respectable than he was",
    ),
    ("speech-austen-0930.wav", "he might even have been made amiable himself"),
)
INTERRUPTED = 1  # the answer to the second sentence is cut off by the third
LISTEN_S = 1.5  # how much of it is heard before that
ANSWER_S = 30.0  # how long an answer may take to begin, and then to end
PAUSE_S = 0.6  # between an answer and the next sentence, as people do
QUIET_S = 0.5  # the bot has stopped when it sent nothing voiced for so long
POLL_S = 0.02

Tell = Callable[[str], None]
T = TypeVar("T")


@dataclass
class Line:
    """A sentence that the person said."""

    text: str
    utterance: Utterance


@dataclass
class Outcome:
    """All that the results are made from; times are `time.monotonic()`."""

    name: str
    """Of the person."""
    started: float
    ended: float
    lines: list[Line]
    record: Record
    sent_by_person: list[TraceEntry]
    sent_by_bot: list[TraceEntry]
    """Voiced datagrams as the voice server received them."""
    heard_frames: int
    """How many of the bot's the person could decrypt."""
    undecryptable: int
    """How many the person could not, or not yet."""
    recording: Pcm16
    """What the person heard from `started` to `ended`, 48 kHz mono."""
    figures: dict[str, float]
    exhibits: list[Exhibit]
    exit_code: int


async def play(stage: Stage, tell: Tell) -> Outcome:
    """Play the scene, telling each step. Raises DemoError where the bot does not do its part."""
    person = Person(stage.discord, stage.discord.world.add_user("Ada"))
    started = time.monotonic()
    try:
        lines, figures = await stage.while_bot_runs(_call(stage, person, tell))
        ended = time.monotonic()
        undecryptable = person.undecryptable  # before leaving, with what still waits for a key
        exhibits = await stage.while_bot_runs(show(stage, person.user, tell))
    except (ActError, InteractionFailedError, VoiceError, TimeoutError, aiohttp.ClientError) as error:
        raise DemoError(f"The scene broke off: {str(error) or 'something took too long'}.") from error
    finally:
        await person.leave()
    code = await stage.stop_bot()
    tell(f"the bot ended with exit code {code}")
    bot_id = stage.discord.world.bot.id
    return Outcome(
        name=person.user.name,
        started=started,
        ended=ended,
        lines=lines,
        record=stage.relay.record,
        sent_by_person=_voiced(stage, person.user.id, started),
        sent_by_bot=_voiced(stage, bot_id, started),
        heard_frames=sum(not frame.silence for frame in person.heard(bot_id)),
        undecryptable=undecryptable,
        recording=person.recording(started, ended),
        figures=figures,
        exhibits=exhibits,
        exit_code=code,
    )


async def _call(stage: Stage, person: Person, tell: Tell) -> tuple[list[Line], dict[str, float]]:
    """Join, ask the bot to, talk, and leave; return what was said, and the bot's figures."""
    world = stage.discord.world
    channel, text = world.voice_channels[0], world.text
    await person.join(channel.id)
    tell(f"Ada is in the voice channel {channel.name} and runs /join")
    joined = await person.run_command(text.id, "join")
    tell(f"Earshot: {_readable(joined.text, stage)}")
    await person.secured_with(world.bot.id)
    tell("both are in one end-to-end encrypted group (DAVE)")
    lines = await _talk(stage, person, tell)
    figures = await stage.figures()
    left = await person.run_command(text.id, "leave")
    tell(f"Ada runs /leave; Earshot: {_readable(left.text, stage)}")
    return lines, figures


async def _talk(stage: Stage, person: Person, tell: Tell) -> list[Line]:
    """Say the sentences; wait for each answer to end, or interrupt it."""
    lines: list[Line] = []
    for number, (file, text) in enumerate(SENTENCES):
        tell(f"Ada: {quoted(text)}")
        lines.append(Line(text, await person.speak(MEDIA / file)))
        answer = await _until(lambda: _answer_to(stage, lines[-1]), "the bot did not answer")
        ended = lines[-1].utterance.ended_at
        tell(f"Earshot begins to answer {1000 * (answer.first_audio - ended):.0f} ms later")
        if number == INTERRUPTED:
            await _until(lambda: _spoke_for(stage, lines[-1]) >= LISTEN_S, "the bot did not speak")
            tell("Ada interrupts")
            continue
        await _until(lambda: _is_over(stage, lines[-1]), "the answer did not end")
        tell(f"Earshot: {quoted(given_answers(stage.relay.record)[-1].text.strip())}")
        await asyncio.sleep(PAUSE_S)
    return lines


def _answer_to(stage: Stage, line: Line) -> GivenAnswer | None:
    answers = given_answers(stage.relay.record)
    return next((each for each in answers if each.first_audio > line.utterance.ended_at), None)


def _is_over(stage: Stage, line: Line) -> bool:
    """Say whether the answer has arrived whole and was played to its end."""
    answer = _answer_to(stage, line)
    sent = _voiced(stage, stage.discord.world.bot.id, line.utterance.ended_at)
    if answer is None or answer.ended is None or not sent:
        return False
    return time.monotonic() - sent[-1].at > QUIET_S


def _spoke_for(stage: Stage, line: Line) -> float:
    """Return for how many seconds the bot has spoken since the person did."""
    sent = _voiced(stage, stage.discord.world.bot.id, line.utterance.ended_at)
    return time.monotonic() - sent[0].at if sent else 0.0


def _voiced(stage: Stage, user_id: int, since: float) -> list[TraceEntry]:
    return [
        entry
        for entry in stage.discord.trace.of("udp.in")
        if entry.fields.get("user_id") == user_id
        and entry.fields.get("silence") is False
        and entry.at >= since
    ]


async def _until(condition: Callable[[], T | None], otherwise: str) -> T:
    deadline = time.monotonic() + ANSWER_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise DemoError(f"After {ANSWER_S:.0f} s {otherwise}.")
        await asyncio.sleep(POLL_S)
    return result


def _readable(text: str, stage: Stage) -> str:
    """Return what a message begins with, with the names of channels as a person sees them."""
    for channel in stage.discord.world.guild.channels.values():
        text = text.replace(f"<#{channel.id}>", f"#{channel.name}")
    return text.split("\n", 1)[0]


def quoted(text: str) -> str:
    """Return a text in quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{RIGHT DOUBLE QUOTATION MARK}"
