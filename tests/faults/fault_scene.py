"""A call on loopback in which things go wrong: the hands and ears of a row, and what it measures."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from fault_measure import Reached, Sentence, reached
from fault_row import Outcome
from fault_watch import Standing
from fault_wire import Wire
from loopback import RunningBot, eventually, people_turns

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.emulators.client.gate import read_wav
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.connection import Connection
from bot.emulators.gemini.faults import Effect, Fault, Where
from bot.emulators.gemini.knobs import Knobs
from bot.emulators.person import Person

MEDIA = Path(__file__).parent.parent / "media"
FRAME = LIVE_IN_HZ // 50
CUT_S = 0.2  # ten frames: what is missing for longer is heard as a break, and no send clock is as late
JOINED = "talk to me"  # in the answer to a /join that succeeded


def _part(file: str, first: int, last: int) -> Pcm16:
    """Return the frames of 20 ms of a recording from the first up to the last."""
    pcm, rate_hz = read_wav(MEDIA / file)
    assert rate_hz == LIVE_IN_HZ
    return pcm[first * FRAME : last * FRAME]


# Real speech, cut at pauses between words, so that a row takes some seconds: (words, samples). No two alike,
# so that it can be told which of them the model heard.
FIRST = (3, _part("speech-austen-0880.wav", 12, 45))  # "he was not"
SENTENCE = (6, _part("speech-austen-0930.wav", 13, 83))  # "he might even have been made"
ASIDE = (2, _part("speech-austen-0880.wav", 86, 144))  # "young man"
LAST = (2, _part("speech-austen-0930.wav", 86, 142))  # "amiable himself"


class Scene:
    """One row's call."""

    def __init__(self, bot: RunningBot, ada: Person, wire: Wire) -> None:
        self.bot, self.ada, self.wire = bot, ada, wire
        self.discord, self.gemini = bot.discord, bot.gemini
        self.world = bot.discord.world
        self.baseline_s = 0.0
        """The newest silence after a sentence with which nothing was wrong."""
        self.empty: Standing | None = None
        """What there is while the bot is in no call."""
        self.begin(Outcome(""))

    def begin(self, outcome: Outcome) -> None:
        """Begin with a row, perhaps in the call of the one before."""
        self.outcome = outcome
        self.said: list[Sentence] = []
        """What was said, all of which must be heard whole and answered."""
        self.standing: Standing | None = None
        """What there was before the fault."""

    # -- the other side

    @property
    def knobs(self) -> Knobs:
        """What can be set on the loopback Gemini."""
        return self.gemini.knobs

    @property
    def live(self) -> Connection:
        """The newest Live connection."""
        return self.gemini.sessions[-1]

    def script(self, where: Where, *effects: Effect, skip: int = 0, times: int = 1) -> None:
        """Have these happen at a place, counted from now on."""
        self.knobs.faults += [Fault(where, effect, times=times, skip=skip) for effect in effects]

    def unstruck(self) -> list[str]:
        """Return what was scripted and did not happen."""
        return [f"{fault.do} at {fault.where.name}" for fault in self.knobs.faults if not fault.hits]

    # -- the call

    @property
    def in_call(self) -> bool:
        """Whether the bot is in the channel."""
        return self.world.bot.id in self.world.guild.voice_states

    async def ready(self) -> None:
        """Have a call in which all is well, and its baseline."""
        if not self.in_call:
            await self.join()
            self.baseline_s = await self.ask(FIRST, limit_s=10.0)
        await self.idle()
        self.stand()

    def stand(self) -> None:
        """Keep in mind what there is, as nothing more may be there after the fault."""
        assert self.empty is not None
        self.standing = Standing.now(self.empty.connections)

    async def join(self) -> None:
        """Have the bot join, and wait until it is heard: it says what it is."""
        answer = await self.ada.run_command(self.world.text.id, "join").response(within_s=15.0)
        assert JOINED in answer.text, f"/join: {answer.text}"
        since = time.monotonic()
        await self.ada.secured_with(self.world.bot.id)
        await eventually(lambda: self.voiced(since) != [], 10.0)

    async def leave(self) -> None:
        """Have the bot leave, if it is there."""
        if self.in_call:
            await self.ada.run_command(self.world.text.id, "leave")
            await eventually(lambda: not self.in_call, 10.0)

    def posted(self) -> list[str]:
        """Return what the bot has written into the text channel by itself."""
        mine = [m for m in self.world.messages(self.world.text.id) if m.author.id == self.world.bot.id]
        return [message.text for message in mine]

    # -- speaking and hearing

    async def say(self, what: tuple[int, Pcm16]) -> Sentence:
        """Say something, and keep in mind that it is to be heard."""
        words, pcm = what
        utterance = await self.ada.speak(pcm, rate_hz=LIVE_IN_HZ)
        assert utterance.withheld == 0, "the person's client had no key"
        voiced = [frame.at for frame in utterance.frames if frame.voiced]
        sentence = Sentence(words, utterance, voiced[-1])
        self.said.append(sentence)
        return sentence

    async def ask(self, what: tuple[int, Pcm16], *, limit_s: float) -> float:
        """Say something and return how long it was silent after it, in seconds."""
        sentence = await self.say(what)
        return await self.silence_after(sentence, limit_s=limit_s)

    async def silence_after(self, sentence: Sentence, *, limit_s: float) -> float:
        """Return the time from the end of a sentence until the bot is heard to answer it, in seconds.

        Where the machine is busy, an answer that the sentence interrupts may be heard to its end and beyond.
        """
        await self._until(
            lambda: self._answered_at(sentence) is not None,
            limit_s,
            "the bot was not heard after a sentence",
        )
        at = self._answered_at(sentence)
        assert at is not None
        return at - sentence.voice_ended_at

    def _answered_at(self, sentence: Sentence) -> float | None:
        """Return when the bot was first heard after the model had begun to answer, None if it was not yet."""
        begun = [
            turn.first_audio_at
            for turn in people_turns(self.gemini)
            if turn.at > sentence.voice_ended_at and turn.first_audio_at is not None
        ]
        heard = self.voiced(max(min(begun), sentence.utterance.frames[-1].at)) if begun else []
        return heard[0].at if heard else None

    async def longest_break(self, since: float, *, watch_s: float, limit_s: float) -> float:
        """Return how long an answer that plays was silent from then on, 0 where it was not broken off.

        It is watched for `watch_s`; where it breaks off within that, until it goes on.
        """
        ends = since + watch_s
        longest = 0.0
        while (now := time.monotonic()) < ends:
            last = max((entry.at for entry in self.voiced(since - 1.0)), default=since)
            if now - last > CUT_S:
                longest = max(longest, await self._broken(last, limit_s))
            await asyncio.sleep(0.02)
        return longest

    async def _broken(self, last: float, limit_s: float) -> float:
        """Return the time from the last datagram of an answer that broke off until it goes on."""
        await self._until(lambda: self.voiced(last) != [], limit_s, "an answer broke off, and did not go on")
        return self.voiced(last)[0].at - last

    def voiced(self, since: float) -> list[TraceEntry]:
        """Return the datagrams with sound of the bot that were sent on to the person since."""
        mine, ada = self.world.bot.id, self.ada.user.id
        return [
            entry
            for entry in self.discord.trace.of("udp.out")
            if entry.at > since
            and entry.fields.get("silence") is False
            and entry.fields.get("user_id") == mine
            and entry.fields.get("to") == ada
            and entry.fields.get("decision") != "dropped"
        ]

    async def idle(self) -> None:
        """Wait until the model has ended its newest turn."""
        await eventually(lambda: not self.live.turns or self.live.turns[-1].ended_at is not None, 10.0)

    async def heard_of(self, seconds: float) -> None:
        """Wait until the model has heard so much of what is being said now."""
        pieces = len(self.live.heard)
        await self._until(
            lambda: len(self.live.heard) - pieces > seconds * 50,
            10.0,
            "the model heard nothing of a sentence",
        )

    async def _until(self, condition: Callable[[], bool], limit_s: float, otherwise: str) -> None:
        try:
            await eventually(condition, limit_s)
        except TimeoutError:
            raise AssertionError(f"{otherwise} within {limit_s:g} s") from None

    # -- what came of it

    def reached(self, sentence: Sentence) -> list[Reached]:
        """Return the turns in which the model heard something of a sentence."""
        return reached(self.gemini, sentence)

    def judge(self) -> None:
        """Count what was lost, and what was said again though it had been answered, of all that was said."""
        for sentence in self.said:
            turns = self.reached(sentence)
            share = max((each.share for each in turns), default=0.0)
            whole = [each for each in turns if each.whole]
            self.outcome.words_lost += 0.0 if whole else round(sentence.words * (1 - share), 1)
            self.outcome.lost += not whole
            if not whole:
                shares = ", ".join(f"{each.session.log.name}: {each.share:.0%}" for each in turns)
                self.outcome.note += f"of {sentence.words} words the model heard {shares or 'nothing'}. "
            answered = [number for number, each in enumerate(whole, 1) if each.turn.spoken_bytes > 0]
            self.outcome.doubled += bool(answered) and len(whole) > answered[0]
