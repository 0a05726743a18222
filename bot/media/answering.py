"""One question to the model, streamed: tried again, and of another model, until the first of the answer came.

From then on nothing is asked again: what came is kept, and the end says why it is cut short.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from google import genai
from google.genai import types

from bot.media.errors import MediaError, UnfitError
from bot.media.events import MadeFile
from bot.media.failures import FAILURES, Failure, Way, judge, pause_s
from bot.media.parts import code_block, drawn, output_block

logger = logging.getLogger(__name__)

ATTEMPTS = 4  # of one model
FIRST_WORDS_S = 120.0  # an hour of video takes a minute before the first word
NEXT_WORDS_S = 60.0

_REFUSALS = {
    "SAFETY": "Gemini refused this for safety reasons",
    "IMAGE_SAFETY": "Gemini refused this for safety reasons",
    "PROHIBITED_CONTENT": "Gemini refused this because its rules prohibit such content",
    "BLOCKLIST": "Gemini refused this because of a blocked word",
    "RECITATION": "Gemini stopped because it would have repeated a protected text",
    "SPII": "Gemini stopped because the answer would have held sensitive personal data",
    "LANGUAGE": "Gemini does not know this language",
    "JAILBREAK": "Gemini refused this for safety reasons",
}
_AGAINST_RULES = _REFUSALS.keys() - {"RECITATION", "SPII"}  # another attempt may write other words
_CUT = "The answer broke off: what came until then is above."
_TOO_LONG = "The answer reached the longest that the model can write, and is cut there."

Usage = types.GenerateContentResponseUsageMetadata
Contents = list[types.Content]
Piece = str | MadeFile
"""The next words of an answer, or a picture that the model's code drew."""


class FilesGone(Exception):  # noqa: N818 - says what to do, and is never shown
    """Google has lost an uploaded file: upload it anew and ask again."""


class _GivenUp(Exception):  # noqa: N818 - ends the attempts with one model
    def __init__(self, failure: Failure) -> None:
        self.failure = failure


@dataclass
class Answer:
    """What has come of an answer, and how it ended."""

    model: str
    truncated: str | None = None
    grounding: types.GroundingMetadata | None = None
    begun: bool = False
    """Whether there was anything of it but blanks."""
    drawn: int = 0
    """How many pictures the model's code has drawn."""
    reason: str | None = None
    """Why the model ended, by the API's name."""


class Asker:
    """Asks models in turn; the first that answers."""

    def __init__(self, client: genai.Client, models: Sequence[str], say: Callable[[str], None]) -> None:
        self._client = client
        self._models = models
        self._say = say
        self.answer = Answer(models[0])
        self._usage: Usage | None = None
        self.used: list[tuple[str, Usage]] = []
        """What attempts used, with the models' names: it is billed, whatever came of them."""

    async def ask(
        self, contents: Contents, config: types.GenerateContentConfig
    ) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it comes; `answer` says the rest, at any time.

        Raises MediaError, FilesGone; both only before the first word.
        """
        for model in self._models:
            self.answer = Answer(model)
            self._say(f"Asking {model}")
            try:
                async with aclosing(self._ask_again(contents, config)) as pieces:
                    async for piece in pieces:
                        yield piece
            except _GivenUp as error:
                failure = error.failure
            else:
                return
            if failure.way not in (Way.RETRY, Way.OTHER_MODEL):
                break
        raise MediaError(failure.sentence)

    async def _ask_again(
        self, contents: Contents, config: types.GenerateContentConfig
    ) -> AsyncGenerator[Piece, None]:
        """Ask one model as often as that makes sense. Raises _GivenUp beside what `ask` does."""
        for attempt in itertools.count(1):
            try:
                async with aclosing(self._stream(contents, config)) as pieces:
                    async for piece in pieces:
                        yield piece
            except FAILURES as error:
                failure = self._judged(error, contents)
            else:
                return
            if failure is None:
                return
            pause = self._pause_s(failure, attempt)
            if pause is None:
                raise _GivenUp(failure)
            self._say(f"Gemini is busy: trying again in {max(1, round(pause))} s")
            await asyncio.sleep(pause)

    def _judged(self, error: BaseException, contents: Contents) -> Failure | None:
        """Return what went wrong, or None where the answer had begun, so that it ends here."""
        if self.answer.begun:
            self.answer.truncated = _CUT
            logger.warning("An answer broke off: %s", type(error).__name__)
            return None
        addresses = _addresses(contents)
        on_youtube = any("youtube.com/" in address for address in addresses)
        failure = judge(error, with_files=bool(addresses), on_youtube=on_youtube)
        if failure.way is Way.FILE_GONE:
            raise FilesGone from error
        logger.warning("%s did not answer: %s", self.answer.model, failure.sentence)
        return failure

    def _pause_s(self, failure: Failure, attempt: int) -> float | None:
        if failure.way is not Way.RETRY or attempt == ATTEMPTS:
            return None
        return pause_s(failure, attempt + 1)

    async def _stream(
        self, contents: Contents, config: types.GenerateContentConfig
    ) -> AsyncGenerator[Piece, None]:
        self.answer.reason = self.answer.grounding = None  # what an attempt before has said
        try:
            async with aclosing(self._chunks(contents, config)) as chunks:
                async for chunk in chunks:
                    for piece in self._take(chunk):
                        yield piece
        finally:
            self._settle()
        self._end()

    def _settle(self) -> None:
        """Note what an attempt used, as far as Gemini said it."""
        if self._usage is not None:
            self.used.append((self.answer.model, self._usage))
            self._usage = None

    async def _chunks(
        self, contents: Contents, config: types.GenerateContentConfig
    ) -> AsyncGenerator[types.GenerateContentResponse, None]:
        stream = await self._client.aio.models.generate_content_stream(
            model=self.answer.model,
            contents=cast(types.ContentListUnion, contents),
            config=config,
        )
        async with aclosing(cast(AsyncGenerator[types.GenerateContentResponse, None], stream)) as chunks:
            while True:
                async with asyncio.timeout(NEXT_WORDS_S if self.answer.begun else FIRST_WORDS_S):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk

    def _take(self, chunk: types.GenerateContentResponse) -> list[Piece]:
        """Return what a chunk holds for people, and keep what else it says.

        Raises MediaError for a refusal.
        """
        self._usage = chunk.usage_metadata or self._usage
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            raise _refused(feedback.block_reason.value)
        candidate = chunk.candidates[0] if chunk.candidates else None
        if candidate is None:
            return []
        if candidate.finish_reason is not None:
            self.answer.reason = candidate.finish_reason.value
        self.answer.grounding = candidate.grounding_metadata or self.answer.grounding
        found = candidate.content.parts if candidate.content else None
        pieces = [piece for part in found or [] if not part.thought and (piece := self._piece(part))]
        filled = any(isinstance(piece, MadeFile) or piece.strip() for piece in pieces)
        self.answer.begun = self.answer.begun or filled
        return pieces

    def _piece(self, part: types.Part) -> Piece | None:
        if part.executable_code is not None:
            return code_block(part.executable_code)
        if part.code_execution_result is not None:
            return output_block(part.code_execution_result)
        if part.inline_data is not None:
            picture = drawn(part.inline_data, self.answer.drawn + 1)
            self.answer.drawn += picture is not None
            return picture
        return part.text

    def _end(self) -> None:
        """Judge how the stream ended, where it ended without an error."""
        reason = self.answer.reason
        if not self.answer.begun:
            if reason in (None, "STOP", "OTHER"):
                raise ValueError("the answer was empty")  # as good as none: tried again
            if reason == "MAX_TOKENS":
                raise MediaError(
                    "The model thought for so long that nothing was left for an answer: ask for less."
                )
            raise _refused(str(reason))
        if reason is None:
            self.answer.truncated = _CUT
        elif reason == "MAX_TOKENS":
            self.answer.truncated = _TOO_LONG
        elif reason != "STOP":
            self.answer.truncated = f"{_refusal(reason)}; what came until then is above."


def _refusal(reason: str) -> str:
    return _REFUSALS.get(reason, f"Gemini gave no answer (it says {reason})")


def _refused(reason: str) -> MediaError:
    """Return the error of a question that has no answer; one that is against the rules never has."""
    kind = UnfitError if reason in _AGAINST_RULES else MediaError
    return kind(f"{_refusal(reason)}: ask something else.")


def _addresses(contents: Contents) -> list[str]:
    """Return where the files of a question lie, as far as they do not go along with it."""
    parts = [part for content in contents for part in content.parts or []]
    return [part.file_data.file_uri or "" for part in parts if part.file_data]
