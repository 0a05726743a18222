"""What Gemini Live may send, through the SDK's own parsing, our session's receiver, its core, and on.

The connection is replaced by one that gives messages and, now and then, breaks off. What the receiver raises
must be what a connection may end by; then the core decides, and the next connection begins.
"""

import asyncio
import base64
import itertools
import math
from collections import Counter, deque
from collections.abc import Mapping
from random import Random
from typing import Any, cast

from fuzz_engine import Broken, Target
from fuzz_inputs import encoded, odd, rubbish, warped
from google.genai.live import AsyncSession
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from bot import logs
from bot.conversation.address import Callsign
from bot.conversation.captions_passage import Kind, Passage
from bot.conversation.captions_replies import Replies
from bot.conversation.gate import AddressGate
from bot.live.client import make_client
from bot.live.connection import FAILURES
from bot.live.events import LiveEvent
from bot.live.exchange import MAX_CALLS
from bot.live.failures import classify
from bot.live.items import ActivityEnd, ActivityStart, Audio, Text
from bot.live.recap import MAX_CHARACTERS
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.states import OVER, TALKING, LiveState

MOST_STEPS = 20  # from a lost connection to the next, or to another session
MOST_RECAP = 2 * MAX_CHARACTERS  # with its heading, and the ends of its lines


class Wire:
    """A websocket that says what the fuzzer wants, then breaks off."""

    def __init__(self, target: "LiveMessages") -> None:
        self._target = target

    async def recv(self, decode: bool | None = None) -> bytes | str:
        """Give the next message, as bytes or, as older servers did, as text."""
        return self._target.next()


class LiveMessages(Target):
    """A session of the bot, and all that reads its events without a channel."""

    name = "Live messages"

    def __init__(self, dice: Random, *, marker: str = "words") -> None:
        super().__init__(dice)
        self._marker = marker
        self._counts: Counter[str] = Counter()
        self._ids = itertools.count()
        self._failed: Exception | None = None
        self.script: deque[bytes] = deque()
        """Messages that are given before any of the dice's."""
        self._left = 0
        self._now = 0.0
        logs.ignore_unknown_values()
        self._client = make_client("a-key")
        self._runner = asyncio.Runner()
        self._begin()

    def _begin(self) -> None:
        """Make a new session, where the last is over for good."""
        setup = LiveSetup(model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.")
        self.live = LiveSession(self._client, setup, self._told, name="fuzz", rng=Random(1))
        self.core = self.live._core
        self.core.start()
        self._gate = AddressGate(Callsign(("earshot",)))
        self._replies = Replies(lambda at: Passage(self._ids, at, Kind.BOT, None, "Earshot"))

    def run(self, count: int) -> None:
        """Give so many messages, over as many connections as that takes."""
        self._left = count
        self._runner.run(self._connections())
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    async def _connections(self) -> None:
        while self._left > 0:
            self._connect()
            raw = AsyncSession(self._client._api_client, cast(ClientConnection, Wire(self)))
            try:
                await self.live._connections.receive(raw, self.core._attempt.number)
            except FAILURES as error:
                self._counts[f"ended by {type(error).__name__}"] += 1
                self._now += 100.0
                self._tell(self.core.failed(self.core._attempt.number, classify(error), self._now))

    def _connect(self) -> None:
        """Bring the core to where it can be talked with."""
        for _ in range(MOST_STEPS):
            if self.core.state in TALKING:
                return
            if self.core.state in OVER:
                self._begin()
            elif self.core.state is LiveState.CONNECTING:
                self.core.attempt()
                self._tell(self.core.connected(self._now))
            else:
                self._now = max(self._now, self.core.deadline() or 0.0)
                self._tell(self.core.poll(self._now))
        raise Broken(f"no way from {self.core.state} to a connection")

    # -- what is sent

    def next(self) -> bytes | str:
        """Return the next message; raise as a lost connection does."""
        if self.script:
            self._left -= 1
            return self.script.popleft()
        if self._left <= 0 or self.dice.random() < 0.005 or self.core.state not in TALKING:
            raise ConnectionClosedError(None, None)
        self._left -= 1
        self._speak()
        self.last = self._message()
        if self.dice.random() < 0.02:
            return self.last.decode("utf-8", "surrogateescape")
        return self.last

    def _speak(self) -> None:
        """Let something be said to the model, and time pass."""
        self._now += self.dice.choice((0.0, 0.02, 0.5, 3.0))
        match self.dice.randrange(40):
            case 0:
                self.core.say(ActivityStart())
            case 1:
                self.core.say(ActivityEnd())
            case 2:
                self.core.say(Text("[Ann is speaking now.]", answer=False))
            case 3:
                self.core.forget(1)
            case 4 | 5:
                self.core.say(Audio(bytes(640), self._now, 1))
            case 6:
                while self.core.next(self._now) is not None:
                    pass
            case 7 if (due := self.core.deadline()) is not None and math.isfinite(due):
                self._tell(self.core.poll(max(due, self._now)))

    def _message(self) -> bytes:
        chance = self.dice.random()
        if chance < 0.03:
            return rubbish(self.dice, 300)
        if chance < 0.04:
            return encoded(odd(self.dice), self.dice)
        value = {key: each for part in self._parts() for key, each in part.items()}
        for _ in range(self.dice.choice((0, 0, 0, 0, 1, 1, 1, 2, 5))):
            value = warped(value, self.dice)
        return encoded(value, self.dice)

    def _parts(self) -> list[dict[str, Any]]:
        kinds = (
            self._content, self._content, self._content, self._content, self._handle, self._usage,
            self._tools, self._rest,
        )  # fmt: skip
        return [self.dice.choice(kinds)() for _ in range(self.dice.choice((1, 1, 1, 2, 3)))]

    def _content(self) -> dict[str, Any]:
        text = self.dice.choice(
            (self._marker, "Hello Earshot, " + self._marker, "", " ", "a" * 9_000, "\u202e")
        )
        sound = [self._audio() for _ in range(self.dice.randrange(4))]
        choices: list[dict[str, Any]] = [
            {"modelTurn": {"role": "model", "parts": sound}},
            {"modelTurn": {"parts": [self._audio(), {"text": text, "thought": True}, {"text": text}]}},
            {"modelTurn": {"parts": [{"executableCode": {"language": "PYTHON", "code": text}}]}},
            {"inputTranscription": {"text": text, "finished": self.dice.random() < 0.3}},
            {"outputTranscription": {"text": text}},
            {"interrupted": True},
            {"generationComplete": True},
            {"turnComplete": True, "turnCompleteReason": self.dice.choice(("RESPONSE_REJECTED", "NEW"))},
            {"waitingForInput": True},
            {"interactionStatus": self.dice.choice(("IDLE", "IN_PROGRESS", "NEW_ONE"))},
            {"groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "https://example.com", "title": text}}],
                "webSearchQueries": [text], "searchEntryPoint": {"renderedContent": "<p>"},
            }},
            {"urlContextMetadata": {"urlMetadata": [{"retrievedUrl": text, "urlRetrievalStatus": "X"}]}},
        ]  # fmt: skip
        some = self.dice.sample(choices, self.dice.choice((1, 1, 2, 4)))
        return {"serverContent": {key: each for part in some for key, each in part.items()}}

    def _audio(self) -> dict[str, Any]:
        size = self.dice.choice(
            (0, 1, 2, 3, 959, 960, 961, 4_800, 200_000 if self.dice.random() < 0.02 else 7)
        )
        data = base64.b64encode(bytes(size)).decode()
        match self.dice.randrange(6):
            case 0:
                data = data[: self.dice.randrange(len(data) + 1)]
            case 1:
                data = data.replace("A", self.dice.choice("-_=\n é%"), 1)
        mime = self.dice.choice(
            ("audio/pcm;rate=24000", "audio/pcm", "audio/pcm;rate=16000", "audio/pcm;rate=0", "audio/opus",
             "audio/pcm;rate=99999999999", "audio/L16;codec=pcm;rate=२४०००", "image/png", "", "AUDIO/PCM")
        )  # fmt: skip
        return {"inlineData": {"mimeType": mime, "data": data}}

    def _handle(self) -> dict[str, Any]:
        update = {
            "newHandle": f"{self._marker}-{self.dice.randrange(9)}",
            "resumable": self.dice.random() < 0.7,
        }
        return {"sessionResumptionUpdate": update}

    def _usage(self) -> dict[str, Any]:
        details = [{"modality": self.dice.choice(("AUDIO", "TEXT", "SMELL")), "tokenCount": 5}]
        tokens = {"promptTokenCount": 900, "responseTokenCount": 100, "totalTokenCount": 1_000}
        return {"usageMetadata": {**tokens, "promptTokensDetails": details, "trafficType": "ON_DEMAND"}}

    def _tools(self) -> dict[str, Any]:
        # Few, so that some are cancelled or doubled; or many, so that what grows by them does.
        call_id = str(self.dice.randrange(self.dice.choice((20, 100_000))))
        name = self.dice.choice(("play", "nope", ""))
        if self.dice.random() < 0.4:
            return {"toolCallCancellation": {"ids": [call_id, str(self.dice.randrange(20))]}}
        return {"toolCall": {"functionCalls": [{"id": call_id, "name": name, "args": {"q": self._marker}}]}}

    def _rest(self) -> dict[str, Any]:
        choices: tuple[dict[str, Any], ...] = (
            {"setupComplete": {"sessionId": self._marker}},
            {
                "goAway": {
                    "timeLeft": self.dice.choice(("10s", "0.5s", "-3s", "nans", "infs", "1e308s", "s", ""))
                }
            },
            {"voiceActivity": {"voiceActivityType": "ACTIVITY_START"}},
            {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}},
            {
                "error": {
                    "code": 429,
                    "message": "Resource has been exhausted.",
                    "status": "RESOURCE_EXHAUSTED",
                }
            },
            {"code": self.dice.choice((200, 400, 429, 503)), "message": "It went wrong.", "x": self._marker},
            {"somethingNew": {"text": self._marker}},
        )
        return self.dice.choice(choices)

    # -- what it comes to

    def _told(self, event: LiveEvent) -> None:
        self._counts[type(event).__name__] += 1
        try:
            for each in self._gate.told(event, self._now):
                self._replies.told(each, self._now, held=False)
            self._replies.poll(self._now)
            self._gate.poll(self._now)
        except Exception as error:  # the session would log it and go on
            self._failed, self._left = error, 0
            raise

    def _tell(self, events: list[LiveEvent]) -> None:
        for event in events:
            self._told(event)

    def sizes(self) -> Mapping[str, int]:
        """Return what a hostile server could make grow."""
        sizes = {
            "recap": len(self.core.seed() or ""),
            "waiting to be sent": self.core.outbox.waiting,
            "held by the gate": self._gate._held_bytes,
            "open calls": len(self.core.exchange._calls),
        }
        if sizes["open calls"] > MAX_CALLS:
            raise Broken(f"{sizes['open calls']} calls are open")
        if sizes["recap"] > MOST_RECAP:
            raise Broken(f"a recap of {sizes['recap']} letters")
        return sizes

    def tally(self) -> Mapping[str, int]:
        """Return what was told, and how many messages were none."""
        return self._counts | {"unreadable": self.core.counters.unreadable_messages}

    def close(self) -> None:
        """Let go of the client."""
        self._runner.run(self._client.aio.aclose())
        self._runner.close()
