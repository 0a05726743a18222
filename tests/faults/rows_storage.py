"""What goes wrong under the database in a call, and with the process itself."""

import asyncio
import resource
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import fault_scene
from bot_process import Bot, ended, ends_after, rigged_bot, said
from fault_row import Outcome, Row, When
from fault_scenarios import one_more
from fault_scene import FIRST, LAST, SENTENCE, Scene
from loopback import eventually, people_turns
from voice_acts import held

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.emulators.tls import CertificateAuthority

WHERE = "Database, in a call"
BACK_S = 10.0  # from the start of the process
RESTARTED_S = 2 * BACK_S  # it takes 4 s alone, all of it computing, and 5 times that where others compute
BUSY = 4  # times as long on a machine that plays other rows meanwhile
STORED_S = 12.0  # a batch every 3 s, each waits 2 s for a lock
LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def database() -> Path:
    """Return the file of the bot that runs in this process."""
    open_files = {str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}
    (found,) = {path for path in open_files if path.endswith("earshot.db")}
    return Path(found)


def _kept(path: Path) -> int:
    """Return how many utterances are stored."""
    with closing(sqlite3.connect(path, timeout=5.0)) as plain:
        return int(plain.execute("SELECT count(*) FROM utterances").fetchone()[0])


async def locked(scene: Scene, row: Row) -> None:
    """Have another program hold the write lock while people talk; all is stored afterwards."""
    await scene.ready()
    path = database()
    arguments = ("-c", LOCK, str(path))
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    try:
        assert program.stdout is not None
        await program.stdout.readline()
        before = _kept(path)
        silence_s = await scene.ask(SENTENCE, limit_s=row.limit_s)
        scene.outcome.silence_ms = 1000 * max(0.0, silence_s - scene.baseline_s)
        await scene.idle()
        await asyncio.sleep(LOCKED_S)
        assert _kept(path) == before, "it was not locked"
    finally:
        await program.communicate(b"")
    await held(lambda: _kept(path) > before, STORED_S, "what was said while it was locked is not stored")
    await one_more(scene)


LOCKED_S = 3.0  # so that a batch is refused: it waits 2 s


@dataclass
class Stand:
    """A bot in a process of its own, and a person with whom it is in a call."""

    discord: DiscordEmulator
    gemini: GeminiEmulator
    ada: Person
    bot: Bot
    process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Start the process again."""
        self.process = await self.bot.start()

    async def ask(self, what: tuple[int, Pcm16]) -> float:
        """Say something that is answered; return how long it was silent after it, in seconds."""
        turns = len(people_turns(self.gemini))
        utterance = await self.ada.speak(what[1], rate_hz=LIVE_IN_HZ)
        assert utterance.withheld == 0
        await held(lambda: self._answered(turns), 10.0, "it was not answered")
        at = people_turns(self.gemini)[turns].at
        voiced = [frame.at for frame in utterance.frames if frame.voiced]
        return max(0.0, at - voiced[-1])

    def _answered(self, turns: int) -> bool:
        new = people_turns(self.gemini)[turns:]
        return bool(new) and new[0].spoken_bytes > 0 and new[0].ended_at is not None

    def known(self) -> bool:
        """Say whether the database knows of the call."""
        with closing(sqlite3.connect(self.bot.database)) as plain:
            return bool(plain.execute("SELECT count(*) FROM running_calls").fetchone()[0])

    def told(self) -> list[str]:
        """Return what the bot has written into the text channel by itself."""
        messages = self.discord.world.messages(self.discord.world.text.id)
        return [message.text for message in messages if not message.origin]


@asynccontextmanager
async def standing(ca: CertificateAuthority, folder: Path) -> AsyncIterator[Stand]:
    """Run the bot as a process, in a call."""
    async with DiscordEmulator(ca) as discord, GeminiEmulator(ca) as gemini:
        discord.knobs.identify_interval_s = 0.0  # the bot is started more than once
        gemini.knobs.stream_speed = gemini.knobs.playback_speed = 20.0
        ada = Person(discord, discord.world.add_user("Ada"))
        bot = rigged_bot(folder, ca, discord, gemini)
        stand = Stand(discord, gemini, ada, bot, await bot.start())
        try:
            await ada.join(discord.world.voice_channels[0].id)
            await said(stand.process, "connected to Gateway")
            answer = await ada.run_command(discord.world.text.id, "join").response(within_s=20.0)
            assert fault_scene.JOINED in answer.text, answer.text
            await ada.secured_with(discord.world.bot.id)
            await eventually(lambda: stand.known(), 10.0)
            yield stand
        finally:
            await ada.leave()
            if stand.process.returncode is None:
                stand.process.kill()
                await ended(stand.process)


def dies(number: signal.Signals) -> Callable[[Outcome, CertificateAuthority, Path], Awaitable[None]]:
    """Return the row of a process that ends in mid-sentence and is started anew."""

    async def own(outcome: Outcome, ca: CertificateAuthority, folder: Path) -> None:
        async with standing(ca, folder) as stand:
            await stand.ask(FIRST)
            saying = asyncio.create_task(stand.ada.speak(SENTENCE[1], rate_hz=LIVE_IN_HZ))
            await asyncio.sleep(0.5)
            if number is signal.SIGKILL:
                stand.process.kill()
                await ended(stand.process)
            else:
                await ends_after(stand.process, number)
            await saying
            outcome.words_lost = SENTENCE[0]
            began = time.monotonic()
            await stand.start()
            await held(
                lambda: any("I am back in" in text for text in stand.told()), BACK_S * BUSY, "it is not back"
            )
            await stand.ada.secured_with(stand.discord.world.bot.id)
            outcome.silence_ms = 1000 * (time.monotonic() - began)
            outcome.note = stand.told()[-1]
            outcome.after_ms = 1000 * await stand.ask(LAST)
            await ends_after(stand.process, signal.SIGTERM)
            with closing(sqlite3.connect(stand.bot.database)) as plain:
                assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    return own


async def disk_full(outcome: Outcome, ca: CertificateAuthority, folder: Path) -> None:
    """Let no file of the bot's process grow while people talk; all is stored once files may grow again."""
    async with standing(ca, folder) as stand:
        usual_s = await stand.ask(FIRST)
        path, process = stand.bot.database, stand.process
        await held(lambda: _kept(path) > 0, STORED_S, "nothing is stored")
        with closing(sqlite3.connect(path)) as plain:  # the room that the log has already
            await held(
                lambda: plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0,
                5.0,
                "it is in use",
            )
        before = _kept(path)
        unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LOG_BYTES, unlimited[1]))
        outcome.silence_ms = 1000 * max(0.0, await stand.ask(SENTENCE) - usual_s)
        await said(process, "A transcript can't be stored just now")
        assert _kept(path) == before
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
        outcome.after_ms = 1000 * (await stand.ask(LAST) - usual_s)
        await held(lambda: _kept(path) >= before + 2, STORED_S, "what was said meanwhile is not stored")
        await ends_after(process, signal.SIGTERM)


LOG_BYTES = 4096  # the write-ahead log takes no page then


async def nothing(_scene: Scene) -> None:
    """Leave it to the scenario."""


ROWS = [
    Row(
        "storage-locked",
        "locked by another program for 4 s",
        WHERE,
        When.IDLE,
        "the call goes on; what is to be stored waits, and is",
        nothing,
        scenario=locked,
    ),
    Row(
        "storage-full",
        "no file can grow",
        WHERE,
        When.IDLE,
        "the call goes on; said in the log, and stored once there is room",
        nothing,
        own=disk_full,
    ),
    Row(
        "storage-killed",
        "kill -9 of the bot",
        "Process, in mid-sentence",
        When.SPEAKING,
        "the database opens, and the bot is back in the call",
        nothing,
        own=dies(signal.SIGKILL),
        silence_s=RESTARTED_S,
        kills_bot=True,
    ),
    Row(
        "storage-stopped",
        "SIGTERM and a restart",
        "Process, in mid-sentence",
        When.SPEAKING,
        "ends in good order, and is back in the call",
        nothing,
        own=dies(signal.SIGTERM),
        silence_s=RESTARTED_S,
        kills_bot=True,
    ),
]
