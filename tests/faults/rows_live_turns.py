"""How a model's turns go wrong: interruptions that were none, answers that stall, transcripts in disorder."""

import asyncio
import contextlib
import re

from fault_row import SILENCE_S, Inject, Row, When
from fault_scenarios import one_more
from fault_scene import ASIDE, SENTENCE, Scene
from loopback import eventually

from bot.emulators.gemini.faults import (
    Deform,
    Deformation,
    Effect,
    Interrupt,
    LateAudio,
    Mute,
    Send,
    Stall,
    Where,
)
from bot.emulators.gemini.messages import Message

BEFORE, ANSWER = "Live, before the answer", "Live, in mid-answer"
STALL = "one nudge 9 s after the turn, as it may search; 5 s later a new connection, which hears it again"
INTERRUPTED = {"serverContent": {"interrupted": True}}
LISTEN_S = 2.5  # in which it says more than WORDS words
WORDS = 7  # so many that how long the sentence was is among them, which is like no other answer's
CAPTIONED_S = 8.0  # captions are edited every second or two
TURN_COMPLETE = {"serverContent": {"turnComplete": True}}


def scripted(where: Where, *effects: Effect, times: int = 1, skip: int = 0) -> Inject:
    """Return what scripts these."""

    async def inject(scene: Scene) -> None:
        scene.script(where, *effects, times=times, skip=skip)

    return inject


def told(*messages: Message) -> Inject:
    """Return what has the model say these now."""

    async def inject(scene: Scene) -> None:
        for message in messages:
            scene.live.inject(message)

    return inject


async def reset(scene: Scene) -> None:
    """Reset the connection."""
    scene.live.abort()


async def phantom(scene: Scene) -> None:
    """Have the model break its answer off, though nobody has spoken."""
    scene.script(Where.CHUNK, Interrupt())


async def double_phantom(scene: Scene) -> None:
    """Have it say so twice."""
    scene.script(Where.INTERRUPTED, Send(INTERRUPTED))
    scene.script(Where.CHUNK, Interrupt())


async def broken_into(scene: Scene, row: Row) -> None:
    """Interrupt an answer, and hold that nothing more of it is heard, though the model behaves strangely."""
    await scene.ready()
    scene.knobs.stream_speed, scene.knobs.playback_speed = 2.0, 1.0
    await scene.ask(ASIDE, limit_s=row.limit_s)
    await asyncio.sleep(0.5)
    await row.inject(scene)
    saying = asyncio.create_task(scene.say(SENTENCE), name="fault-saying")
    await scene.heard_of(0.3)
    scene.knobs.stream_speed = scene.knobs.playback_speed = 20.0
    began = scene.live.heard[-1].at
    sentence = await saying
    during = [entry for entry in scene.voiced(began + 0.1) if entry.at < sentence.voice_ended_at]
    assert not during, f"{len(during)} frames of the old answer were heard in the next sentence"
    silence_s = await scene.silence_after(sentence, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await one_more(scene)
    await row.check(scene)


def counted(name: str) -> Inject:
    """Return what holds that the bot has counted something."""

    async def check(scene: Scene) -> None:
        assert await scene.bot.count(name) > 0, f"{name} is 0"

    return check


async def no_turn_complete(scene: Scene) -> None:
    """Leave out turnComplete, after an answer that is over before anybody speaks again."""
    scene.knobs.stream_speed = scene.knobs.playback_speed = 500.0
    scene.script(Where.TURN_END, Stall())


def _captions(scene: Scene) -> str:
    """Return all that the captions show, as one text."""
    lounge = scene.world.voice_channels[0].id
    posts = [m.text for m in scene.world.messages(lounge) if m.author.id == scene.world.bot.id]
    return re.sub(r"\s+", " ", re.sub(r"[*_\\`]", "", "\n".join(posts)))


async def captioned(scene: Scene, row: Row) -> None:
    """Listen to the answer for a while; what was said and what was heard stands in the captions once."""
    await scene.ready()
    before = _captions(scene)
    await row.inject(scene)
    silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await asyncio.sleep(LISTEN_S)
    turn = next(each.turn for each in scene.reached(scene.said[-1]) if each.whole)
    assert turn.measures is not None
    heard = f"[speech, {turn.measures.duration_s:.1f} s"
    answer = " ".join(turn.answer.split()[:WORDS])
    await one_more(scene)

    def counts() -> tuple[int, int]:
        now = _captions(scene)
        return now.count(heard) - before.count(heard), now.count(answer) - before.count(answer)

    with contextlib.suppress(TimeoutError):
        await eventually(lambda: min(counts()) > 0, CAPTIONED_S)
    assert counts() == (1, 1), f"{heard!r} and {answer!r} stand there {counts()} times"


async def spoken_pauses(scene: Scene) -> None:
    """Nothing goes wrong but what always does: this model ends no turn by itself without silence after it."""


def _deformed(name: str, text: str, how: str) -> Row:
    deformation = Deformation[name]
    inject = scripted(Where.TURN, Deform(deformation))
    id_ = f"live-{name.lower().replace('_', '-')}"
    return Row(id_, text, "Live, transcripts", When.IDLE, how, inject, scenario=captioned, fresh=True)


MODEL_TURNS = {"turns": "model"}
NUDGE_S = 9.0 + SILENCE_S  # a model that may search first takes so long, and tells nothing meanwhile
ROWS = [
    Row("live-phantom", "phantom interrupted", ANSWER, When.ANSWERING, "it is asked to go on", phantom),
    Row(
        "live-phantom-twice",
        "interrupted, twice",
        ANSWER,
        When.ANSWERING,
        "it is asked to go on",
        double_phantom,
    ),
    Row(
        "live-phantom-idle",
        "phantom interrupted",
        "Live, idle",
        When.IDLE,
        "nothing plays: passed over",
        told(INTERRUPTED),
    ),
    Row(
        "live-empty-turn",
        "an empty turn in place of the answer",
        BEFORE,
        When.IDLE,
        "nudged at once",
        scripted(Where.TURN, Stall(), Send(TURN_COMPLETE)),
        fresh=True,
    ),
    Row(
        "live-stall",
        "no answer to a turn",
        BEFORE,
        When.IDLE,
        STALL,
        scripted(Where.TURN, Stall()),
        silence_s=NUDGE_S,
        fresh=True,
    ),
    Row(
        "live-stops",
        "the answer stops half-way, and nothing more comes",
        ANSWER,
        When.ANSWERING,
        "9 s after what came was played, as it may search: a new connection, which is asked to go on with it",
        scripted(Where.CHUNK, Mute()),
        silence_s=NUDGE_S,
        fresh=True,
    ),
    Row(
        "live-stall-nudge",
        "no answer to a turn, nor to the nudge",
        BEFORE,
        When.IDLE,
        STALL,
        scripted(Where.TURN, Stall(), times=2),
        silence_s=NUDGE_S + 5.0,  # until the nudge is given up too
        fresh=True,
    ),
    Row(
        "live-stray-audio",
        "audio after interrupted",
        ANSWER,
        When.IDLE,
        "dropped, counted",
        scripted(Where.INTERRUPTED, LateAudio(4)),
        scenario=broken_into,
        check=counted("live_stray_chunks"),
    ),
    Row(
        "live-no-interrupted",
        "nothing after a barge-in",
        ANSWER,
        When.IDLE,
        "what comes 1 s later is taken for the new answer",
        scripted(Where.INTERRUPTED, Stall()),
        scenario=broken_into,
        check=counted("live_untold_interruptions"),
    ),
    Row(
        "live-no-generation-complete",
        "no generationComplete",
        "Live, answer",
        When.IDLE,
        "turnComplete ends the answer too",
        scripted(Where.TURN, Deform(Deformation.NO_GENERATION_COMPLETE)),
    ),
    Row(
        "live-no-turn-complete",
        "no turnComplete",
        "Live, answer",
        When.IDLE,
        "generationComplete ends the answer too",
        no_turn_complete,
    ),
    Row(
        "live-duplicate-answer",
        "the whole answer twice",
        "Live, answer",
        When.IDLE,
        "it is one answer, played on; who speaks cuts it off",
        scripted(Where.TURN, Deform(Deformation.TWICE)),
    ),
    _deformed("TRANSCRIPTS_LATE", "transcripts after the audio", "captions wait for them"),
    _deformed("TRANSCRIPTS_DOUBLED", "each fragment twice", "said at once, the second is left out"),
    _deformed(
        "INPUT_TRANSCRIPT_LATE", "what was heard, after turnComplete", "it is the oldest turn's that has none"
    ),
    _deformed("INPUT_TRANSCRIPT_PIECES", "what was heard, word by word", "joined to one line"),
    Row(
        "live-transcripts-reordered",
        "neighbouring fragments swapped",
        "Live, transcripts",
        When.IDLE,
        "written as they come: they carry no order",
        scripted(Where.TURN, Deform(Deformation.TRANSCRIPTS_REORDERED)),
    ),
    Row(
        "live-no-trailing-audio",
        "audioStreamEnd ignored, no turn end without trailing audio",
        "Live, model's own turns",
        When.IDLE,
        "1.5 s of silence are fed after speech",
        spoken_pauses,
        settings=MODEL_TURNS,
    ),
    Row(
        "live-model-turns-1006",
        "TCP reset (1006)",
        "Live, model's own turns, in mid-sentence",
        When.SPEAKING,
        "a new connection within 0.25 s, which hears the sentence from its beginning",
        reset,
        settings=MODEL_TURNS,
    ),
]
