"""The running bot that rows share: between its emulators, with one person in the channel.

Rows share the call too: the last sentence of one is the baseline of the next. So it is as in a long call, and
a row takes half the time. After a row that was not survived all is made anew.
"""

import asyncio
import dataclasses
import logging
import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fault_row import Outcome, Row, When
from fault_scenarios import joining, standard
from fault_scene import Scene
from fault_watch import ErrorLog, Standing
from fault_wire import Wire
from loopback import eventually, running_bot

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.knobs import Knobs as GeminiKnobs
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.emulators.tls import CertificateAuthority

logger = logging.getLogger(__name__)

ROW_S = 120.0  # a row that takes longer hangs
LEFT_S = 5.0  # what was closed may take so long to be gone
FAST = 20.0  # answers are streamed, and taken to be played, so many times faster than they sound


class Stage:
    """Plays rows one after the other; close it at the end."""

    def __init__(self, ca: CertificateAuthority, folder: Path) -> None:
        self._ca, self._folder = ca, folder
        self._stack: AsyncExitStack | None = None
        self._settings: Mapping[str, Any] = {}
        self._scene: Scene | None = None
        self._starts = 0

    async def play(self, row: Row) -> Outcome:
        """Play a row, and once more where what was wrong may be a busy machine's doing; say what came of it.

        CI shares its machine: that spoils frames and makes answers late in rows that are in order, and a run
        that is red for no reason teaches everybody to start it again unread, which hides as much as a second
        play and says less. So a second play decides, and the first trouble is kept in the outcome: a race
        that is lost now and then shows as a warning in every other run. What is left behind or logged as an
        error gets no second play: however late things come, the bot has to clean up and to catch.
        """
        first = await self._once(row)
        if not first.only_late:
            return first
        again = await self._once(row)
        again.first_trouble, again.took_s = first.trouble, first.took_s + again.took_s
        return again

    async def _once(self, row: Row) -> Outcome:
        """Play a row; what it breaks is made anew for the next."""
        outcome = Outcome(row.id, silence_bound_ms=1000 * row.silence_s)
        began, log = time.monotonic(), ErrorLog()
        log.watch()
        try:
            async with asyncio.timeout(ROW_S):
                await self._play(row, outcome)
        except Exception as error:  # the edge of a row: whatever it is, it is the row's outcome
            logger.debug("%s", row.id, exc_info=error)
            outcome.failed = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        outcome.errors += [found for found in log.found if not row.logs or not re.match(row.logs, found)]
        if not outcome.survived:
            try:
                await self._give_up()
            except AssertionError as error:  # something outlives the bot
                outcome.left.append(f"after the bot: {error or 'tasks of the call'}")
        log.stop()
        outcome.took_s = time.monotonic() - began
        return outcome

    async def close(self) -> None:
        """End the call, the bot and what it runs between; raise AssertionError where something is left."""
        left = await self._hang_up(self._scene) if self._scene is not None else []
        await self._give_up()
        assert not left, f"after the last /leave: {', '.join(left)}"

    async def _give_up(self) -> None:
        stack, self._stack, self._scene = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    async def _play(self, row: Row, outcome: Outcome) -> None:
        if row.own is not None:
            await self.close()
            await row.own(outcome, self._ca, self._new_folder(row.id))
            return
        scene = await self._scene_for(row)
        scene.begin(outcome)
        _reset(scene)
        if scene.in_call and (row.fresh or row.when is When.JOIN):
            outcome.left += await self._hang_up(scene)
        scenario = row.scenario or (joining if row.when is When.JOIN else standard)
        try:
            await scenario(scene, row)
        finally:
            _reset(scene)
        if scene.standing is not None:
            outcome.left += await _settled(scene.standing)

    async def _scene_for(self, row: Row) -> Scene:
        if self._scene is None or self._settings != row.settings:
            await self.close()
            await self._start(row.settings)
        assert self._scene is not None
        return self._scene

    def _new_folder(self, name: str) -> Path:
        """Make a folder for one more bot; a row that is played twice has two."""
        self._starts += 1
        folder = self._folder / f"{name}-{self._starts}"
        folder.mkdir(parents=True)
        return folder

    async def _hang_up(self, scene: Scene) -> list[str]:
        """Have the bot leave; return what is left of the call."""
        await scene.leave()
        assert scene.empty is not None
        return await _settled(scene.empty)

    async def _start(self, settings: Mapping[str, Any]) -> None:
        self._stack, self._settings = AsyncExitStack(), settings
        folder = self._new_folder("bot")
        discord = await self._stack.enter_async_context(DiscordEmulator(self._ca))
        gemini = await self._stack.enter_async_context(GeminiEmulator(self._ca))
        port = urlsplit(gemini.base_url).port
        assert port is not None
        wire = await self._stack.enter_async_context(Wire(port))
        gemini.base_url = f"https://localhost:{wire.port}"
        running = await self._stack.enter_async_context(running_bot(discord, gemini, folder, **settings))
        ada = Person(discord, discord.world.add_user("Ada"))
        self._stack.push_async_callback(ada.leave)
        await ada.join(discord.world.voice_channels[0].id)
        self._scene = scene = Scene(running, ada, wire)
        _reset(scene)
        # The first call makes what lasts as long as the process.
        await scene.join()
        await scene.leave()
        scene.empty = Standing.now(
            lambda: sum(each.open and each.log.setup is not None for each in gemini.sessions)
        )


async def _settled(before: Standing) -> list[str]:
    """Return what is there after a while and was not before."""
    try:
        await eventually(lambda: not before.surplus(), LEFT_S)
    except TimeoutError:
        return before.surplus()
    return []


def _reset(scene: Scene) -> None:
    """Set everything as it is when nothing is wrong, and forget what was before."""
    fresh = dataclasses.replace(GeminiKnobs(stream_speed=FAST, playback_speed=FAST), rest=scene.knobs.rest)
    for field in dataclasses.fields(fresh):
        setattr(scene.knobs, field.name, getattr(fresh, field.name))
    scene.knobs.rest.faults.clear()
    scene.discord.trace.clear()
    scene.wire.dead, scene.wire.dead_next = False, 0
