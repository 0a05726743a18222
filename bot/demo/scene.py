"""What happens in the demo: a call with one interruption, a room of four, and things that are shown."""

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from bot.audio.pcm import Pcm16
from bot.demo.gallery import Exhibit, show
from bot.demo.room import play_room
from bot.demo.room_outcome import RoomOutcome
from bot.demo.speech import MEDIA, SENTENCES, Line, quoted
from bot.demo.stage import DemoError, Stage
from bot.demo.turns import given_answers
from bot.demo.watch import Tell, is_over, noticed, pause_before_answer, readable, spoke_for, until, voiced
from bot.emulators.client.connection import VoiceError
from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import InteractionFailedError
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.record import Record
from bot.emulators.person import Person

INTERRUPTED = 1  # the answer to the second sentence is cut off by the third
LISTEN_S = 1.5  # how much of it is heard before that
PAUSE_S = 0.6  # between an answer and the next sentence, as people do


@dataclass
class Outcome:
    """All that the results are made from; times are `time.monotonic()`. All but the last is of the call."""

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
    room: RoomOutcome
    exhibits: list[Exhibit]
    exit_code: int


async def play(stage: Stage, tell: Tell) -> Outcome:
    """Play the scenes, telling each step. Raises DemoError where the bot does not do its part."""
    person = Person(stage.discord, stage.discord.world.add_user("Ada"))
    bot_id = stage.discord.world.bot.id
    started = time.monotonic()
    try:
        lines, figures = await stage.while_bot_runs(_call(stage, person, tell))
        ended = time.monotonic()
        undecryptable = person.undecryptable  # with what still waits for a key
        heard = sum(not frame.silence for frame in person.heard(bot_id))
        room = await stage.while_bot_runs(play_room(stage, person, tell))
        exhibits = await stage.while_bot_runs(show(stage, person.user, tell))
    except (ActError, InteractionFailedError, VoiceError, TimeoutError, aiohttp.ClientError) as error:
        raise DemoError(f"The scene broke off: {str(error) or 'something took too long'}.") from error
    finally:
        await person.leave()
    code = await stage.stop_bot()
    tell(f"the bot ended with exit code {code}")
    return Outcome(
        name=person.user.name,
        started=started,
        ended=ended,
        lines=lines,
        record=stage.relay.record.between(started, ended),
        sent_by_person=[each for each in voiced(stage, person.user.id, started) if each.at < ended],
        sent_by_bot=[each for each in voiced(stage, bot_id, started) if each.at < ended],
        heard_frames=heard,
        undecryptable=undecryptable,
        recording=person.recording(started, ended),
        figures=figures,
        room=room,
        exhibits=exhibits,
        exit_code=code,
    )


async def _call(stage: Stage, person: Person, tell: Tell) -> tuple[list[Line], dict[str, float]]:
    """Join, ask the bot to, talk, and have it leave; return what was said, and the bot's figures."""
    world = stage.discord.world
    channel, text = world.voice_channels[0], world.text
    await person.join(channel.id)
    tell(f"Ada is in the voice channel {channel.name} and runs /join")
    began = time.monotonic()
    joined = await person.run_command(text.id, "join")
    tell(f"Earshot: {readable(joined.text, stage)}")
    await person.secured_with(world.bot.id)
    tell("both are in one end-to-end encrypted group (DAVE)")
    await noticed(stage, began, tell)
    await asyncio.sleep(PAUSE_S)
    lines = await _talk(stage, person, tell)
    figures = await stage.figures()
    left = await person.run_command(text.id, "leave")
    tell(f"Ada runs /leave; Earshot: {readable(left.text, stage)}")
    return lines, figures


async def _talk(stage: Stage, person: Person, tell: Tell) -> list[Line]:
    """Say the sentences; wait for each answer to end, or interrupt it."""
    lines: list[Line] = []
    for number, (file, text) in enumerate(SENTENCES):
        tell(f"Ada: {quoted(text)}")
        line = Line(person.user.name, text, await person.speak(MEDIA / file))
        lines.append(line)
        pause = await until(lambda: pause_before_answer(stage, lines[-1]), "the bot did not answer")
        tell(f"Earshot begins to answer {1000 * pause:.0f} ms after Ada's last word")
        if number == INTERRUPTED:
            await until(lambda: spoke_for(stage, lines[-1].end) >= LISTEN_S, "the bot did not speak")
            tell("Ada interrupts")
            continue
        await until(lambda: is_over(stage, lines[-1].end), "the answer did not end")
        tell(f"Earshot: {quoted(given_answers(stage.relay.record)[-1].text.strip())}")
        await asyncio.sleep(PAUSE_S)
    return lines
