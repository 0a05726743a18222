"""Parts of the bot's voice connection that die, or raise, by a mistake of its own or of a library."""

import asyncio
import threading
from typing import cast

from fault_row import Inject, Row, When
from fault_scene import Scene
from voice_acts import held, lost_in_silence

from bot.voice.client import EarshotVoiceClient
from bot.voice.connection import VoiceConnection
from bot.voice.events import VoiceEvent
from bot.voice.reader import DatagramReader

SPEAKING, IDLE = "Voice, in mid-sentence", "Voice, silent room"
RAISES = 5


def _reader() -> DatagramReader:
    """Return the reader of the call's socket: the bot is in this process."""
    (reader,) = [each for each in threading.enumerate() if isinstance(each, DatagramReader)]
    return reader


def connection() -> VoiceConnection:
    """Return the bot's only voice connection."""
    return cast(VoiceConnection, _reader().state)


async def reader_dies(_scene: Scene) -> None:
    """Have a library close a descriptor that is not its own."""
    _reader()._wake_out.close()


async def poller_dies(_scene: Scene) -> None:
    """Have the task that reads the voice websocket end, with the websocket open."""
    work = connection()._supervisor._work
    assert work is not None
    work.cancel()


async def poller_raises(scene: Scene) -> None:
    """Have something that nobody expects happen to the task that reads the voice websocket."""
    ws, failed = connection().ws, asyncio.Event()

    async def poll_event() -> None:
        failed.set()
        raise LookupError("a bug")

    ws.poll_event = poll_event  # type: ignore[method-assign]
    scene.discord.voice.inject(scene.world.bot.id, {"op": 18, "d": {}})  # so that it looks
    await held(failed.is_set, 6.0, "nothing was read")


async def keepalive_dies(_scene: Scene) -> None:
    """Have the task that keeps the UDP path open raise."""
    bad = connection()
    task, path = bad._keepalive, bad._path
    assert task is not None

    def dead(_now: float) -> bool:
        raise LookupError("a bug")

    path.dead = dead  # type: ignore[union-attr, method-assign]
    await held(task.done, 3.0, "the keepalive lives")


async def callbacks_raise(_scene: Scene) -> None:
    """Have what takes the call's events raise, a few times, after it has taken them."""
    client = cast(EarshotVoiceClient, connection().voice_client)
    take, left = client._on_event, RAISES

    def raising(event: VoiceEvent) -> None:
        nonlocal left
        take(event)
        if left:
            left -= 1
            raise LookupError("a bug")

    client._on_event = raising


async def counted(scene: Scene) -> None:
    """Hold that the mistakes were counted."""
    assert await scene.bot.count("callback_errors") == RAISES


async def replaced(scene: Scene) -> None:
    """Hold that the part was replaced, and counted."""
    assert await scene.bot.count("failed_parts") == 1


def _row(id_: str, name: str, where: str, when: When, how: str, inject: Inject, **more: object) -> Row:
    return Row(f"voice-{id_}", name, where, when, how, inject, fresh=True, **more)  # type: ignore[arg-type]


ROWS = [
    _row(
        "reader-dies",
        "the socket's thread dies",
        SPEAKING,
        When.SPEAKING,
        "another takes its place",
        reader_dies,
        check=replaced,
        logs="bot.voice.reader: Reading the voice socket failed",
    ),
    _row(
        "poller-dies",
        "the voice websocket's task ends",
        IDLE,
        When.IDLE,
        "a new connection",
        poller_dies,
        scenario=lost_in_silence,
    ),
    _row(
        "poller-raises",
        "the voice websocket's task raises",
        IDLE,
        When.IDLE,
        "a new connection",
        poller_raises,
        scenario=lost_in_silence,
        logs="bot.voice.supervisor: .* poller failed",
    ),
    _row(
        "keepalive-dies",
        "the keepalive's task dies",
        IDLE,
        When.IDLE,
        "a new connection",
        keepalive_dies,
        scenario=lost_in_silence,
        check=replaced,
        logs="bot.voice.udp: .* the keepalive failed",
    ),
    _row(
        "callbacks-raise",
        "who takes the call's events raises",
        SPEAKING,
        When.SPEAKING,
        "logged, counted; the call goes on",
        callbacks_raise,
        check=counted,
        logs="bot.voice.client: Handling .* failed",
    ),
]
