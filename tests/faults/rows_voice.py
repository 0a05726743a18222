"""How a voice connection is lost, and the ways out of it: closed, moved, crashed, taken away."""

import time

from fault_row import Inject, Row, When
from fault_scenarios import JOIN_S, one_more
from fault_scene import SENTENCE, Scene
from voice_acts import (
    Scenario,
    back,
    closes,
    ends,
    followed,
    held,
    knobbed,
    lost_in_silence,
    lost_in_speech,
    move_both,
    reconnected,
    refused,
)

from bot.emulators.discord.model import ChannelType

IDLE, SPEAKING, ANSWERING = "Voice, silent room", "Voice, in mid-sentence", "Voice, in mid-answer"
RESUMED = "resumed on a new websocket; sound goes on meanwhile"
ANEW = "a new session, at once"


async def crash(scene: Scene) -> None:
    """Have the voice server crash and forget everybody; people come back as the bot does."""
    scene.discord.voice.crash()
    await scene.ada.join(scene.world.voice_channels[0].id)


def region(code: int, *, told_after_s: float = 0.0) -> Inject:
    """Return what moves the call to another voice server, as a new region does; 4014 is of older servers."""

    async def inject(scene: Scene) -> None:
        with knobbed(scene.discord.knobs, voice_word_after_s=told_after_s):
            scene.world.change_region(scene.world.voice_channels[0].id, close_code=code)

    return inject


async def lost_discovery(scene: Scene) -> None:
    """Have the session end, and the first replies to IP discovery lost."""
    scene.discord.voice.drop_discovery(2)
    scene.discord.voice.close_socket(scene.world.bot.id, 4006)


async def kick(scene: Scene) -> None:
    """Have a moderator disconnect the bot."""
    scene.world.kick_from_voice(scene.world.bot.id)


def moved(*, server_first: bool, told_after_s: float = 0.0) -> Scenario:
    """Return the scenario of a bot that is moved and moved back, with people after it."""

    async def scenario(scene: Scene, row: Row) -> None:
        await scene.ready()
        here, there = (channel.id for channel in scene.world.voice_channels[:2])
        with knobbed(scene.discord.knobs, voice_server_first=server_first, voice_word_after_s=told_after_s):
            there_s = await move_both(scene, there)
            await scene.ask(SENTENCE, limit_s=row.limit_s)
            await scene.idle()
            back_s = await move_both(scene, here)
        scene.outcome.silence_ms = 1000 * max(there_s, back_s)
        await one_more(scene)
        await row.check(scene)

    return scenario


async def deleted(scene: Scene, _row: Row) -> None:
    """Have the channel deleted that the bot and Ada are in."""
    booth = scene.world.add_channel("Booth", ChannelType.VOICE)
    await scene.ready()
    await move_both(scene, booth.id)
    posts = len(scene.posted())
    scene.world.delete_channel(booth.id)
    await held(lambda: not scene.in_call, 10.0, "the bot stays in a channel that is gone")
    await held(lambda: len(scene.posted()) > posts, 10.0, "nobody was told that the call is over")
    scene.outcome.note = scene.posted()[-1]
    await back(scene)


async def gateway_resumes(scene: Scene) -> None:
    """Have the main gateway's connection lost; its session is resumed."""
    scene.discord.gateway.abort_all()


async def gateway_anew(scene: Scene) -> None:
    """Have the main gateway's session lost; with it goes the bot's place in the channel."""
    scene.discord.knobs.identify_interval_s = 0.0
    scene.discord.gateway.forget_sessions()
    await scene.discord.gateway.close_all(4000)


async def reconnects(scene: Scene, _row: Row) -> None:
    """Have connections lost over and over in silence, each in a call of its own, and take the times."""
    took: list[float] = []
    for number in range(RECONNECTS):
        await scene.leave()
        await scene.join()
        await scene.idle()
        since = time.monotonic()
        scene.discord.voice.close_socket(scene.world.bot.id, CODES[number % len(CODES)])
        took.append(await reconnected(scene, since, 10.0))
    took.sort()
    p95 = took[round(0.95 * len(took)) - 1]
    scene.outcome.silence_ms = 1000 * p95
    scene.outcome.note = f"{len(took)} reconnects, median {took[len(took) // 2]:.2f} s, p95 {p95:.2f} s"
    assert p95 <= RECONNECT_S, scene.outcome.note
    scene.baseline_s = await scene.ask(SENTENCE, limit_s=10.0)
    await scene.idle()
    scene.stand()
    await one_more(scene)


async def to_stage(scene: Scene) -> None:
    """Have a moderator move the bot to a stage."""
    scene.world.move(scene.world.bot.id, scene.world.stage.id)


async def full(scene: Scene, row: Row) -> None:
    """Have no room for the bot in the channel, which it does not know yet: Discord does not answer."""
    await scene.leave()
    with knobbed(scene.world.voice_channels[0], user_limit=1):
        await refused(scene, row, "may be full")
    await back(scene)


async def no_datagrams(scene: Scene, row: Row) -> None:
    """Have a firewall let no UDP of the bot through."""
    await scene.leave()
    scene.discord.voice.block_udp(scene.world.bot.id, blocked=True)
    try:
        await refused(scene, row, "did not answer")
    finally:
        scene.discord.voice.block_udp(scene.world.bot.id, blocked=False)
    await back(scene)


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


SAID = "says so within 10 s; the next /join works"
RECONNECTS, RECONNECT_S = 20, 2.0
LATE_S = 0.3  # the voice server's close and the main gateway's word are two servers': so far apart, at times
CODES = (1000, 1006, 4006, 4009, 4015)


def _row(id_: str, name: str, where: str, when: When, how: str, inject: object, **more: object) -> Row:
    return Row(f"voice-{id_}", name, where, when, how, inject, fresh=True, **more)  # type: ignore[arg-type]


ROWS = [
    _row("1000", "close 1000", IDLE, When.IDLE, ANEW, closes(1000), scenario=lost_in_silence),
    _row("1006", "TCP reset (1006)", SPEAKING, When.SPEAKING, RESUMED, closes(1006)),
    _row("1006-answer", "TCP reset (1006)", ANSWERING, When.ANSWERING, RESUMED, closes(1006)),
    _row("4006", "close 4006", ANSWERING, When.ANSWERING, ANEW, closes(4006)),
    _row("4006-speaking", "close 4006", SPEAKING, When.SPEAKING, ANEW, closes(4006), scenario=lost_in_speech),
    _row("4009", "close 4009", SPEAKING, When.SPEAKING, ANEW, closes(4009), scenario=lost_in_speech),
    _row("4015", "close 4015, resumable", SPEAKING, When.SPEAKING, RESUMED, closes(4015)),
    _row(
        "4015-crash",
        "close 4015, all forgotten",
        IDLE,
        When.IDLE,
        "resuming fails: " + ANEW,
        crash,
        scenario=lost_in_silence,
    ),
    _row(
        "4014-kicked",
        "close 4014: kicked",
        IDLE,
        When.IDLE,
        "ends the call with a sentence; /join brings it back",
        kick,
        scenario=ends("I was disconnected"),
    ),
    _row(
        "4014-region",
        "close 4014: another region",
        ANSWERING,
        When.ANSWERING,
        "follows",
        region(4014),
        check=followed,
    ),
    _row(
        "4014-region-late",
        "close 4014: another region, told 0.3 s on",
        IDLE,
        When.IDLE,
        "follows",
        region(4014, told_after_s=LATE_S),
        scenario=lost_in_silence,
        check=followed,
    ),
    _row(
        "4022-region",
        "close 4022: another region",
        SPEAKING,
        When.SPEAKING,
        "follows",
        region(4022),
        scenario=lost_in_speech,
        check=followed,
    ),
    _row(
        "4022-region-late",
        "close 4022: another region, told 0.3 s on",
        IDLE,
        When.IDLE,
        "follows",
        region(4022, told_after_s=LATE_S),
        scenario=lost_in_silence,
        check=followed,
    ),
    _row(
        "moved-state-first",
        "close 4014: moved, state first",
        IDLE,
        When.IDLE,
        "follows",
        nothing,
        scenario=moved(server_first=False),
        check=followed,
    ),
    _row(
        "moved-server-first",
        "close 4014: moved, server first",
        IDLE,
        When.IDLE,
        "follows",
        nothing,
        scenario=moved(server_first=True),
        check=followed,
    ),
    _row(
        "moved-late",
        "close 4014: moved, told 0.3 s on",
        IDLE,
        When.IDLE,
        "follows",
        nothing,
        scenario=moved(server_first=False, told_after_s=LATE_S),
        check=followed,
    ),
    _row(
        "4017",
        "close 4017",
        IDLE,
        When.IDLE,
        "ends the call with a sentence: an update is needed",
        closes(4017),
        scenario=ends("encryption"),
    ),
    _row(
        "4021",
        "close 4021",
        ANSWERING,
        When.ANSWERING,
        "ends the call with a sentence: wait some minutes",
        closes(4021),
        scenario=ends("less often"),
    ),
    _row(
        "channel-deleted",
        "the channel is deleted",
        IDLE,
        When.IDLE,
        "ends the call with a sentence",
        kick,
        scenario=deleted,
    ),
    _row(
        "lost-discovery",
        "IP discovery unanswered twice",
        IDLE,
        When.IDLE,
        "asked again",
        lost_discovery,
        scenario=lost_in_silence,
    ),
    _row(
        "gateway-resume",
        "main gateway reset",
        "Main gateway, in mid-sentence",
        When.SPEAKING,
        "resumed; the call goes on",
        gateway_resumes,
    ),
    _row(
        "gateway-anew",
        "main gateway's session lost",
        "Main gateway, silent room",
        When.IDLE,
        "identifies anew (discord.py waits 5 s) and joins again",
        gateway_anew,
        server_s=5.0,
        scenario=lost_in_silence,
    ),
    _row(
        "stage",
        "moved to a stage",
        IDLE,
        When.IDLE,
        "ends the call with a sentence: it can't talk there",
        to_stage,
        scenario=ends("is a stage, where I can't talk with you"),
    ),
    _row("1001", "close 1001", IDLE, When.IDLE, ANEW, closes(1001), scenario=lost_in_silence),
    _row(
        "full",
        "the channel is full",
        "Voice, at /join",
        When.JOIN,
        SAID,
        nothing,
        scenario=full,
        silence_s=JOIN_S,  # Discord answers nothing then: 8 s are waited for it
    ),
    _row(
        "udp-dead",
        "no datagram passes",
        "Voice, at /join",
        When.JOIN,
        SAID,
        nothing,
        scenario=no_datagrams,
        silence_s=JOIN_S,  # here too; a network may lose some and bring the next
    ),
    _row("reconnects", "20 losses", IDLE, When.IDLE, "p95 of them is shown", kick, scenario=reconnects),
]
