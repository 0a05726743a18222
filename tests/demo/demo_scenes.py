"""Outcomes of the demo's scenes in which all went well, for tests to doctor."""

import functools
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from bot.audio.opus import Decoder, Encoder
from bot.audio.pcm import Pcm16
from bot.conversation.notice import HEAD
from bot.demo.measure import FRAME
from bot.demo.room import ASKS, NOT_AGREED, PICTURE, QUESTION, SCRIPT, TEMPO, TOOL, UNHEARD
from bot.demo.room_outcome import RoomOutcome
from bot.demo.speech import MEDIA, SENTENCES, Line
from bot.emulators.client.gate import read_wav, script
from bot.emulators.client.speech import SentFrame, Utterance
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.live_pictures import Picture, look_at, received
from bot.emulators.gemini.record import Passed, Record

FRAME_S = 0.02
SILENCES = 5  # frames, at the end of each sentence
ANSWER = bytes(range(256)) * 375 + bytes(100)  # 24 kHz mono: 100 frames, and a bit of the next
ANSWER_FRAMES = 101
TOLD = "look_closely returned: Picture 1 is a PNG of 451 x 300 pixels. That was turn number 5."


@functools.cache
def spoken(file: str, tempo: float = 1.0) -> tuple[Utterance, Pcm16]:
    """Return a sentence as it is sent from the time 0 on, and as it comes out of Opus."""
    pcm, rate_hz = read_wav(MEDIA / file)
    plan = script(pcm, round(rate_hz * tempo), gated=True)
    encoder = Encoder(16_000, 1, bitrate=64_000, fec=False, loss_percent=0)
    decoder = Decoder(16_000, 1)
    steps = [step for step in plan.steps if step.index is not None]
    frames = [
        SentFrame(step.slot, n, n * 960, step.slot * FRAME_S, step.voiced) for n, step in enumerate(steps)
    ]
    sent = np.concatenate([plan.pcm16k.reshape(-1, FRAME)[frame.index] for frame in frames])
    heard = [decoder.decode(encoder.encode(part.tobytes())) for part in sent.reshape(-1, FRAME)]
    utterance = Utterance(1, 0.0, frames[-1].at + 0.1, frames, SILENCES, 0, sent)
    return utterance, np.concatenate(heard).astype(np.int16).reshape(-1)


def later(utterance: Utterance, by: float) -> Utterance:
    frames = [replace(frame, at=frame.at + by) for frame in utterance.frames]
    return replace(
        utterance, frames=frames, started_at=by + utterance.started_at, ended_at=by + utterance.ended_at
    )


def datagram(at: float, *, encrypted: bool = True) -> TraceEntry:
    return TraceEntry(at, "udp.in", {"encrypted": encrypted, "silence": False})


def answer(at: float, text: str) -> tuple[list[Passed], list[TraceEntry]]:
    """Return an answer that is heard to its end, as it passes and as it leaves the bot."""
    passed = [
        Passed(at, 1, "said", pcm=ANSWER),
        Passed(at + 0.1, 1, "said_text", text=text),
        Passed(at + 2.0, 1, "ended"),
    ]
    return passed, [datagram(at + 0.01 + n * FRAME_S) for n in range(ANSWER_FRAMES)]


def notice(at: float) -> tuple[list[Passed], list[TraceEntry]]:
    """Return the notice, and that the model was asked for it."""
    passed, sent = answer(at + 0.3, "I am an AI.")
    return [Passed(at, 1, "told", text=f"{HEAD}\nSay so."), *passed], sent


def turn(name: str, pcm: Pcm16, at: float, ends: float) -> list[Passed]:
    """Return what passes of a turn that began before it could be given to the model."""
    chunks = [part.tobytes() for part in pcm.reshape(-1, FRAME)]
    pace = (ends - at) / len(chunks)
    return [
        Passed(at, 1, "told", text=f"[{name} is speaking now.]"),
        Passed(at, 1, "activity_start"),
        *(Passed(at + n * pace, 1, "heard", pcm=chunk) for n, chunk in enumerate(chunks)),
        Passed(ends, 1, "activity_end"),
    ]


def good_room() -> RoomOutcome:
    """Return a scene of the room in which all went well; it begins at 100 s and takes 40."""
    began, talk = 100.0, 104.0
    passed, sent_by_bot = notice(began + 0.1)
    lines, free = [], talk
    for name, (file, text), at in SCRIPT:
        said, heard = spoken(file, TEMPO[name])
        lines.append(Line(name, text, later(said, talk + at)))
        ends = max(free, lines[-1].end) + 0.2
        passed += turn(name, heard, max(free, lines[-1].begin), ends)
        free = ends
    told, sent = answer(free + 0.5, "Ada, I heard you.")
    passed, sent_by_bot = [*passed, *told], [*sent_by_bot, *sent]
    photo = (MEDIA / PICTURE).read_bytes()
    passed.append(Passed(free + 1.0, 1, "shown", body=jpeg_of(photo)))
    said, heard = spoken(SENTENCES[2][0])
    lines.append(Line(ASKS, QUESTION, later(said, free + 5.0)))
    asked = lines[-1].end + 0.2
    passed += turn(ASKS, heard, free + 5.0, asked)
    told, sent = tool_told(asked)
    unheard = [
        Line(name, text, later(spoken(file, TEMPO[name])[0], talk + at)) for name, (file, text), at in UNHEARD
    ]
    return RoomOutcome(
        started=began,
        ended=began + 40.0,
        lines=lines,
        unheard=unheard,
        record=Record([*passed, *told]),
        sent=[datagram(frame.at) for line in lines for frame in line.utterance.frames],
        sent_by_bot=[*sent_by_bot, *sent],
        to_bot={NOT_AGREED: 300},
        heard_frames=dict.fromkeys(TEMPO, 4 * ANSWER_FRAMES),
        recording=np.zeros(48_000 * 40, np.int16),
        shown_at=free + 0.9,
        stopped_at=None,
        picture=photo,
        captions=captions(lines),
        figures={"unconsented": 300.0},
        model_saw=saw(jpeg_of(photo)),
    )


def tool_told(at: float) -> tuple[list[Passed], list[TraceEntry]]:
    """Return that a function is called and answered, an answer before, and one that tells the result."""
    result = {"picture": PICTURE, "result": "Picture 1 is a PNG of 451 x 300 pixels."}
    first, sent = answer(at + 0.4, "Ben, I heard you.")
    then, more = answer(at + 3.0, TOLD)
    called = Passed(at, 1, "tool_called", text=TOOL, body=as_json({"question": QUESTION}))
    answered = Passed(at + 0.5, 1, "tool_answered", text=TOOL, body=as_json(result))
    passed = sorted([called, *first, answered], key=lambda each: each.at)
    return [*passed, *then], [*sent, *more]


def as_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def captions(lines: Sequence[Line]) -> list[str]:
    """Return captions as the bot writes them."""
    said = [f"**{line.name}:** [speech, {line.end - line.begin:.1f} s, 113 Hz]" for line in lines]
    looked = f"-# Earshot looked at {PICTURE} (from Ada)"
    return ["**Earshot:** I am an AI.", *said, looked, f"**Earshot:** {TOLD}"]


@functools.cache
def jpeg_of(picture: bytes) -> bytes:
    """Return a picture as a JPEG."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        opened.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


def saw(jpeg: bytes) -> list[Picture]:
    """Return what the loopback Gemini measures in a picture."""
    picture = received(jpeg, "image/jpeg", 0.0)
    look_at(picture, jpeg)
    return [picture]


def photo(name: str) -> bytes:
    """Return one of the photos as a JPEG."""
    return jpeg_of((MEDIA / name).read_bytes())
