"""The model's side of the conversation: from the end of a turn to the end of its answer.

Theory of operation. Turns wait in a queue; one at a time is thought about, perhaps after tool calls that the
model waits for, then streamed by its plan. The answer lasts until its playback would be over: so long can it
be interrupted, and only then comes turnComplete. An interruption drops what was not sent, and is told by
`interrupted` and then turnComplete, with no generationComplete.
"""

import enum
import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from bot.emulators.gemini import messages
from bot.emulators.gemini.answer import Step, deform, heard_fragments, plan
from bot.emulators.gemini.context import Context
from bot.emulators.gemini.faults import Deform, Deformation, Effect, Late, LateAudio, Stall, Where
from bot.emulators.gemini.knobs import Knobs, Search, ToolScript
from bot.emulators.gemini.log import Turn
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.outbox import Agenda, Outbox, Think
from bot.emulators.gemini.reply import Composed, Thought
from bot.emulators.gemini.setup import Setup
from bot.emulators.gemini.tools import ToolDesk, chosen
from bot.emulators.gemini.wire import ToolResult

Strike: TypeAlias = Callable[[Where, float], list[Effect]]
"""Passes a place of the fault script; returns the effects that the passer has to mind himself."""

_MOST_WAITING = 16  # turns; the oldest go first: who speaks on without waiting is answered late enough


class State(enum.Enum):
    """What the model does."""

    IDLE = "idle"
    THINKING = "thinking"
    CALLING = "calling"  # it waits for function responses
    SPEAKING = "speaking"  # its answer is being streamed, or played


TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset({State.THINKING}),
    State.THINKING: frozenset({State.CALLING, State.SPEAKING, State.IDLE}),
    State.CALLING: frozenset({State.THINKING, State.IDLE}),
    State.SPEAKING: frozenset({State.IDLE}),
}


class Answering:
    """Answers the turns of one session."""

    def __init__(
        self,
        *,
        setup: Setup,
        context: Context,
        knobs: Knobs,
        outbox: Outbox,
        agenda: Agenda,
        strike: Strike,
        on_idle: Callable[[float], None],
    ) -> None:
        self.state = State.IDLE
        self.desk = ToolDesk(setup.functions, setup.traits.tool_behavior)
        self._setup = setup
        self._context = context
        self._knobs = knobs
        self._outbox = outbox
        self._agenda = agenda
        self._strike = strike
        self._on_idle = on_idle
        # Uneven chunks are no secret.
        self._random = random.Random(knobs.seed)  # noqa: S311
        self._waiting: deque[tuple[Turn, Thought]] = deque(maxlen=_MOST_WAITING)
        self._turn: Turn | None = None
        self._thought: Thought | None = None
        self._speak_at = 0.0
        self._deform: list[Deformation] = []
        self._owed: list[Message] = []  # transcripts that are to come after the turn
        self._steps: deque[tuple[float, Step]] = deque()

    def add(self, turn: Turn, thought: Thought, now: float) -> None:
        """Answer a turn, after those that wait."""
        self._waiting.append((turn, thought))
        self.next(now)

    def next(self, now: float) -> None:
        """Begin with the next turn, if the model is idle and one waits."""
        if self.state is State.IDLE and self._waiting:
            self._begin(*self._waiting.popleft(), now)

    def composed(self, thought: Thought, composed: Composed, now: float) -> None:
        """Take what was composed; for a turn that is over by now it is only told what was heard in it."""
        if thought is not self._thought or self._turn is None or self.state is not State.THINKING:
            if self._setup.input_transcripts and composed.heard_text:
                self._outbox.send(messages.input_transcript(composed.heard_text))
            return
        self._turn.answer, self._turn.measures = composed.text, composed.measures
        if self._setup.input_transcripts:
            self._tell_heard(composed.heard_text)
        transcript = self._setup.output_transcripts
        steps = plan(composed, self._knobs, self._random, transcript=transcript)
        for how in self._deform:
            steps = deform(steps, how)
        start = max(now, self._speak_at)
        self._steps = deque((start + step.offset_s, step) for step in steps)
        self._move(State.SPEAKING)

    def interrupt(self, now: float) -> None:
        """Break off: someone spoke. Nothing happens when the model is idle."""
        turn = self._turn
        if self.state is State.IDLE or turn is None:
            return
        effects = self._strike(Where.INTERRUPTED, now)
        if self._turn is not turn:
            return  # the script broke it off
        if given_up := self.desk.cancel_blocking():
            self._outbox.send(messages.tool_cancellation(given_up))
        steps = self._steps
        turn.interrupted_at = now
        self._rest()
        usage = self._context.bill(turn.spoken_bytes, self._setup.compression)
        if Stall() not in effects:
            self._outbox.send(messages.content(interrupted=True))
            self._let_slip(steps, effects)
            self._outbox.send({**messages.content(turnComplete=True), "usageMetadata": usage})
            turn.ended_at = now
        self._pay()
        self._on_idle(now)

    def results(self, results: list[ToolResult], now: float) -> bool:
        """Take results of tools; true if the model waited for them, and so needs no turn for them."""
        if self.state is not State.CALLING or self._thought is None:
            return False
        self._thought = replace(self._thought, results=self._thought.results + tuple(results))
        if not self.desk.blocked:
            self._move(State.THINKING)
            self._outbox.put(Think(self._thought))
        return True

    def poll(self, now: float) -> None:
        """Send what is due of the answer."""
        while self._steps and self._steps[0][0] <= now:
            self._send(self._steps.popleft()[1], now)

    def deadline(self) -> float | None:
        """Return when the next step is due."""
        return self._steps[0][0] if self._steps else None

    def stop(self) -> None:
        """Say nothing any more: the connection is over."""
        self._waiting.clear()
        self._steps = deque()
        self._turn = self._thought = None

    def _begin(self, turn: Turn, thought: Thought, now: float) -> None:
        self._move(State.THINKING)
        self._turn, self._thought = turn, thought
        if self._setup.resumption:
            self._outbox.send(messages.resumption(None))
        effects = self._strike(Where.TURN, now)
        if self._thought is not thought:
            return  # the script ended the session, or the turn
        if Stall() in effects:
            self._rest()
            return
        self._deform = [effect.how for effect in effects if isinstance(effect, Deform)]
        late_s = sum(effect.seconds for effect in effects if isinstance(effect, Late))
        self._speak_at = now + self._knobs.think_s + late_s
        if (script := chosen(self._knobs, thought, self._setup)) is not None:
            self._use_tools(script, thought, now)
        if self.state is State.THINKING and self._thought is not None:
            self._outbox.put(Think(self._thought))

    def _use_tools(self, script: ToolScript, thought: Thought, now: float) -> None:
        searches = tuple(one.query for one in script.calls if isinstance(one, Search))
        if searches and self._setup.search:
            self._thought = replace(thought, searches=thought.searches + searches)
        if len(searches) < len(script.calls):
            self._call(script, now)

    def _call(self, script: ToolScript, now: float) -> None:
        if Stall() in self._strike(Where.TOOL_CALL, now):
            self._rest()
            return
        call, ids = self.desk.call(script)
        self._outbox.send({"toolCall": call})
        if script.cancel_after_s is not None:
            self._agenda.at(now + script.cancel_after_s, lambda later: self._cancel(ids, later))
        if self.desk.blocked:
            self._move(State.CALLING)

    def _cancel(self, ids: list[str], _now: float) -> None:
        if given_up := self.desk.cancel(ids):
            self._outbox.send(messages.tool_cancellation(given_up))
        if self.state is State.CALLING and self._thought is not None and not self.desk.blocked:
            self._move(State.THINKING)
            self._outbox.put(Think(self._thought))

    def _send(self, step: Step, now: float) -> None:
        turn = self._turn
        if step.end:
            self._finish(now)
            return
        if step.parts and Stall() in self._strike(Where.CHUNK, now):
            return
        if turn is None or turn is not self._turn:
            return  # the script broke the answer off
        if step.parts:
            turn.first_audio_at = turn.first_audio_at or now
            turn.spoken_bytes += step.speech_bytes
        self._outbox.send(step.message())

    def _finish(self, now: float) -> None:
        turn = self._turn
        effects = self._strike(Where.TURN_END, now)
        if turn is None or turn is not self._turn:
            return  # the script broke it off
        self._rest()
        usage = self._context.bill(turn.spoken_bytes, self._setup.compression)
        if Stall() not in effects:
            self._outbox.send({**messages.content(turnComplete=True), "usageMetadata": usage})
            turn.ended_at = now
        self._pay()
        self._on_idle(now)
        self.next(now)

    def _tell_heard(self, text: str) -> None:
        """Send the transcript of what was heard; or keep it, where it is to come after the turn."""
        told = [messages.input_transcript(one) for one in heard_fragments(text, self._deform)]
        if Deformation.INPUT_TRANSCRIPT_LATE in self._deform:
            self._owed += told
        else:
            for message in told:
                self._outbox.send(message)

    def _pay(self) -> None:
        """Send what was kept until the turn is over."""
        for message in self._owed:
            self._outbox.send(message)
        self._owed.clear()

    def _let_slip(self, steps: deque[tuple[float, Step]], effects: list[Effect]) -> None:
        chunks = sum(effect.chunks for effect in effects if isinstance(effect, LateAudio))
        for step in [step for _, step in steps if step.parts][:chunks]:
            self._outbox.send(step.message())

    def _rest(self) -> None:
        self._turn = self._thought = None
        self._steps = deque()
        self._move(State.IDLE)

    def _move(self, state: State) -> None:
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"no way from {self.state} to {state}")
        self.state = state
