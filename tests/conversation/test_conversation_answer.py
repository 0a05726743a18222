"""The answer's way to the channel: the real encoder and playout buffer, without sockets."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from bot.audio.pcm import LIVE_OUT_HZ
from bot.audio.ratepath import rate_path
from bot.conversation.answer import QUEUE, QUEUE_BYTES, TRANSITIONS, Answer, AnswerEvent, AnswerState
from bot.live.events import AnswerAudio
from bot.voice.playout import Playout

SECOND = np.random.default_rng(1).integers(-3000, 3000, LIVE_OUT_HZ, np.int16).tobytes()


@pytest.fixture
async def answer() -> AsyncIterator[Answer]:
    playout = Playout(lambda _started: None)
    made = Answer(rate_path("native").encoder(), playout, name="test", on_failure=lambda: None)
    yield made
    made.close()


def chunk(pcm: bytes = SECOND) -> AnswerAudio:
    return AnswerAudio(pcm, LIVE_OUT_HZ, time.monotonic())


async def settled(answer: Answer, buffered_ms: float) -> None:
    async with asyncio.timeout(10):
        while answer._playout.buffered_ms != buffered_ms:  # noqa: ASYNC110 - the encoder's task has no event
            await asyncio.sleep(0.001)


def test_every_event_is_foreseen_in_every_state() -> None:
    assert set(TRANSITIONS) == set(itertools.product(AnswerState, AnswerEvent))


def test_only_the_models_word_ends_the_fence() -> None:
    ends = {event for event in AnswerEvent if TRANSITIONS[AnswerState.FENCED, event] is AnswerState.NONE}
    assert ends == {AnswerEvent.ENDED, AnswerEvent.INTERRUPTED, AnswerEvent.LOST}


async def test_an_answer_is_buffered_whole_with_its_last_partial_frame(answer: Answer) -> None:
    answer.audio(chunk(SECOND + bytes(2 * 100)))
    await settled(answer, 1000)
    answer.whole()
    await settled(answer, 1020)
    answer.ended()
    await asyncio.sleep(0.01)
    assert answer._playout.buffered_ms == 1020


async def test_a_barge_in_drops_what_is_buffered_and_fences_what_still_comes(answer: Answer) -> None:
    answer.audio(chunk())
    await settled(answer, 1000)
    answer.barge_in(time.monotonic())
    assert answer._playout.buffered_ms == 0
    assert not answer.audio(chunk())
    answer.whole()
    answer.interrupted(time.monotonic())
    answer.ended()
    await asyncio.sleep(0.01)
    assert answer._playout.buffered_ms == 0
    assert answer.audio(chunk()), "the next answer is played"
    await settled(answer, 1000)


async def test_a_barge_in_between_two_slices_stops_the_encoding(answer: Answer) -> None:
    answer.audio(chunk(SECOND * 20))
    while not answer._playout.buffered_ms:  # noqa: ASYNC110 - between two slices there is no event
        await asyncio.sleep(0)
    answer.barge_in(time.monotonic())
    await asyncio.sleep(0.05)
    assert answer._playout.buffered_ms == 0


async def test_a_burst_does_not_hold_up_the_loop(answer: Answer) -> None:
    """A minute of answer at once: the loop turns between slices, about 300 times, not once at the end."""
    answer.audio(chunk(SECOND * 60))
    turns = 0
    while answer._playout.buffered_ms < 60_000:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 250


async def test_an_answer_that_the_encoder_can_not_follow_is_cut_after_two_minutes(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(130):
        answer.audio(chunk())
    answer.audio(chunk(bytes(2)))
    assert answer._waiting_bytes <= QUEUE_BYTES
    assert len(caplog.records) == 1, "it is said once"
    answer.whole()
    await settled(answer, 120_000)
    assert answer._waiting_bytes == 0
    assert answer.audio(chunk()), "there is room again"
    await settled(answer, 121_000)


async def test_an_answer_in_tiny_chunks_is_bounded_too(answer: Answer) -> None:
    for _ in range(2 * QUEUE):
        answer.audio(chunk(bytes(2)))
    assert len(answer._slices) == QUEUE
    answer.barge_in(time.monotonic())
    assert answer._waiting_bytes == 0


async def test_what_is_encoded_again_after_a_change_of_loudness_takes_no_room(answer: Answer) -> None:
    answer.audio(chunk())
    await settled(answer, 1000)
    answer.set_gain(0.5)
    for _ in range(119):
        answer.audio(chunk())
    assert answer._waiting_bytes < QUEUE_BYTES
    await settled(answer, 120_000)
    assert answer._waiting_bytes == 0


async def test_what_is_to_be_encoded_again_is_dropped_with_the_answer(answer: Answer) -> None:
    answer.audio(chunk())
    await settled(answer, 1000)
    answer.set_gain(0.5)
    assert answer.encoding
    answer.barge_in(time.monotonic())
    assert not answer.encoding
