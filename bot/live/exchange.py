"""What is said to the model and what it answers, turn by turn, whatever connection bears it.

Sans-I/O, as `core`, which knows the connections and asks this for the rest: what waits to be sent, whether an
answer is due, what of an interrupted one is to be dropped, which functions run.
"""

from dataclasses import replace

from bot.live.counters import LiveCounters
from bot.live.entries import NEVER
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    AnswerWhole,
    InputTranscript,
    Interrupted,
    LiveEvent,
    OutputTranscript,
    ToolCalled,
    ToolsCancelled,
)
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Text, ToolResult
from bot.live.outbox import Outbox, Outgoing
from bot.live.recap import Recap
from bot.live.setup import LiveSetup
from bot.live.stall import GO_ON, NUDGE, Owed, Remedy, StallWatch

QUIET_S = 2.0  # without marks: with no audio for this long nobody speaks, and the model has begun to answer
# An interruption so soon after a text of our own, which interrupts too, is no phantom.
OWN_S = 3.0
# Functions asked for whose results the model has not taken in; each that is run is answered within 10 s, so
# a model that asks for more has lost its way. As many of those beyond are answered with a refusal.
MAX_CALLS = 64
TOO_MANY = "Not done: you asked for too many things at once. Ask for it again later."
# An answer is over so long after it would have been played, if its end is never told: later than its rest is
# given up, and another connection made that is to go on with it.
UNTOLD_END_S = 15.0
STRAY_S = 1.0  # after an interruption chunks may still come; bounded, as the turn's end may never come


class Exchange:
    """The turns of one session."""

    def __init__(self, setup: LiveSetup, counters: LiveCounters) -> None:
        self.setup = setup
        """How the session is set up now."""
        self.outbox = Outbox()
        self.stall = StallWatch()
        self.recap = Recap()
        self._counters = counters
        self._audio_at = NEVER
        self._answering = False
        self._began_at = NEVER  # when the newest answer began
        self._plays_until = NEVER  # when the answer would have been played, from what has come of it
        self._cut_off = False  # an answer was interrupted; the turn's end that follows is that answer's
        self._stray_until = NEVER
        self._whole = False  # whether all of the answer has arrived
        self._spoken_into = False  # whether somebody began to speak since the answer began, or wants no more
        # When somebody began to speak into the answer, or asked something else, until the model says so.
        self._broken_into_at = NEVER
        self._calls: set[str] = set()  # of functions, that are not answered yet
        self._given_up = False  # functions that were asked for over the last connection
        self._called_in_turn = False  # the turn's end that follows is not an empty answer
        self._unwanted = False  # nobody wants an answer until somebody speaks or asks again
        self._addressed = Owed.SIGN  # what is due after speech, of a model that may keep quiet
        self._gone_on = False  # whether the model was told to go on since somebody spoke
        self._going_on: Text | None = None  # what asked last for the rest of an answer; it quotes people
        self._prompted_at = NEVER  # when it was last told something by us alone

    def connected(self, now: float) -> None:
        """Begin anew over another connection: what was left unanswered waits to be sent again.

        An answer that had begun is not asked for again: who heard the half of it wants the other half, if it
        is only what was to come of a function.
        """
        cut = self._in_answer(now) and not self._whole
        untold = self._given_up or self.outbox.owes_result
        self._given_up = False
        self.stall.calm()
        self._answering = self._cut_off = self._whole = False
        self._stray_until = self._broken_into_at = NEVER
        self.recap.turn_ended()
        self.outbox.rewind()
        # Without marks speech doesn't ask; but what a function was asked for in is answered once it is heard.
        heard_again = self.outbox.asks_again or (untold and not self._marks and self.outbox.speaks_again)
        wanted = self._owed is not Owed.SIGN  # what nobody heard the beginning of is not gone on with
        if wanted and (cut or untold) and not (self._spoken_into or heard_again):
            self._counters.answers_gone_on += 1
            self._prompted_at = now
            self._going_on = Text(self.recap.cut_off(), answer=True)
            self.outbox.put(self._going_on)

    def idle(self, now: float) -> bool:
        """Return whether nobody speaks, nothing waits to be sent, and nothing is being answered."""
        quiet = self._marks or now - self._audio_at > QUIET_S
        busy = self._in_answer(now) or self._calls or self.outbox.activity_open or self.outbox.waiting > 0
        return quiet and not busy and not self.outbox.unanswered(now)

    def _in_answer(self, now: float) -> bool:
        """Whether the model is giving an answer; one whose end was lost does not go on for ever."""
        return self._answering and now < self._plays_until + UNTOLD_END_S

    def poll(self, now: float) -> bool:
        """Nudge a model that does not answer; return whether only another connection can help."""
        remedy = self.stall.poll(now)
        if remedy is Remedy.NUDGE:
            self._prompt(NUDGE, now)
        return remedy is Remedy.RECONNECT

    def _prompt(self, words: str, now: float) -> None:
        """Tell the model something that only this connection is to hear."""
        self._prompted_at = now
        self.outbox.put(Text(words, answer=True, passing=True))

    # -- what is said to the model

    def say(self, item: Item) -> None:
        """Queue an item."""
        match item:
            case Audio(_, at):
                self._audio_at = at
            case Text(text, answer):
                self.recap.noted(text)
                if answer:  # which interrupts, too
                    self._begun()
            case ActivityStart():
                self._begun()
        self.outbox.put(item)

    def _begun(self) -> None:
        self._spoken_into, self._unwanted, self._gone_on = True, False, False

    def result(self, result: ToolResult) -> bool:
        """Queue the answer to a function call; return False where it is not open any more."""
        if result.id not in self._calls:
            return False
        self._calls.discard(result.id)
        self.outbox.put(result)
        return True

    def forget(self, speaker: int) -> None:
        """Send nothing more of what a person said, nor tell a new session of it."""
        self.outbox.forget(speaker)
        self.recap.forget()
        if self._going_on is not None:
            self._going_on = self.outbox.reword(self._going_on, self.recap.cut_off())

    def unwanted(self) -> None:
        """Take in that nobody wants an answer now: it is neither gone on with nor waited for."""
        self._spoken_into = self._unwanted = True
        self.stall.calm()

    def expect(self, owed: Owed, now: float) -> None:
        """Take in what is due now of a model that may keep quiet, as far as it is clear."""
        before, self._addressed = self._owed, owed
        if self._owed <= before:
            return
        if self._answering and not self._whole:
            self._await_rest()
        self.stall.expect(self._owed, now, slow=self._slow)

    @property
    def _owed(self) -> Owed:
        return Owed.ANSWER if self.setup.answers else self._addressed

    def next(self, now: float) -> Outgoing | None:
        """Take the next item to send, None while there is none; from a turn's end on an answer is due."""
        outgoing = self.outbox.next(now)
        if outgoing is None:
            return None
        match outgoing.item:
            case ActivityStart():
                self.stall.begun()
                self._broken_into_at = now if self._answering else NEVER
            case ActivityEnd() | Text(answer=True, passing=False) if self._broken_into_at == NEVER:
                self._broken_into_at = now if self._answering else NEVER
            case Audio(speaker=speaker) if speaker is not None and self.setup.transcripts:
                self.stall.spoken_to()
        if (owed := self._owed_after(outgoing.item)) is not None:
            self.stall.asked(now, owed, slow=self._slow)
        return outgoing

    @property
    def _slow(self) -> bool:
        """Whether the model may think or search, before it answers or in the midst of it."""
        return self.setup.capabilities.thinking == "required" or self.setup.search

    def _owed_after(self, item: Item) -> Owed | None:
        """Return what is due after it, None where nothing is waited for."""
        if self._unwanted:
            return None
        match item:
            case Text(_, answer, passing):
                return Owed.ANSWER if answer and not passing else None
            case ToolResult(silent=silent):  # who has asked for it goes on from it, if without a word
                return None if silent or self._calls else max(Owed.TURN, self._owed)
            case ActivityEnd():
                return self._owed
            case Audio(speaker=speaker):  # without marks the turn ends some time after the last of it
                return None if self._marks or speaker is None or self._answering else self._owed
        return None

    # -- what the model says

    def told(self, event: LiveEvent, connection: int, now: float) -> list[LiveEvent]:
        """Take in what the model tells over the connection of that number; return what is to be told on."""
        match event:
            case AnswerAudio(pcm, rate_hz):
                if now < self._stray_until:
                    self._counters.stray_chunks += 1
                    return []
                self.stall.answered()
                untold = self._mind_untold(now)
                if not self._answering:
                    self._begin_answer(now)
                begun = self._plays_until if self._answering else NEVER
                self._plays_until = max(begun, now) + len(pcm) / 2 / rate_hz
                self._answering, self._whole = True, False
                self._await_rest()
                return [*untold, event]
            case AnswerWhole():
                self._whole = True
                self.stall.over()
                self._answered_whole(over=False)
            case Interrupted():
                self._interrupt(now)
            case AnswerEnded():
                self._end_turn(now)
            case InputTranscript(text):
                self.recap.heard(text)
            case OutputTranscript(text):
                self.recap.said(text)
            case ToolCalled():
                return self._called(event, connection)
            case ToolsCancelled(ids):
                known = tuple(call_id for call_id in ids if call_id in self._calls)
                self._calls.difference_update(known)
                return [ToolsCancelled(known)] if known else []
        return [event]

    def _await_rest(self) -> None:
        """Expect the rest of an answer, unless nobody wants it, or it may wait for what a function gives.

        The rest of one that was broken into tells nothing of what was asked since.
        """
        if self._broken_into_at != NEVER:
            return
        if self._owed is not Owed.SIGN and not self._spoken_into and not self._calls:
            self.stall.answers(self._plays_until, slow=self._slow)
        else:
            self.stall.calm()

    def give_up_calls(self) -> list[LiveEvent]:
        """Forget the open function calls: they can't be answered over another connection."""
        ids, self._calls = tuple(sorted(self._calls)), set()
        self._given_up = self._given_up or bool(ids)
        return [ToolsCancelled(ids, lost=True)] if ids else []

    @property
    def _marks(self) -> bool:
        return self.setup.turns == "marks"

    def _called(self, call: ToolCalled, connection: int) -> list[LiveEvent]:
        """Take in a function call; the same one twice is one."""
        self.stall.calm()
        self._called_in_turn = True
        if call.id in self._calls:
            return []
        if len(self._calls) + (results := self.outbox.results) >= MAX_CALLS:
            self._counters.tool_calls_refused += 1
            if results < MAX_CALLS:
                self.outbox.put(ToolResult(call.id, call.name, {"error": TOO_MANY}, silent=True))
            return []
        self._counters.tool_calls += 1
        self._calls.add(call.id)
        return [replace(call, connection=connection)]

    def _interrupt(self, now: float) -> None:
        self.stall.over()
        if self._answering:
            self._stray_until = now + STRAY_S
            self._mind_phantom(now)
        self._answering, self._cut_off = False, True
        self._broken_into_at = NEVER

    def _mind_untold(self, now: float) -> list[LiveEvent]:
        """Take what comes after an interruption for the next answer, where the one before was never ended.

        Else it would be fenced as the rest of that one, which comes within `STRAY_S`, and until it is whole.
        """
        if self._broken_into_at == NEVER or self.outbox.activity_open:
            return []
        if now - self._broken_into_at < STRAY_S and not self._whole:
            return []
        self._counters.untold_interruptions += 1
        self._answering, self._broken_into_at = False, NEVER
        return [Interrupted(now)]

    def _mind_phantom(self, now: float) -> None:
        """Have an answer gone on with that was broken off though nobody has begun to speak since it began.

        Only where turns are marked: else the model may have heard what it takes for somebody. And once for a
        turn: a model that keeps breaking off is not to be told so for ever.
        """
        spoken_into = self.outbox.activity_open or self._spoken_into or self._broken_into_at != NEVER
        if not self._marks or spoken_into or now - self._prompted_at < OWN_S:
            return
        self._counters.phantom_interruptions += 1
        if not self._gone_on:
            self._gone_on = True
            self._prompt(GO_ON, now)

    def _end_turn(self, now: float) -> None:
        empty = not (self._answering or self._cut_off or self._called_in_turn)
        self._counters.answers += self._answering
        if empty:
            self.stall.empty(now)
            self._begin_answer(now)
        elif self._answering:
            self.stall.over()
            self._answered_whole(over=True)
        if not self._cut_off:
            self.recap.turn_ended()
        self._answering = self._cut_off = self._called_in_turn = False
        self._stray_until = self._broken_into_at = NEVER

    def _begin_answer(self, now: float) -> None:
        """Let go of what an answer that begins is to, an empty answer too."""
        self._began_at, self._spoken_into = now, self.outbox.activity_open
        self.outbox.answered(by_marks=self._marks, running=bool(self._calls))

    def _answered_whole(self, *, over: bool) -> None:
        """Let go of what the answer was to that has arrived whole, and is `over` perhaps."""
        if self._answering:
            undisturbed = over and not self._spoken_into
            self.outbox.answered_whole(
                self._began_at, by_marks=self._marks, running=bool(self._calls), undisturbed=undisturbed
            )
