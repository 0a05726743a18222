"""A bot that is killed again and again, each time that it comes back to a call."""

import asyncio
import signal
from pathlib import Path

import fault_scene
from bot_process import ended, ends_after
from fault_row import Outcome, Row, When
from fault_scene import FIRST, LAST
from rows_storage import BACK_S, BUSY, nothing, standing
from voice_acts import held

from bot.emulators.tls import CertificateAuthority
from cogs.returning import MOST

LIMIT_S = BACK_S * BUSY
AWAY_S = 2.0  # in which a bot that came back would have


async def loops(outcome: Outcome, ca: CertificateAuthority, folder: Path) -> None:
    """Kill the bot on each return; it gives up then, says so once, and works as ever when asked to join."""
    async with standing(ca, folder) as stand:
        world, usual_s = stand.discord.world, await stand.ask(FIRST)
        for _ in range(MOST):
            stand.process.kill()
            await ended(stand.process)
            sessions = len(stand.gemini.sessions)
            await stand.start()
            await held(lambda: len(stand.gemini.sessions) > sessions, LIMIT_S, "it does not come back")  # noqa: B023
        stand.process.kill()
        await ended(stand.process)
        sessions = len(stand.gemini.sessions)
        await stand.start()
        await held(lambda: any("I stay away" in text for text in stand.told()), LIMIT_S, "it says nothing")
        await asyncio.sleep(AWAY_S)
        assert len(stand.gemini.sessions) == sessions, "it came back nonetheless"
        assert sum("I am back" in text for text in stand.told()) <= MOST, stand.told()
        outcome.note = stand.told()[-1]
        answer = await stand.ada.run_command(world.text.id, "join").response(within_s=LIMIT_S)
        assert fault_scene.JOINED in answer.text, answer.text
        await stand.ada.secured_with(world.bot.id)
        outcome.after_ms = 1000 * (await stand.ask(LAST) - usual_s)
        await ends_after(stand.process, signal.SIGTERM)


ROWS = [
    Row(
        "storage-crash-loop",
        f"kill -9 at each of {MOST} returns",
        "Process, on its way back",
        When.IDLE,
        "stays away then, says so once, and joins when asked to",
        nothing,
        own=loops,
        kills_bot=True,
    )
]
