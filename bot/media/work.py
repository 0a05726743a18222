"""The work on one request, from its files to its answer, and what is kept of it."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

from google.genai import types

from bot.media.answering import Asker, Contents, FilesGone
from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.errors import MediaError
from bot.media.events import Finished, Made, MadeFile, RequestUsage, TextDelta, TextWhole
from bot.media.feed import Feed
from bot.media.fit import Fitted
from bot.media.grounding import cited, grounding_of
from bot.media.growing import Growing, repair
from bot.media.materials import Material, Materials
from bot.media.parts import config_of
from bot.media.request import MediaRequest
from bot.media.tools import Tools
from bot.media.usage import summed, usage_of
from bot.media.workers import Workers
from bot.storage.errors import StorageError

logger = logging.getLogger(__name__)

_NONSENSE = "The model's answer made no sense, twice: ask again."
_DOUBTFUL = "Parts of this may be wrong: the model's answer did not fit together, also when asked again."


class Work:
    """Answers one request; made for it, and run once."""

    def __init__(self, tools: Tools, request: MediaRequest, folder: Path, feed: Feed, began: float) -> None:
        """`folder` is empty, and removed by the caller; `began` is on time.monotonic's clock."""
        self._tools = tools
        self._request = request
        self._task = request.task
        self._feed = feed
        self._began = began
        self._materials = Materials(tools, folder, feed)
        self._workers = Workers("media-make", 1)
        self._config = config_of(request.task, request.locale, _detail(request))
        self._used: list[RequestUsage] = []
        self._model = tools.models[0]
        self._text = ""
        self._note: str | None = None

    async def run(self) -> None:
        """Put all that happens into the feed. Raises MediaError."""
        task = self._task
        own = await self._materials.fetch_all(self._request.sources, task.detail, task.clip)
        task.check([each.fitted for each in own])
        try:
            await self._answer(own)
        except FilesGone:
            # Google lost a file before its time: what was leased is not used again, so it is uploaded anew.
            try:
                await self._answer(own)
            except FilesGone as error:
                raise MediaError("Gemini lost a file that was sent to it: ask again in a minute.") from error

    async def _answer(self, own: list[Material]) -> None:
        """Send what is small along, lease the rest, stream the answer, and keep it."""
        linger = gone = False
        try:
            before = await self._before()
            everything = [*own, *before.values()]
            self._materials.lease(everything)
            contents = await self._contents(own, before)
            try:
                await self._stream(contents, [each.fitted for each in own])
                linger = not self._request.id  # else the kept answer holds them
            finally:
                if self._text:  # also what was stopped: people may want the rest of it
                    await self._keep(everything)
        except FilesGone:
            gone = True
            raise
        finally:
            self._materials.end_leases(own, linger=linger, gone=gone)
        usage = summed(self._used)
        seconds = time.monotonic() - self._began
        await self._feed.put(Finished(self._model, usage, seconds, self._note))

    async def _before(self) -> dict[str, Material]:
        """Return the files of the turns before, by the addresses of their sources."""
        if self._task.alone:
            return {}
        found: dict[str, Material] = {}
        kept = await self._tools.contexts.files(self._request.after) if self._request.turns else {}
        for turn in self._request.turns:
            fresh = [source for source in turn.sources if source.url not in found]
            for each in await self._materials.recover(fresh, kept, turn.detail, turn.clip):
                found[each.source.url] = each
        return found

    async def _contents(self, own: Sequence[Material], before: dict[str, Material]) -> Contents:
        """Return the question, after the turns before it."""
        contents = []
        shown: set[str] = set()  # a file that several turns were about is sent once
        for turn in () if self._task.alone else self._request.turns:
            fresh = [source.url for source in turn.sources if source.url not in shown]
            shown.update(fresh)
            parts = await self._parts([before[url] for url in fresh], turn.clip)
            contents.append(types.Content(role="user", parts=[*parts, types.Part(text=turn.prompt)]))
            contents.append(types.Content(role="model", parts=[types.Part(text=turn.answer or "…")]))
        prompt = self._task.prompt([each.fitted for each in own])
        parts = await self._parts(own, self._task.clip)
        return [*contents, types.Content(role="user", parts=[*parts, types.Part(text=prompt)])]

    async def _parts(self, materials: Sequence[Material], clip: Clip | None) -> list[types.Part]:
        """Return files as parts, each after its name where people may call them by it."""
        named = len(materials) > 1 and not all(each.fitted.is_picture for each in materials)
        parts = []
        for each in materials:
            if named:
                parts.append(types.Part(text=f"{each.fitted.name}:"))
            parts.append(await each.part(clip, vertex=self._tools.vertex))
        return parts

    async def _stream(self, contents: Contents, files: Sequence[Fitted]) -> None:
        made: list[MadeFile] = []
        if self._task.schema is None:
            made += await self._stream_prose(contents)
            made += await self._workers.run(lambda stop: self._task.make(self._text, files, stop))
        else:
            value = await self._stream_value(contents, files)
            made += await self._workers.run(lambda stop: self._task.make(value.partial(), files, stop))
        if made:
            await self._feed.put(Made(tuple(made)))

    async def _stream_prose(self, contents: Contents) -> list[MadeFile]:
        """Put the words of an answer into the feed as they come; return what the model drew."""
        made: list[MadeFile] = []
        asker = self._asker()
        try:
            async with aclosing(asker.ask(contents, self._config)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, MadeFile):
                        made.append(piece)
                        continue
                    self._text += piece
                    await self._feed.put(TextDelta(piece))
        finally:
            await self._account(asker)
        metadata = asker.answer.grounding
        grounding = grounding_of(metadata)
        if metadata is not None and grounding is not None:
            if not self._task.code:  # Google counts places in the words alone, without the code between them
                self._text = cited(self._text, metadata)
                await self._feed.put(TextWhole(self._text))
            await self._feed.put(grounding)
        return made

    async def _stream_value(self, contents: Contents, files: Sequence[Fitted]) -> Growing:
        """Put a value into the feed as it grows; return it when it fits, or once more was asked for it."""
        value = await self._grow(contents, files)
        problems = [] if self._note else await asyncio.to_thread(value.problems)
        if problems:
            self._feed.say("Having the answer corrected")
            value = await self._corrected(value, problems, contents, files)
        await self._show(value)
        if not self._text:
            raise MediaError(_NONSENSE)
        return value

    async def _corrected(
        self, value: Growing, problems: list[str], contents: Contents, files: Sequence[Fitted]
    ) -> Growing:
        """Return what the model makes of the problems with its value, or that value, if it makes no less."""
        said = types.Content(role="model", parts=[types.Part(text=value.text)])
        again = types.Content(role="user", parts=[types.Part(text=repair(problems))])
        first = self._model
        try:
            # What came first stays to be seen until the correction is there, and whatever stops that.
            corrected = await self._grow([*contents, said, again], files, shown=False)
        except (MediaError, FilesGone) as error:
            if not self._text:
                raise
            logger.warning("A value could not be corrected: %s", type(error).__name__)
            self._model, self._note = first, _DOUBTFUL
            return value
        if not await asyncio.to_thread(corrected.problems):
            return corrected
        cut, self._note = self._note, _DOUBTFUL
        usable = await asyncio.to_thread(corrected.partial) is not None
        return corrected if usable and not (cut and self._text) else value

    async def _grow(self, contents: Contents, files: Sequence[Fitted], *, shown: bool = True) -> Growing:
        value = Growing(self._task, files)
        asker = self._asker()
        try:
            async with aclosing(asker.ask(contents, self._config)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        value.add(piece)
                    if shown and value.due(time.monotonic()):
                        await self._show(value)
        finally:
            await self._account(asker)
        return value

    async def _show(self, value: Growing) -> None:
        text = await asyncio.to_thread(value.render)
        if text and text != self._text:
            self._text = text
            await self._feed.put(TextWhole(text))

    def _asker(self) -> Asker:
        return Asker(self._tools.client, self._tools.models, self._feed.say)

    async def _account(self, asker: Asker) -> None:
        """Record what was used, also where the reader went away: it is billed."""
        answer = asker.answer
        self._model, self._note = answer.model, answer.truncated
        if not asker.used:
            self._used.append(usage_of(answer.model, None, time.time()))
        for model, counted in asker.used:
            used = usage_of(model, counted, time.time())
            self._used.append(used)
            await self._record(model, used)

    async def _record(self, model: str, used: RequestUsage) -> None:
        request = self._request
        try:
            await self._tools.storage.record_usage(
                guild_id=request.guild_id, user_id=request.user_id, model=model, **asdict(used)
            )
        except StorageError as error:
            logger.warning("The usage of a request could not be recorded: %s", error)

    async def _keep(self, materials: Sequence[Material]) -> None:
        if not self._request.id:
            return
        try:
            files = [await each.kept() for each in materials]
            await self._tools.contexts.keep(self._request, self._text, files)
        except StorageError as error:
            logger.warning("An answer could not be kept for questions that follow: %s", error)


def _detail(request: MediaRequest) -> Detail | None:
    """Return how closely the model looks: as the task says, else as for the files of before."""
    task = request.task
    if task.detail is not None or task.alone:
        return task.detail
    return next((turn.detail for turn in reversed(request.turns) if turn.sources and turn.detail), None)
