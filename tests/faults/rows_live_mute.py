"""The bot is mute for a while, or for good, and people are told; or the server is, after a barge-in."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from unittest import mock

from fault_row import SILENCE_S, Row, When
from fault_scenarios import one_more, standard
from fault_scene import ASIDE, SENTENCE, Scene
from loopback import eventually

from bot.emulators.gemini.connection import Connection
from bot.emulators.gemini.faults import Close, Effect, Stall, Status, Where
from bot.live import attempts, backoff, outbox
from bot.live.stall import NUDGE_SLOW_S

TOLD_S = 5.0
QUOTA_S = 2.0  # in place of 30 s; a wait is between that and the double
BACK_S = attempts.STABLE_S + 2.0  # from the last sentence, where no answer was told to its end
STABLE_S = 1.0  # in place of 10 s
SPENT = (1011, "You exceeded your current quota.")
EVER = 1000
LATE = ({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
WAITING, BACK = "I can't answer now.", "I can answer again"


async def refused_for_a_while(scene: Scene) -> None:
    """Break the connection off; the quota is used up, and nobody says until when."""
    scene.script(Where.UPGRADE, Status(429))
    scene.live.abort()


async def told_and_told_again(scene: Scene, row: Row) -> None:
    """Hold that people read that it waits, and when it is back, once each."""
    await scene.ready()
    with (
        mock.patch.object(backoff, "LATER_S", QUOTA_S),
        mock.patch.object(attempts, "TELL_S", QUOTA_S),
        # In the same proportion, so that what was asked is older than it when the wait is over.
        mock.patch.object(outbox, "UNANSWERED_S", outbox.UNANSWERED_S * QUOTA_S / backoff.LATER_S),
    ):
        before = len(scene.posted())
        await standard(scene, row)
        with contextlib.suppress(TimeoutError):
            await eventually(lambda: BACK in scene.posted()[-1], BACK_S)
    told = scene.posted()[before:]
    scene.outcome.note = " / ".join(told)
    assert [WAITING in told[0], BACK in told[-1], len(told)] == [True, True, 2], f"told: {told}"


async def spent_in_silence(scene: Scene, row: Row) -> None:
    """Have the quota used up over a connection that is taken: in a silent room, and at the next sentence.

    Nobody can know that it is back before the model has answered.
    """
    await scene.ready()
    before = len(scene.posted())
    with (
        mock.patch.object(backoff, "LATER_S", QUOTA_S),
        mock.patch.object(attempts, "TELL_S", QUOTA_S),
        mock.patch.object(attempts, "STABLE_S", STABLE_S),
    ):
        connections = len(scene.gemini.sessions)
        scene.live.close(*SPENT)
        await eventually(lambda: len(scene.gemini.sessions) > connections, 10.0)
        await eventually(lambda: scene.live.log.setup is not None, 5.0)
        await asyncio.sleep(2 * STABLE_S)
        scene.script(Where.TURN, Close(*SPENT))
        silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
        scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s - row.server_s)
        await scene.idle()
        await one_more(scene)
        with contextlib.suppress(TimeoutError):
            await eventually(lambda: BACK in scene.posted()[-1], TOLD_S)
    told = scene.posted()[before:]
    scene.outcome.note = " / ".join(told)
    assert [WAITING in told[0], BACK in told[-1], len(told)] == [True, True, 2], f"told: {told}"


def refused_for_good(where: Where, effect: Effect) -> Callable[[Scene], Awaitable[None]]:
    """Return what has every further connection refused, with whichever model."""

    async def inject(scene: Scene) -> None:
        scene.script(where, effect, times=EVER)
        scene.live.abort()

    return inject


async def ended_with_a_sentence(scene: Scene, row: Row) -> None:
    """Hold that the bot leaves and says why; once it is let in again, the next /join works."""
    await scene.ready()
    before = len(scene.posted())
    await row.inject(scene)
    await eventually(lambda: not scene.in_call, row.limit_s)
    await eventually(lambda: len(scene.posted()) > before, TOLD_S)
    scene.outcome.note = " / ".join(scene.posted()[before:])
    assert len(scene.posted()) == before + 1, f"told: {scene.outcome.note}"
    scene.knobs.faults.clear()
    await scene.join()
    scene.baseline_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    await scene.idle()
    scene.stand()
    await one_more(scene)


async def silent(scene: Scene) -> None:
    """Keep back what the model says of an interruption, and the answer after it."""
    scene.script(Where.INTERRUPTED, Stall())
    scene.script(Where.TURN, Stall())


async def silent_after_barge_in(scene: Scene, row: Row) -> None:
    """Interrupt an answer; that it was interrupted, the server says when the sentence is over."""
    await scene.ready()
    scene.knobs.stream_speed, scene.knobs.playback_speed = 2.0, 1.0
    await scene.ask(ASIDE, limit_s=row.limit_s)
    await asyncio.sleep(0.5)
    await row.inject(scene)
    session, ended = scene.live, _ends(scene.live)
    sentence = await scene.say(SENTENCE)
    await eventually(lambda: _ends(session) > ended, 5.0)
    for message in LATE:
        session.inject(message)
    scene.knobs.stream_speed = scene.knobs.playback_speed = 20.0
    silence_s = await scene.silence_after(sentence, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await one_more(scene)


def _ends(session: Connection) -> int:
    return sum(note.kind == "activity_end" for note in session.log.notes)


_WHERE = "handshake, after a break in mid-call"
ENDS = "the call ends with a sentence that says what to do; the next /join works"
ROWS = [
    Row(
        "live-429-gap",
        "HTTP 429, no Retry-After",
        "handshake, after a break in mid-sentence",
        When.SPEAKING,
        "tried again after 30 to 60 s (here 2 to 4); people read so in the text channel, and when it is back",
        refused_for_a_while,
        server_s=2 * QUOTA_S,
        scenario=told_and_told_again,
    ),
    Row(
        "live-quota-silent",
        "close 1011, the quota is used up, in a silent room and at the next sentence",
        "Live, idle",
        When.IDLE,
        "told once; that it is back, when it has answered",
        refused_for_a_while,
        server_s=2 * QUOTA_S,
        scenario=spent_in_silence,
        fresh=True,
    ),
    Row(
        "live-silent-after-barge-in",
        "nothing after a barge-in, but late words about the answer before",
        "Live, in mid-answer",
        When.IDLE,
        "one nudge 9 s after the turn, as it may search",
        silent,
        scenario=silent_after_barge_in,
        fresh=True,
        silence_s=NUDGE_SLOW_S + SILENCE_S,
    ),
    *(
        Row(
            f"live-{name}-all-gap",
            f"{what}, every model, for ever",
            _WHERE,
            When.IDLE,
            ENDS,
            refused_for_good(where, effect),
            scenario=ended_with_a_sentence,
        )
        for name, what, where, effect in (
            ("1007", "close 1007 at setup", Where.SETUP, Close(1007)),
            ("1008", "close 1008 at setup", Where.SETUP, Close(1008)),
            ("404", "HTTP 404", Where.UPGRADE, Status(404)),
            ("401", "HTTP 401", Where.UPGRADE, Status(401)),
        )
    ),
]
