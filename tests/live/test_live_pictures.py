"""Pictures on the way to the model: in order with speech, not in its way, not lost with a connection."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image
from scripted_gemini import Ear, until

from bot.emulators.gemini.faults import Abort, Fault, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.client import make_client
from bot.live.events import AnswerEnded, OutputTranscript, Ready
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Picture, Text
from bot.live.outbox import BYTES_PER_S, MAX_AUDIO_BYTES, MAX_PICTURE_BYTES, Outbox
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup

PATIENCE_S = 30.0
SECOND = bytes(BYTES_PER_S)
ADA, BOB = 1, 2
NOTE = Text("look", answer=False)


def drain(outbox: Outbox, now: float = 0.0) -> list[Item]:
    items = []
    while (outgoing := outbox.next(now)) is not None:
        items.append(outgoing.item)
    return items


def fill(outbox: Outbox, *items: Item) -> None:
    for item in items:
        outbox.put(item)


def pictures(items: list[Item]) -> list[bytes]:
    return [item.jpeg for item in items if isinstance(item, Picture)]


def seconds(items: list[Item]) -> list[float]:
    return [item.at for item in items if isinstance(item, Audio)]


# -- the outbox


def test_pictures_never_take_the_place_of_speech() -> None:
    outbox = Outbox()
    speech = [Audio(SECOND, float(number)) for number in range(MAX_AUDIO_BYTES // BYTES_PER_S)]
    large = [Picture(bytes([number]) * (MAX_PICTURE_BYTES // 4)) for number in range(9)]
    fill(outbox, ActivityStart(), *speech, *large, ActivityEnd())
    items = drain(outbox)
    assert seconds(items) == [float(number) for number in range(10)]
    assert outbox.lost_bytes == 0
    assert pictures(items) == [picture.jpeg for picture in large[-4:]], "the oldest gave way to the newest"
    assert outbox.lost_pictures == 5


def test_speech_never_takes_the_place_of_pictures() -> None:
    outbox = Outbox()
    fill(outbox, NOTE, Picture(b"cat"), ActivityStart())
    fill(outbox, *(Audio(SECOND, float(number)) for number in range(30)), ActivityEnd())
    items = drain(outbox)
    assert items[:2] == [NOTE, Picture(b"cat")]
    assert outbox.lost_bytes == 20 * BYTES_PER_S
    assert outbox.lost_pictures == 0


def test_pictures_that_were_sent_give_way_first_and_are_not_counted() -> None:
    outbox = Outbox()
    sent, waiting = (Picture(mark * (MAX_PICTURE_BYTES // 2)) for mark in (b"s", b"w"))
    fill(outbox, sent)
    drain(outbox)
    fill(outbox, waiting, Picture(b"new"))
    outbox.cut_off(1.0)
    outbox.rewind()
    assert pictures(drain(outbox, 1.0)) == [waiting.jpeg, b"new"]
    assert outbox.lost_pictures == 0


def test_a_turn_of_which_nothing_is_left_is_not_begun() -> None:
    outbox = Outbox()
    fill(outbox, ActivityStart(), Picture(b"x" * MAX_PICTURE_BYTES), ActivityEnd(), Picture(b"cat"))
    assert drain(outbox) == [Picture(b"cat")]


def test_a_lost_connection_is_shown_again_what_was_not_answered() -> None:
    outbox = Outbox()
    turn: list[Item] = [NOTE, Picture(b"cat", ADA), ActivityStart(), Audio(SECOND, 0.0), ActivityEnd()]
    fill(outbox, *turn)
    drain(outbox)
    outbox.cut_off(1.0)
    outbox.rewind()
    assert outbox.holds(b"cat")
    assert drain(outbox, 1.0) == turn
    assert not outbox.holds(b"cat")
    outbox.answered(by_marks=True)
    outbox.cut_off(2.0)
    outbox.rewind()
    assert drain(outbox, 2.0) == []


def test_what_a_new_connection_is_to_know_goes_first() -> None:
    outbox = Outbox()
    turn: list[Item] = [ActivityStart(), Audio(SECOND, 0.0), ActivityEnd()]
    fill(outbox, *turn)
    drain(outbox)
    outbox.cut_off(1.0)
    outbox.rewind()
    outbox.put_first(NOTE, Picture(b"cat"))
    assert drain(outbox, 1.0) == [NOTE, Picture(b"cat"), *turn]


def test_what_a_person_showed_is_forgotten_with_what_they_said() -> None:
    outbox = Outbox()
    fill(outbox, Picture(b"sent", ADA), Picture(b"kept", BOB))
    drain(outbox)
    fill(outbox, Picture(b"waits", ADA), ActivityStart(), Picture(b"frame", ADA), ActivityEnd())
    outbox.forget(ADA)
    outbox.cut_off(1.0)
    outbox.rewind()
    assert drain(outbox, 1.0) == [Picture(b"kept", BOB)]


# -- a session


def jpeg(colour: str, size: tuple[int, int] = (320, 200)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


class Talk:
    """A session with an ear, and the emulator on the other side."""

    def __init__(self, session: LiveSession, ear: Ear, there: GeminiEmulator) -> None:
        self.session, self.ear, self.there = session, ear, there

    async def ask(self) -> str:
        """Have something answered, and return the answer."""
        count = len(self.ear.of(AnswerEnded))
        before = len(self.words())
        self.session.ask("What do you see?")
        await until(lambda: len(self.ear.of(AnswerEnded)) > count, PATIENCE_S)
        return self.words()[before:]

    def words(self) -> str:
        return "".join(event.text for event in self.ear.of(OutputTranscript))

    def seen(self, index: int = -1) -> list[str]:
        return [picture.sha256 for picture in self.there.sessions[index].log.pictures]


@pytest.fixture
async def talk(gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Talk]:
    knobs = gemini_emulator.knobs
    knobs.think_s, knobs.stream_speed, knobs.playback_speed = 0.0, 500.0, 500.0
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    client, ear = make_client(gemini_emulator.api_key), Ear()
    setup = LiveSetup(model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.")
    session = LiveSession(client, setup, ear, name="pictures")
    await session.start()
    yield Talk(session, ear, gemini_emulator)
    await session.close()
    await client.aio.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("live-")]


async def test_the_model_gets_the_very_bytes(talk: Talk) -> None:
    picture = jpeg("orange", (768, 512))
    talk.session.inform("[A picture.]")
    talk.session.show(picture, ADA)
    assert "I saw a picture of 768 by 512 pixels, mostly orange." in await talk.ask()
    assert talk.seen() == [hashlib.sha256(picture).hexdigest()]


async def test_a_connection_that_breaks_off_at_a_picture_sees_it_over_the_next(talk: Talk) -> None:
    talk.there.knobs.faults.append(Fault(Where.PICTURE_IN, Abort()))
    talk.session.show(jpeg("blue"), ADA)
    await until(lambda: len(talk.ear.of(Ready)) == 2, PATIENCE_S)
    assert "I saw a picture of 320 by 200 pixels, mostly blue." in await talk.ask()


async def test_a_picture_that_is_forgotten_in_a_gap_is_never_sent(talk: Talk) -> None:
    talk.there.sessions[-1].abort()
    await until(lambda: talk.there.sessions[-1].log.close_code is not None, PATIENCE_S)
    talk.session.show(jpeg("blue"), ADA)
    talk.session.show(jpeg("red"), BOB)
    talk.session.forget(ADA)
    await until(lambda: len(talk.ear.of(Ready)) == 2, PATIENCE_S)
    assert "I saw a picture of 320 by 200 pixels, mostly red." in await talk.ask()
    assert len([picture for session in talk.there.sessions for picture in session.log.pictures]) == 1


async def test_between_two_pictures_others_have_their_turn(talk: Talk) -> None:
    for number in range(10):
        talk.session.show(jpeg("blue", (320, 200 + number)))
    waiting: set[int] = set()
    while talk.session.backlog:
        waiting.add(talk.session.backlog)
        await asyncio.sleep(0)
    assert waiting == set(range(1, 11)), "the loop was free between any two of them"
