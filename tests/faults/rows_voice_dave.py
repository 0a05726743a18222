"""What goes wrong with the end-to-end encryption of a call."""

import asyncio
import time
from dataclasses import replace
from unittest import mock

import davey
from fault_row import SILENCE_S, Inject, Row, When
from fault_scenarios import one_more, standard
from fault_scene import SENTENCE, Scene
from rows_voice_media import NETWORK, plaintext
from rows_voice_parts import connection
from voice_acts import (
    COMMIT,
    INVALID_OP,
    WELCOME,
    another,
    closes,
    held,
    knobbed,
    lost_in_silence,
    lost_in_speech,
    recovers_once,
    sends,
    told,
)

from bot.emulators.discord.voice.messages import Op
from bot.emulators.discord.voice.mls import KeyPackage
from bot.emulators.discord.voice.session import VoiceSession
from bot.emulators.discord.voice.wire import vec
from bot.emulators.person import Person
from bot.voice.watchdog import WELCOME_S

SPEAKING, IDLE = "DAVE, in mid-sentence", "DAVE, silent room"
SENDER_OP, PROPOSALS_OP, COMMIT_OP = 25, 27, 28
DESCRIPTION_OP = 4
DECIDED_S = 0.1  # for the server to take the first commit before the second comes
LATE_S = 0.5  # after the others have the new keys
AGAIN = "asks once for new keys (op 31)"
PASSED = "passed over, counted"
BAD_COMMIT, BAD_WELCOME = b"\x1d\x00\x07garbage", b"\x1e\x00\x08garbage"
GARBAGE = (b"\x1b", b"\x1b\x00garbage", b"\x1b\x01garbage", b"\x19", b"\x19garbage", b"\xffwhat")


def recovered(*messages: bytes) -> Inject:
    """Return what sends these, and waits until the bot has new keys."""

    async def inject(scene: Scene) -> None:
        await sends(*messages)(scene)
        await held(lambda: told(scene, INVALID_OP) > 0, 5.0, "the bot did not ask for new keys")
        await asyncio.sleep(0.5)
        await scene.ada.secured_with(scene.world.bot.id)

    return inject


async def joins_and_leaves(scene: Scene) -> None:
    """Have somebody join and leave again."""
    async with another(scene, "Ben"):
        await asyncio.sleep(0.1)


async def refilled(scene: Scene, row: Row) -> None:
    """Have the bot be alone for a while, then not any more."""
    await scene.ready()
    await scene.ada.leave()
    await asyncio.sleep(0.5)
    await scene.ada.join(scene.world.voice_channels[0].id)
    await scene.ada.secured_with(scene.world.bot.id)
    silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await scene.idle()
    await one_more(scene)


async def down(scene: Scene) -> None:
    """Have the call go on without end-to-end encryption."""
    scene.discord.knobs.dave.max_version = 0


async def up(scene: Scene) -> None:
    """Have the call be encrypted end to end from now on."""
    scene.discord.knobs.dave.max_version = 1


async def downgraded(scene: Scene, row: Row) -> None:
    """Play the row, and have the call encrypted again."""
    try:
        await standard(scene, row)
        assert _version(scene) == 0, "the call was encrypted end to end all the time"
    finally:
        await up(scene)
    await _encrypted(scene)


async def upgraded(scene: Scene, row: Row) -> None:
    """Play the row in a call that is not encrypted before."""
    await scene.ready()
    await down(scene)
    try:
        await held(lambda: _version(scene) == 0, 5.0, "the call stays encrypted")
        await lost_in_speech(scene, row)
    finally:
        await up(scene)
    await _encrypted(scene)


async def _encrypted(scene: Scene) -> None:
    await held(lambda: _version(scene) == 1, 5.0, "the call is not encrypted again")
    # The bot hears plaintext for as long as it has not been told that the transition is executed.
    await held(lambda: not connection().version_changing, 5.0, "the bot was not told so")
    await scene.ada.secured_with(scene.world.bot.id)


def _version(scene: Scene) -> int | None:
    """Return the version that media are sent with; 0 is plaintext within the transport's encryption."""
    room = scene.discord.voice.room(scene.world.voice_channels[0].id)
    return None if room is None else room.delivery.media_version


async def late_commit(scene: Scene, row: Row) -> None:
    """Have the keys change while Ada speaks, and the bot hear of it after it gets frames with new keys."""
    voice, mine = scene.discord.voice, scene.world.bot.id

    async def inject(scene: Scene) -> None:
        voice.hold(mine, held=True)
        ben = Person(scene.discord, scene.world.add_user("Ben"))
        try:
            await ben.join(scene.world.voice_channels[0].id)
            await ben.secured_with(scene.ada.user.id)
            await asyncio.sleep(LATE_S)
            voice.hold(mine, held=False)
            await ben.secured_with(mine)
        finally:
            voice.hold(mine, held=False)
            await ben.leave()

    await scene.ready()
    before = await scene.bot.count("held")
    with knobbed(scene.discord.knobs.dave, transition_timeout_s=0.1):
        await standard(scene, replace(row, inject=inject))
    assert await scene.bot.count("held") > before, "no frame came before its key"


async def plain_again(scene: Scene, row: Row) -> None:
    """Have the call be in plaintext for a while: once it is encrypted again, no plaintext is heard."""
    await scene.ready()
    await down(scene)
    try:
        await held(lambda: _version(scene) == 0, 5.0, "the call stays encrypted")
        silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
        await scene.idle()
    finally:
        await up(scene)
    await _encrypted(scene)
    scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
    await plaintext(scene)
    await one_more(scene)


def own_commit(*, wins: bool) -> Inject:
    """Return what has somebody join, when the bot's commit is the first that comes in, or Ada's is."""

    async def inject(scene: Scene) -> None:
        voice, mine, ada = scene.discord.voice, scene.world.bot.id, scene.ada.user.id
        first, second = (mine, ada) if wins else (ada, mine)
        since, ben = time.monotonic(), Person(scene.discord, scene.world.add_user("Ben"))
        voice.hold(second, held=True)
        try:
            await ben.join(scene.world.voice_channels[0].id)
            await held(lambda: _commits(scene, since) == [first], 5.0, "no commit")
            await asyncio.sleep(DECIDED_S)
            voice.hold(second, held=False)
            await ben.secured_with(mine, ada)
            await held(lambda: _commits(scene, since) == [first, second], 5.0, "no second commit")
        finally:
            voice.hold(second, held=False)
            await ben.leave()
        assert not told(scene, INVALID_OP), "the bot asked for new keys"

    return inject


async def revoked(scene: Scene) -> None:
    """Have somebody proposed for the group who leaves before anybody has committed to that."""
    voice, mine, ada = scene.discord.voice, scene.world.bot.id, scene.ada.user.id
    since, ben = time.monotonic(), Person(scene.discord, scene.world.add_user("Ben"))
    refused = await scene.bot.count("dave_messages_refused")
    for held_back in (mine, ada):
        voice.hold(held_back, held=True)
    try:
        await ben.join(scene.world.voice_channels[0].id)
        await held(lambda: _proposed(scene, since) == [0], 5.0, "Ben was not proposed")
        await ben.leave()
        await held(lambda: _proposed(scene, since)[:2] == [0, 1], 5.0, "nothing was revoked")
    finally:
        for held_back in (mine, ada):
            voice.hold(held_back, held=False)
        await ben.leave()
    await asyncio.sleep(DECIDED_S)
    assert not told(scene, INVALID_OP), "the bot asked for new keys"
    assert await scene.bot.count("dave_messages_refused") == refused, "it was not understood"
    sent = [e for e in scene.discord.trace.of("voice.out") if e.at > since and e.fields["user_id"] == mine]
    assert DESCRIPTION_OP not in [each.fields["op"] for each in sent], "the bot connected anew"


def _proposed(scene: Scene, since: float) -> list[int]:
    """Return whether proposals for the bot added (0) or revoked (1) somebody, in order."""
    sent = [e for e in scene.discord.trace.of("voice.out") if e.at > since]
    mine = [e for e in sent if e.fields["op"] == PROPOSALS_OP and e.fields["user_id"] == scene.world.bot.id]
    return [entry.fields["data"][0] for entry in mine]


def _commits(scene: Scene, since: float) -> list[int]:
    """Return who has offered a commit, in order."""
    entries = scene.discord.trace.of("voice.in")
    return [e.fields["user_id"] for e in entries if e.at > since and e.fields["op"] == COMMIT_OP]


async def strange(scene: Scene) -> None:
    """Have stale proposals, such for a stranger, and another external sender sent to the bot."""
    refused = await scene.bot.count("dave_messages_refused")
    sent = [e for e in scene.discord.trace.of("voice.out") if e.fields["op"] == SENDER_OP]
    proposals = [_proposal(scene, 901), _proposal(scene, scene.ada.user.id)]
    async with another(scene, "Ben"):  # by which the second one becomes stale
        pass
    await scene.ada.secured_with(scene.world.bot.id)
    senders = [b"\x19" + entry.fields["data"] for entry in sent[-1:]]
    await sends(*proposals, *senders)(scene)
    await asyncio.sleep(0.2)
    assert await scene.bot.count("dave_messages_refused") > refused, "it takes proposals for anybody"


def _proposal(scene: Scene, user_id: int) -> bytes:
    """Return op 27 with a proposal to add somebody, in order but for whom; the server then forgets it."""
    room = scene.discord.voice.room(scene.world.voice_channels[0].id)
    assert room is not None
    package = davey.DaveSession(1, user_id, room.channel_id).get_serialized_key_package()
    signed = room.delivery.group.propose_add(user_id, KeyPackage.parse(package)).signed
    room.delivery.group.proposals.clear()
    return b"\x1b\x00" + vec(signed.message)


async def proposals_first(scene: Scene, row: Row) -> None:
    """Have proposals come before the sender that signs them, in a new session."""
    with knobbed(scene.discord.knobs.dave, proposals_first=True):
        await lost_in_silence(scene, row)
    ops = [
        e.fields["op"]
        for e in scene.discord.trace.of("voice.out")
        if e.fields["user_id"] == scene.world.bot.id
    ]
    assert ops.index(PROPOSALS_OP) < ops.index(SENDER_OP), "they came in order"


async def let_in_by_nobody(scene: Scene, row: Row) -> None:
    """Have the message lost that lets the bot into the group, in a new session while nobody speaks."""
    await scene.ready()
    mine, lost, send = scene.world.bot.id, list[int](), VoiceSession.send

    def lossy(session: VoiceSession, op: Op, data: dict[str, object] | bytes) -> None:
        if session.user_id == mine and op in (COMMIT, WELCOME) and not lost:
            lost.append(op)
        else:
            send(session, op, data)

    since = time.monotonic()
    with mock.patch.object(VoiceSession, "send", lossy):
        await row.inject(scene)
        await held(lambda: bool(lost), 5.0, "nobody let it in")
        await held(lambda: told(scene, INVALID_OP) > 0, row.limit_s, "the bot did not ask for new keys")
    await scene.ada.secured_with(mine)
    scene.outcome.silence_ms = 1000 * (time.monotonic() - since)
    await one_more(scene)
    await row.check(scene)


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


def _row(id_: str, name: str, where: str, when: When, how: str, inject: Inject, **more: object) -> Row:
    return Row(f"voice-dave-{id_}", name, where, when, how, inject, **more)  # type: ignore[arg-type]


ROWS = [
    _row(
        "commit", "invalid commits", IDLE, When.IDLE, AGAIN, recovered(*[BAD_COMMIT] * 5), check=recovers_once
    ),
    _row(
        "welcome",
        "invalid welcomes",
        IDLE,
        When.IDLE,
        AGAIN,
        recovered(*[BAD_WELCOME] * 5),
        check=recovers_once,
    ),
    _row(
        "both-speaking",
        "an invalid commit and welcome",
        SPEAKING,
        When.SPEAKING,
        AGAIN + "; packets before the welcome wait for it",
        sends(BAD_COMMIT, BAD_WELCOME),
        scenario=lost_in_speech,
        check=recovers_once,
    ),
    _row("garbage", "garbage in ops 25, 27, 255", SPEAKING, When.SPEAKING, PASSED, sends(*GARBAGE)),
    _row(
        "join-leave",
        "somebody joins and leaves",
        SPEAKING,
        When.SPEAKING,
        "keys change, no word is lost",
        joins_and_leaves,
    ),
    _row(
        "not-let-in",
        "the message that lets the bot in is lost",
        IDLE,
        When.IDLE,
        AGAIN + " after 3 s, though nobody speaks",
        closes(4006),
        scenario=let_in_by_nobody,
        check=recovers_once,
        silence_s=WELCOME_S + SILENCE_S,
        limit_s=8.0,
    ),
    _row("refilled", "the bot alone, then not", IDLE, When.IDLE, "a new group", nothing, scenario=refilled),
    _row(
        "late",
        "new keys are told of 0.5 s late",
        SPEAKING,
        When.SPEAKING,
        "frames wait for their key",
        nothing,
        scenario=late_commit,
        server_s=LATE_S,
    ),
    _row(
        "strange",
        "stale proposals, such for a stranger, a second op 25",
        IDLE,
        When.IDLE,
        "nobody is let in; " + PASSED,
        strange,
        fresh=True,
    ),
    _row(
        "op-27-first",
        "op 27 before op 25",
        IDLE,
        When.IDLE,
        PASSED + "; the others let it in",
        closes(4006),
        scenario=proposals_first,
        fresh=True,
    ),
    _row(
        "own-commit-wins",
        "the bot's commit is the first",
        SPEAKING,
        When.SPEAKING,
        "taken back from the server, and merged",
        own_commit(wins=True),
    ),
    _row(
        "own-commit-loses",
        "another's commit is the first",
        SPEAKING,
        When.SPEAKING,
        "its own is given up",
        own_commit(wins=False),
    ),
    _row(
        "revoked",
        "somebody is proposed, and that is revoked",
        SPEAKING,
        When.SPEAKING,
        "a commit to that is given up; keys stay as they are",
        revoked,
    ),
    _row(
        "plain-again",
        "plaintext after a downgrade and an upgrade",
        NETWORK,
        When.IDLE,
        "not heard: what was allowed for the downgrade is taken back",
        nothing,
        scenario=plain_again,
    ),
    _row("down", "downgrade to version 0", SPEAKING, When.SPEAKING, "follows", down, scenario=downgraded),
    _row("up", "upgrade to version 1", SPEAKING, When.SPEAKING, "follows", up, scenario=upgraded),
]
