"""The client's side of the conversation, after the setup: hear, read, see, and find where a turn ends.

A turn ends by voice detection, by an activity mark, or by content with turn_complete. Nothing else ends one:
not audio that just stops, and not audioStreamEnd, where the model ignores it. Marks are refused where the
setup leaves detection automatic, and the end of the audio stream where it does not, as the real server does.
"""

import json
from collections import deque

from bot.emulators.gemini.answering import Answering, Strike
from bot.emulators.gemini.context import Context
from bot.emulators.gemini.ears import Ears, Ended, Onset
from bot.emulators.gemini.faults import Stall, Where
from bot.emulators.gemini.live_pictures import Picture, received
from bot.emulators.gemini.log import HeardChunk, Noted, SessionLog, Turn
from bot.emulators.gemini.outbox import Look, Outbox
from bot.emulators.gemini.reply import Thought, count_words, speaker_in
from bot.emulators.gemini.rest_grounding import questions_of
from bot.emulators.gemini.setup import Setup
from bot.emulators.gemini.wire import (
    INVALID_ARGUMENT,
    ActivityEndIn,
    ActivityStartIn,
    AudioIn,
    AudioStreamEndIn,
    ClientMessage,
    ContentIn,
    PictureIn,
    RefusedError,
    SetupIn,
    TextIn,
    ToolResponseIn,
    ToolResult,
)

_MOST_TEXTS = 1000  # that wait for a turn; the oldest go first
_MOST_PICTURES = 1000  # likewise; a picture a second for a quarter of an hour


class Dialogue:
    """Takes what the client says, and gives each turn to `answering`."""

    def __init__(
        self,
        *,
        setup: Setup,
        context: Context,
        log: SessionLog,
        outbox: Outbox,
        strike: Strike,
        answering: Answering,
    ) -> None:
        self._setup = setup
        self._context = context
        self._log = log
        self._outbox = outbox
        self._strike = strike
        self._answering = answering
        self._ears = Ears(setup.detection)
        self._texts: deque[str] = deque(maxlen=_MOST_TEXTS)
        self._pictures: deque[Picture] = deque(maxlen=_MOST_PICTURES)
        self._realtime = False  # whether any realtime input has come

    def take(self, message: ClientMessage, now: float) -> None:
        """Take a message; raise RefusedError for what the model does not take."""
        self._realtime = self._realtime or not isinstance(message, ContentIn)
        match message:
            case SetupIn():
                raise RefusedError(INVALID_ARGUMENT, "The setup was already given.")
            case AudioIn():
                self._hear(message.pcm, now)
            case PictureIn():
                self._see(message, now)
            case TextIn():
                self._read_realtime(message.text, now)
            case ActivityStartIn():
                self._mark_start(now)
            case ActivityEndIn():
                self._mark_end(now)
            case AudioStreamEndIn():
                self._stream_end(now)
            case ContentIn():
                self._read_content(message, now)
            case ToolResponseIn():
                self._take_results(message, now)

    def _hear(self, pcm: bytes, now: float) -> None:
        if Stall() in self._strike(Where.AUDIO_IN, now):
            return
        self._log.heard.append(HeardChunk(now, pcm))
        self._context.hear(len(pcm) // 2)
        for event in self._ears.feed(pcm):
            match event:
                case Onset():
                    self._log.notes.append(Noted(now, "onset", sample=event.sample))
                    self._someone_speaks(now)
                case Ended():
                    self._turn(now, event)

    def _see(self, message: PictureIn, now: float) -> None:
        if Stall() in self._strike(Where.PICTURE_IN, now):
            return
        picture = received(message.data, message.mime_type, now)
        self._log.pictures.append(picture)
        self._outbox.put(Look(picture, message.data))
        if self._setup.sees_all or self._ears.speaking:
            self._context.see(picture)
            self._pictures.append(picture)

    def _someone_speaks(self, now: float) -> None:
        if self._setup.interruptible:
            self._answering.interrupt(now)

    def _mark_start(self, now: float) -> None:
        if self._setup.detection.automatic:
            raise RefusedError(
                INVALID_ARGUMENT,
                "Explicit activity control is not supported when automatic activity detection is enabled.",
            )
        if self._ears.speaking:
            raise RefusedError(INVALID_ARGUMENT, "activity_start within an activity.")
        self._note("activity_start", now)
        self._ears.mark_start()
        self._someone_speaks(now)

    def _mark_end(self, now: float) -> None:
        if self._setup.detection.automatic:
            raise RefusedError(
                INVALID_ARGUMENT,
                "Explicit activity control is not supported when automatic activity detection is enabled.",
            )
        if not self._ears.speaking:
            raise RefusedError(INVALID_ARGUMENT, "activity_end without activity_start.")
        self._note("activity_end", now)
        self._turn(now, self._ears.mark_end())

    def _stream_end(self, now: float) -> None:
        if not self._setup.detection.automatic:
            raise RefusedError(
                INVALID_ARGUMENT,
                "audio_stream_end is only supported when automatic activity detection is enabled.",
            )
        self._note("audio_stream_end", now)
        if self._setup.traits.audio_stream_end and self._ears.speaking:
            self._turn(now, self._ears.mark_end())

    def _read(self, text: str, now: float) -> None:
        """Read a text: either who is speaking now, or something for the next turn."""
        self._context.read(text)
        self._note("text", now, text)
        if speaker := speaker_in(text):
            self._context.speaker = speaker
        else:
            self._texts.append(text)

    def _read_realtime(self, text: str, now: float) -> None:
        """Read realtime text: part of the activity, if one goes on or is to be marked; else a turn."""
        self._read(text, now)
        if self._setup.detection.automatic and not self._ears.speaking:
            self._someone_speaks(now)
            self._turn(now)

    def _read_content(self, message: ContentIn, now: float) -> None:
        if self._realtime and self._setup.traits.client_content == "history":
            raise RefusedError(INVALID_ARGUMENT, "client_content is only for the history of this model.")
        for text in message.texts:
            self._read(text, now)
        if message.turn_complete:
            self._answering.interrupt(now)  # always, whatever the activity handling
            self._turn(now)

    def _take_results(self, message: ToolResponseIn, now: float) -> None:
        results = self._answering.desk.answer(message.results)
        self._log.tool_results.extend(results)
        if not results or Stall() in self._strike(Where.TOOL_RESULT, now):
            return
        for result in results:
            self._context.read(json.dumps(result.response))
        if self._answering.results(results, now):
            return
        loud = [result for result in results if result.scheduling != "SILENT"]
        if any(result.scheduling == "INTERRUPT" for result in loud):
            self._answering.interrupt(now)
        if loud:
            self._turn(now, results=tuple(loud))

    def _turn(self, now: float, heard: Ended | None = None, *, results: tuple[ToolResult, ...] = ()) -> None:
        """End a turn: log it, and have it answered. Results of tools belong to the turn before."""
        first = self._context.turns == 0
        self._context.turns += not results
        place = self._ears.samples
        turn = Turn(
            number=self._context.turns,
            at=now,
            start_sample=heard.start_sample if heard else place,
            end_sample=heard.end_sample if heard else place,
            marked=not self._setup.detection.automatic,
            speaker=self._context.speaker,
            texts=tuple(self._texts),
            pictures=tuple(self._pictures),
        )
        thought = Thought(
            number=turn.number,
            voice=self._setup.voice,
            speaker=turn.speaker,
            heard=heard.pcm if heard else None,
            texts=turn.texts,
            pictures=turn.pictures,
            remembered=tuple(one for one in self._context.pictures if one not in turn.pictures),
            searches=tuple(questions_of("\n".join(turn.texts))) if self._setup.search else (),
            results=results,
            instruction_words=count_words(self._setup.instruction) if first else 0,
        )
        self._texts.clear()
        self._pictures.clear()
        self._log.turns.append(turn)
        self._answering.add(turn, thought, now)

    def _note(self, kind: str, now: float, text: str = "") -> None:
        self._log.notes.append(Noted(now, kind, text, self._ears.samples))
