"""What the rows of the voice connection do to it, and what they hold it to."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeAlias

import numpy as np
from fault_measure import Sentence, heard_in, spoken_turns
from fault_row import Inject, Row, When
from fault_scenarios import INTO_S, JOIN_S, one_more, standard
from fault_scene import FRAME, SENTENCE, Scene
from loopback import eventually
from scipy import signal

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.emulators.person import Person

Scenario: TypeAlias = Callable[[Scene, Row], Awaitable[None]]

DESCRIPTION, RESUMED, COMMIT, WELCOME, INVALID_OP = 4, 9, 29, 30, 31
FOLLOWED_S = 2.0  # a move may be noticed as no more
FOLLOWS_S = 20.0  # so long is waited, to tell by how much it was missed
ENDS_S = 10.0  # in which a call that can't go on has ended, and people know
WORD = LIVE_IN_HZ // 10  # samples that are looked for on their own: half a syllable
SLACK = LIVE_IN_HZ // 5 + WORD  # samples around where a piece is looked for
SPOILT = 0.1  # of those pieces: of 13 one may be spoilt by a machine that is busy
ALIKE = 0.7  # correlation of such a piece with itself, through Opus; elsewhere in speech it has under 0.6


def closes(code: int) -> Inject:
    """Return what has the voice server close the bot's websocket; 1006 cuts it."""

    async def inject(scene: Scene) -> None:
        scene.discord.voice.close_socket(scene.world.bot.id, code)

    return inject


def sends(*messages: dict[str, object] | bytes | str) -> Inject:
    """Return what has the voice server send the bot these."""

    async def inject(scene: Scene) -> None:
        for message in messages:
            scene.discord.voice.inject(scene.world.bot.id, message)

    return inject


def with_udp(**knobs: object) -> Scenario:
    """Return the usual scenario on a network that is like this from the first sentence on."""

    async def scenario(scene: Scene, row: Row) -> None:
        await scene.ready()
        with knobbed(scene.discord.knobs.udp, **knobs):
            await standard(scene, row)

    return scenario


async def lost_in_silence(scene: Scene, row: Row) -> None:
    """Break the connection while nobody speaks: how long it takes is how long nobody could be heard."""
    await scene.ready()
    since = time.monotonic()
    await row.inject(scene)
    await heard_again(scene, row, since)
    await one_more(scene)
    await row.check(scene)


async def heard_again(scene: Scene, row: Row, since: float) -> None:
    """Take the time until the bot is connected anew, or the next sentence is answered: the longer one."""
    unheard_s = await reconnected(scene, since, row.limit_s) - row.server_s
    silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s) - scene.baseline_s
    scene.outcome.silence_ms = 1000 * max(0.0, unheard_s, silence_s)
    await scene.idle()


@contextlib.contextmanager
def knobbed(knobs: object, **values: object) -> Iterator[None]:
    """Have knobs stand so within a block."""
    usual = {name: getattr(knobs, name) for name in values}
    try:
        for name, value in values.items():
            setattr(knobs, name, value)
        yield
    finally:
        for name, value in usual.items():
            setattr(knobs, name, value)


async def reconnected(scene: Scene, since: float, limit_s: float) -> float:
    """Wait until the bot has a new voice connection, with all its keys; return how long it took."""
    await held(lambda: _greeted(scene, since), limit_s, "no new connection")
    await scene.ada.secured_with(scene.world.bot.id)
    return time.monotonic() - since


async def resumed(scene: Scene, since: float, limit_s: float) -> None:
    """Wait until the bot has taken up its session on another websocket."""

    def told() -> list[object]:
        return [e for e in scene.discord.trace.of("voice.out") if e.fields["op"] == RESUMED and e.at > since]

    await held(lambda: bool(told()), limit_s, "no new websocket")
    await held(_is_polling, 5.0, "nothing reads the new websocket")


def _is_polling() -> bool:
    """Say whether the bot, which is in this process, reads a voice websocket."""
    return any(task.get_name().endswith("-poller") for task in asyncio.all_tasks())


def _greeted(scene: Scene, since: float) -> bool:
    """Say whether the bot has been resumed, or has another session and is in the encrypted group again."""
    entries = scene.discord.trace.of("voice.out")
    mine = [e for e in entries if e.at > since and e.fields["user_id"] in (scene.world.bot.id, None)]
    ops = [e.fields["op"] for e in mine]
    return RESUMED in ops or (DESCRIPTION in ops and bool({COMMIT, WELCOME}.intersection(ops)))


async def lost_in_speech(scene: Scene, row: Row) -> None:
    """Break the connection in mid-sentence so that the voice server has nobody to send the words on to.

    While there is no key, the person's client sends none either. Who speaks is answered all the same, and
    heard as far as the voice server sent the words on.
    """
    await scene.ready()
    words, pcm = SENTENCE
    saying = asyncio.create_task(scene.ada.speak(pcm, rate_hz=LIVE_IN_HZ), name="fault-saying")
    await scene.heard_of(INTO_S)
    began = time.monotonic()
    await row.inject(scene)
    fault = began, time.monotonic()
    utterance = await saying
    voiced = [frame.at for frame in utterance.frames if frame.voiced]
    sentence = Sentence(words, utterance, voiced[-1])
    silence_s = await scene.silence_after(sentence, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s - row.server_s)
    sent = 1 - utterance.withheld / max(1, utterance.withheld + len(utterance.frames))
    kept, sent_on = _kept(scene, sentence), _sent_on(scene, sentence, fault)
    await one_more(scene)
    scene.outcome.words_lost += round(words * (1 - kept * sent), 1)
    assert kept >= sent_on - SPOILT, f"the model heard {kept:.0%} of a sentence; {sent_on:.0%} were sent on"
    await row.check(scene)


def worn(least: float) -> Inject:
    """Return what takes a sentence for heard of which that share, 0 to 1, came through and was answered.

    What the voice server never sent on can't be heard; it is shown as words lost.
    """

    async def check(scene: Scene) -> None:
        scene.outcome.words_lost = 0.0
        scene.outcome.lost = 0
        for sentence in scene.said:
            share = _kept(scene, sentence)
            scene.outcome.words_lost += round(sentence.words * (1 - share), 1)
            answered = any(each.turn.spoken_bytes for each in scene.reached(sentence))
            scene.outcome.lost += share < least or not answered

    return check


def _kept(scene: Scene, sentence: Sentence) -> float:
    """Return the share of a sentence that the model heard in order, whatever is missing in between."""
    began = sentence.utterance.started_at
    turns = [(session, turn) for session, turn in spoken_turns(scene.gemini) if turn.at > began]
    pieces = [heard_in(session, turn) for session, turn in turns]
    heard = np.concatenate([*pieces, np.zeros(WORD, np.int16)])
    said = sentence.utterance.pcm16k
    starts = _pieces(said)
    found, position, before = 0, 0, 0
    for start in starts:
        # What follows was heard no later than it was said: elsewhere is another piece that is like it.
        until = position + start - before + SLACK if found else heard.size
        place = _place(said[start : start + WORD], heard[position:until])
        if place is not None:
            found, position, before = found + 1, position + place, start
    return found / max(1, len(starts))


def _pieces(said: Pcm16) -> list[int]:
    """Return where the pieces of a sentence begin that are loud enough to be looked for."""
    return [at for at in range(0, said.size - WORD + 1, WORD) if np.abs(said[at : at + WORD]).max() > 1000]


def _sent_on(scene: Scene, sentence: Sentence, fault: tuple[float, float]) -> float:
    """Return the share of a sentence's pieces that the voice server sent on to the bot, each whole.

    What it sent while the fault was being injected, from one time to another, the fault may have taken.
    """
    bot, ada = scene.world.bot.id, scene.ada.user.id
    through = {
        entry.fields["seq"]
        for entry in scene.discord.trace.of("udp.out")
        if entry.at >= sentence.utterance.started_at
        and (entry.fields["user_id"], entry.fields["to"]) == (ada, bot)
        and not fault[0] <= entry.at <= fault[1]
        and entry.fields["decision"] != "dropped"
    }
    whole = [frame.seq % 2**16 in through for frame in sentence.utterance.frames]
    starts = _pieces(sentence.utterance.pcm16k)
    found = [all(whole[at // FRAME : (at + WORD) // FRAME]) for at in starts]
    return sum(found) / max(1, len(starts))


def _place(piece: Pcm16, heard: Pcm16) -> int | None:
    if heard.size < piece.size:
        return None
    x, y = piece.astype(np.float64), heard.astype(np.float64)
    scores = signal.correlate(y, x, "valid", "fft")
    powers = np.convolve(y * y, np.ones(x.size), "valid")
    alike = scores / np.sqrt(np.maximum(powers, 1.0) * (x @ x))
    good = np.flatnonzero(alike >= ALIKE)
    return int(good[0]) if good.size else None


def ends(told: str) -> Scenario:
    """Return the scenario of a fault that ends the call: people read why, and /join brings the bot back."""

    async def scenario(scene: Scene, row: Row) -> None:
        await scene.ready()
        posts = len(scene.posted())
        if row.when is When.ANSWERING:
            await scene.ask(SENTENCE, limit_s=row.limit_s)
            await asyncio.sleep(INTO_S)
        await row.inject(scene)
        scene.judge()
        scene.said.clear()  # what is said below is told by its sound from what was said in this call alone
        await held(lambda: not scene.in_call, ENDS_S, "the bot stays in the channel")
        await held(lambda: len(scene.posted()) > posts, ENDS_S, "nobody was told that the call is over")
        (said,) = scene.posted()[posts:]
        assert told in said, f"people were told {said!r}"
        scene.outcome.note = said
        await back(scene)

    return scenario


async def refused(scene: Scene, row: Row, told: str) -> None:
    """Hold that /join is answered in time, and by why it could not be done."""
    asked = scene.ada.run_command(scene.world.text.id, "join")
    began = time.monotonic()
    said = (await asked.response(within_s=15.0)).text
    took_s = time.monotonic() - began
    assert told in said, f"/join: {said!r}"
    assert took_s <= JOIN_S, f"/join was answered after {took_s:.1f} s"
    scene.outcome.note = said
    scene.outcome.silence_ms = 1000 * max(0.0, took_s - row.server_s)


async def back(scene: Scene) -> None:
    """Have the bot in the lounge with Ada again, with a call as good as any."""
    lounge = scene.world.voice_channels[0].id
    await scene.ada.join(lounge)
    await scene.join()
    scene.baseline_s = await scene.ask(SENTENCE, limit_s=10.0)
    await scene.idle()
    scene.stand()
    await one_more(scene)


async def move_both(scene: Scene, channel_id: int) -> float:
    """Have a moderator move the bot, and Ada go after it; return for how long nobody could be heard."""
    since = time.monotonic()
    scene.world.move(scene.world.bot.id, channel_id)
    await scene.ada.join(channel_id)
    return await reconnected(scene, since, FOLLOWS_S)


async def followed(scene: Scene) -> None:
    """Hold that a move or a new region was followed at once."""
    assert scene.outcome.silence_ms is not None
    assert scene.outcome.silence_ms <= 1000 * FOLLOWED_S, f"followed {scene.outcome.silence_ms:.0f} ms on"


async def held(condition: Callable[[], bool], within_s: float, otherwise: str) -> None:
    """Wait until something is so; raise AssertionError if it isn't in time."""
    try:
        await eventually(condition, within_s)
    except TimeoutError:
        raise AssertionError(f"{otherwise}, {within_s:g} s on") from None


def told(scene: Scene, op: int) -> int:
    """Return how often the bot has sent an opcode to the voice gateway since the row began."""
    entries = scene.discord.trace.of("voice.in")
    return sum(e.fields["op"] == op and e.fields["user_id"] == scene.world.bot.id for e in entries)


async def recovers_once(scene: Scene) -> None:
    """Hold that the bot asked for new keys, and not over and over."""
    assert told(scene, INVALID_OP) == 1, f"op 31 was sent {told(scene, INVALID_OP)} times"


@contextlib.asynccontextmanager
async def another(scene: Scene, name: str, *, alone: bool = False) -> AsyncIterator[Person]:
    """Have somebody else in the channel, who is in the encrypted group too; `alone` with the bot at first."""
    person = Person(scene.discord, scene.world.add_user(name))
    others = [scene.world.bot.id] if alone else [scene.world.bot.id, scene.ada.user.id]
    try:
        await person.join(scene.world.voice_channels[0].id)
        await person.secured_with(*others)
        yield person
    finally:
        await person.leave()
