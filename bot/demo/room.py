"""The demo's second scene: a room of people who talk over each other, a picture, and a tool.

Ada, Ben and Cara agreed to be heard; Dan did not, and speaks all the same. The three talk over each other;
Ada shows a picture; Ben asks about it, and the model has the bot look at it closely. Ada uses /stop when she
has heard enough of what that gave. The sentences are recorded; the question, of which there is no recording,
is said by a synthetic voice.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

import numpy as np

from bot.demo.room_outcome import RoomOutcome
from bot.demo.speech import MEDIA, SENTENCES, Line, quoted
from bot.demo.stage import Stage
from bot.demo.turns import GivenAnswer, given_answers, tool_uses
from bot.demo.watch import (
    Tell,
    is_over,
    noticed,
    pause_before_answer,
    readable,
    record_since,
    spoke_for,
    until,
    voiced,
)
from bot.emulators.client.gate import read_wav
from bot.emulators.client.speech import Utterance
from bot.emulators.discord.model import Upload
from bot.emulators.gemini.knobs import Call, ToolRule
from bot.emulators.gemini.live_pictures import Picture
from bot.emulators.gemini.voice import SPEECH_HZ, speak
from bot.emulators.person import Person
from cogs.consent import GIVE_ID

SHORT, LONG, MIDDLE = SENTENCES
AGREED, NOT_AGREED = ("Ada", "Ben", "Cara"), "Dan"
# Who says what, and when it begins, in seconds: two speak at once for over a third of the time, and no pause
# is for the bot.
SCRIPT = (
    ("Ada", LONG, 0.0),
    ("Ben", MIDDLE, 3.8),
    ("Cara", LONG, 5.8),
    ("Ada", SHORT, 9.6),
)
# One person read all the sentences: slower and deeper, or quicker and higher, they are those of others.
TEMPO = {"Ada": 1.0, "Ben": 0.9, "Cara": 1.125, "Dan": 0.8}
UNHEARD = ((NOT_AGREED, LONG, 1.5), (NOT_AGREED, MIDDLE, 9.0))
PICTURE = "photo-cat.png"
LOOK_AFTER_S = 2.0  # into an answer: a picture interrupts nobody
QUESTION = "what is on the picture that Ada has shown us and how many pixels wide is it"
ASKS, VOICE = "Ben", "Puck"
TOOL = "look_closely"
ENOUGH_S = 9.0  # of what a closer look gave: the loopback Gemini reads out all that was measured
PAUSE_S = 0.6  # between an answer and the question, as people do
STEADY_S = 1.5  # captions that have not changed for so long stay as they are
POLL_S = 0.1


async def play_room(stage: Stage, ada: Person, tell: Tell) -> RoomOutcome:
    """Play the scene with Ada, who is in the channel. Raises what the stage and its people do."""
    world = stage.discord.world
    others = [Person(stage.discord, world.add_user(name)) for name in (*AGREED[1:], NOT_AGREED)]
    people = {person.user.name: person for person in (ada, *others)}
    try:
        for person in others:
            await person.join(world.voice_channels[0].id)
        tell("Ben, Cara and Dan join Ada, who runs /join again")
        return await _play(stage, people, tell)
    finally:
        for person in others:
            await person.leave()


async def _play(stage: Stage, people: Mapping[str, Person], tell: Tell) -> RoomOutcome:
    world, ada = stage.discord.world, people["Ada"]
    before = {message.id for message in world.messages(world.voice_channels[0].id)}
    started = time.monotonic()
    await _agree(stage, people, tell)
    await noticed(stage, started, tell)
    await asyncio.sleep(PAUSE_S)
    lines, unheard = await _talk(people, tell)
    picture = (MEDIA / PICTURE).read_bytes()
    shown_at = await _show(stage, lines, ada, picture, tell)
    await asyncio.sleep(PAUSE_S)
    lines.append(await _ask(stage, people[ASKS], tell))
    stopped_at = await _hear_out(stage, lines[-1], ada, tell)
    captions = await _captions(stage, before)
    figures = await stage.figures()
    ended = time.monotonic()
    left = await ada.run_command(world.text.id, "leave")
    tell(f"Ada runs /leave; Earshot: {readable(left.text, stage)}")
    ids = {name: person.user.id for name, person in people.items()}
    return RoomOutcome(
        started=started,
        ended=ended,
        lines=lines,
        unheard=unheard,
        record=stage.relay.record.between(started, ended),
        sent=[each for user_id in ids.values() for each in voiced(stage, user_id, started)],
        sent_by_bot=[each for each in voiced(stage, world.bot.id, started) if each.at < ended],
        to_bot={name: _passed_on(stage, user_id, started) for name, user_id in ids.items()},
        heard_frames={name: _heard(person, world.bot.id, started) for name, person in people.items()},
        recording=ada.recording(started, ended, world.bot.id),
        shown_at=shown_at,
        stopped_at=stopped_at,
        picture=picture,
        captions=captions,
        figures=figures,
        model_saw=_seen(stage, started),
    )


async def _agree(stage: Stage, people: Mapping[str, Person], tell: Tell) -> None:
    """Have the bot join; those who agree press the button under its message."""
    world = stage.discord.world
    message = await people["Ada"].run_command(world.text.id, "join")
    for name in AGREED[1:]:
        answer = await people[name].click(message, GIVE_ID)
        tell(f"{name} agrees by the button; Earshot: {readable(answer.text, stage)}")
    tell(f"{NOT_AGREED} does not agree, and speaks all the same")
    everyone = [person.user.id for person in people.values()]
    for person in people.values():
        await person.secured_with(world.bot.id, *everyone)


async def _talk(people: Mapping[str, Person], tell: Tell) -> tuple[list[Line], list[Line]]:
    """Say the script; return what was said by those who agreed, and by who did not."""
    tell(f"{', '.join(AGREED[:-1])} and {AGREED[-1]} talk over each other, and so does {NOT_AGREED}")
    heard, unheard = await asyncio.gather(_say_all(people, SCRIPT), _say_all(people, UNHEARD))
    return heard, unheard


async def _say_all(
    people: Mapping[str, Person], script: Sequence[tuple[str, tuple[str, str], float]]
) -> list[Line]:
    said = await asyncio.gather(*(_say(people[name], file, at) for name, (file, _), at in script))
    return [Line(name, text, heard) for (name, (_, text), _), heard in zip(script, said, strict=True)]


async def _say(person: Person, file: str, after_s: float) -> Utterance:
    pcm, rate_hz = read_wav(MEDIA / file)
    await asyncio.sleep(after_s)
    return await person.speak(pcm, rate_hz=round(rate_hz * TEMPO[person.user.name]))


async def _show(stage: Stage, lines: Sequence[Line], person: Person, picture: bytes, tell: Tell) -> float:
    """Show the picture while the bot answers, and return when; the answer is heard to its end."""
    last = max(lines, key=lambda line: line.end)
    await _begins(stage, last, tell)
    await asyncio.sleep(LOOK_AFTER_S)
    at = time.monotonic()
    told = await person.run_command(stage.discord.world.text.id, "look", file=Upload(PICTURE, picture))
    tell(f"{person.user.name} runs /look file: {PICTURE}; Earshot: {readable(told.text, stage)}")
    await until(lambda: is_over(stage, last.end), "the answer to the room did not end")
    tell(f"Earshot: {quoted(given_answers(record_since(stage, last.end))[-1].text.strip())}")
    return at


async def _ask(stage: Stage, person: Person, tell: Tell) -> Line:
    """Ask about the picture, and wait for the answer to begin."""
    if stage.gemini is not None:  # it understands no words: it goes by who speaks, and a picture
        call = Call(TOOL, {"question": f"{QUESTION}?"})
        stage.gemini.knobs.tool_rules.append(ToolRule((call,), speaker=ASKS, pictures=1))
    tell(f"{ASKS}, by a synthetic voice: {quoted(QUESTION)}")
    speech = np.frombuffer(await asyncio.to_thread(speak, QUESTION, VOICE), np.int16)
    line = Line(ASKS, QUESTION, await person.speak(speech, rate_hz=SPEECH_HZ))
    await _begins(stage, line, tell)
    return line


async def _hear_out(stage: Stage, line: Line, person: Person, tell: Tell) -> float | None:
    """Hear the answer, and what the model tells of a closer look; return when somebody has had enough."""
    told = await until(lambda: _told(stage, line) or is_over(stage, line.end), "the answer did not end")
    if isinstance(told, GivenAnswer):
        since = told.first_audio
        await until(
            lambda: spoke_for(stage, since) >= ENOUGH_S or is_over(stage, since), "the answer did not end"
        )
    for answer in given_answers(record_since(stage, line.end)):
        tell(f"Earshot: {quoted(answer.text.strip())}")
    if is_over(stage, line.end):
        return None
    at = time.monotonic()
    stopped = await person.run_command(stage.discord.world.text.id, "stop")
    tell(f"{person.user.name} has heard enough and runs /stop; Earshot: {readable(stopped.text, stage)}")
    return at


def _told(stage: Stage, line: Line) -> GivenAnswer | None:
    """Return the answer that tells what a function returned, None where there is none yet."""
    record = record_since(stage, line.end)
    results = [use.answered for use in tool_uses(record) if use.answered is not None]
    later = (answer for answer in given_answers(record) if results and answer.first_audio > results[0])
    return next(later, None)


async def _begins(stage: Stage, line: Line, tell: Tell) -> None:
    pause = await until(lambda: pause_before_answer(stage, line), "the bot did not answer the room")
    tell(f"Earshot begins to answer {1000 * pause:.0f} ms after {line.name}'s last word")


async def _captions(stage: Stage, before: set[int]) -> list[str]:
    """Return what the bot wrote into the call's chat, once it stays as it is."""
    world = stage.discord.world
    written: list[str] = []
    steady_at = time.monotonic()
    while time.monotonic() - steady_at < STEADY_S:
        posts = [post for post in world.messages(world.voice_channels[0].id) if post.id not in before]
        now = [line for post in posts if post.author is world.bot for line in post.text.splitlines()]
        if now != written:
            written, steady_at = now, time.monotonic()
        await asyncio.sleep(POLL_S)
    return written


def _passed_on(stage: Stage, user_id: int, since: float) -> int:
    """Return how many datagrams of somebody's sound the voice server passed on to the bot."""
    bot_id = stage.discord.world.bot.id
    return sum(
        entry.at >= since
        and (entry.fields.get("user_id"), entry.fields.get("to")) == (user_id, bot_id)
        and entry.fields.get("decision") == "sent"
        for entry in stage.discord.trace.of("udp.out")
    )


def _heard(person: Person, bot_id: int, since: float) -> int:
    return sum(not frame.silence and frame.at >= since for frame in person.heard(bot_id))


def _seen(stage: Stage, since: float) -> Sequence[Picture] | None:
    if stage.gemini is None:
        return None
    return [each for session in stage.gemini.sessions for each in session.log.pictures if each.at >= since]
