"""A Live session of the loopback Gemini without socket or clock: time is moved by hand."""

import base64
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from bot.emulators.gemini.context import Handles
from bot.emulators.gemini.knobs import Knobs
from bot.emulators.gemini.live_pictures import look_at
from bot.emulators.gemini.media_facts import UnreadableError
from bot.emulators.gemini.models import Catalogue, catalogue
from bot.emulators.gemini.outbox import AbortSocket, CloseSocket, Look, SendFrame, Think
from bot.emulators.gemini.reply import Thought, compose
from bot.emulators.gemini.session import LiveCore

LIVE = "models/gemini-3.8-live"
RATE = 16_000
MARKS = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}


def buzz(seconds: float, hz: float = 140.0) -> bytes:
    at = np.arange(round(seconds * RATE)) / RATE
    pcm: bytes = np.rint(6000 * np.sign(np.sin(2 * np.pi * hz * at))).astype("<i2").tobytes()
    return pcm


def drawn(*stripes: str, size: tuple[int, int] = (64, 48), form: str = "PNG") -> bytes:
    """A picture of stripes from the left to the right, of equal width."""
    image = Image.new("RGB", size, stripes[0])
    for index, colour in enumerate(stripes):
        image.paste(colour, (size[0] * index // len(stripes), 0, *size))
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def quiet(seconds: float) -> bytes:
    return bytes(round(seconds * RATE) * 2)


class Rig:
    """A core and a clock that is moved by hand; messages and other actions are kept with their times."""

    def __init__(
        self,
        *,
        knobs: Knobs | None = None,
        handles: Handles | None = None,
        known: Catalogue | None = None,
        name: str = "s1",
    ) -> None:
        self.knobs = knobs or Knobs()
        self.handles = handles or Handles()
        self.core = LiveCore(name, known=known or catalogue(), handles=self.handles, knobs=self.knobs)
        self.now = 1000.0
        self.said: list[tuple[float, dict[str, Any]]] = []
        self.raw: list[str] = []
        self.ends: list[CloseSocket | AbortSocket] = []
        self.thoughts: list[Thought] = []

    def send(self, message: dict[str, Any]) -> None:
        self.core.receive(json.dumps(message), self.now)
        self.run(0.0)

    def setup(self, **fields: Any) -> None:
        self.send({"setup": {"model": LIVE, **fields}})

    def audio(self, pcm: bytes) -> None:
        data = base64.urlsafe_b64encode(pcm).decode()
        self.send({"realtime_input": {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}})

    def text(self, text: str, *, complete: bool) -> None:
        turns = [{"role": "user", "parts": [{"text": text}]}]
        self.send({"client_content": {"turns": turns, "turnComplete": complete}})

    def picture(self, data: bytes, mime_type: str = "image/png") -> None:
        blob = {"data": base64.urlsafe_b64encode(data).decode(), "mime_type": mime_type}
        self.send({"realtime_input": {"video": blob}})

    def mark(self, name: str) -> None:
        self.send({"realtime_input": {name: {}}})

    def run(self, seconds: float, *, think: bool = True) -> None:
        """Let time pass, from deadline to deadline."""
        end = self.now + seconds
        while True:
            for action in self.core.poll(self.now):
                match action:
                    case SendFrame():
                        self._keep(action.data)
                    case Think():
                        self.thoughts.append(action.thought)
                        if think:
                            self.core.composed(action.thought, compose(action.thought), self.now)
                    case Look():
                        self._look(action)
                    case CloseSocket() | AbortSocket():
                        self.ends.append(action)
            due = self.core.deadline()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
        self.now = end

    def _look(self, look: Look) -> None:
        try:
            look_at(look.picture, look.data)
        except UnreadableError as unreadable:
            self.core.unreadable(str(unreadable))

    def _keep(self, data: str) -> None:
        try:
            self.said.append((self.now, json.loads(data)))
        except ValueError:
            self.raw.append(data)

    def messages(self, name: str) -> list[Any]:
        """Return the messages, or the fields of serverContent, of that name."""
        found = []
        for _, message in self.said:
            found += [body[name] for body in (message, message.get("serverContent", {})) if name in body]
        return found

    def names(self) -> list[str]:
        """Return the names of all fields, in order, with what repeats given once."""
        names: list[str] = []
        for _, message in self.said:
            for name in [*message.get("serverContent", {}), *message]:
                if name != "serverContent" and names[-1:] != [name]:
                    names.append(name)
        return names

    def speech(self) -> bytes:
        return b"".join(
            base64.b64decode(part["inlineData"]["data"])
            for turn in self.messages("modelTurn")
            for part in turn["parts"]
        )

    def words(self) -> str:
        return "".join(one["text"] for one in self.messages("outputTranscription")).strip()

    @property
    def end(self) -> int | None:
        last = self.ends[-1] if self.ends else None
        return last.code if isinstance(last, CloseSocket) else None


TRANSCRIPTS: dict[str, Any] = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}


FUNCTION = {"name": "look_up", "parameters": {"type": "OBJECT", "properties": {"a_b": {"type": "STRING"}}}}


def live_with(**traits: Any) -> Catalogue:
    known = catalogue()
    model = known.models["gemini-3.8-live"]
    assert model.live is not None
    changed = replace(model, live=replace(model.live, **traits))
    return replace(known, models={**known.models, model.name: changed})


def result(call_id: str, scheduling: str = "WHEN_IDLE") -> dict[str, Any]:
    response = {"id": call_id, "name": "look_up", "response": {"out_put": 1}, "scheduling": scheduling}
    return {"tool_response": {"function_responses": [response]}}


def tools(behavior: str) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{**FUNCTION, "behavior": behavior}]}]}
