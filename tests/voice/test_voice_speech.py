"""How packets and losses become speech, call by call, with a decoder that writes down what it is asked."""

import numpy as np
import pytest
from voice_room import SILENCE, tone

from bot.audio.opus import OpusError
from bot.audio.pcm import Pcm16
from bot.voice.events import Heard, Hushed
from bot.voice.jitter import Missing
from bot.voice.rtp import Packet
from bot.voice.speech import Speech
from bot.voice.stats import ReceiveStats

PLAIN = tone(440, 1)[0]
WITH_COPY = tone(440, 3, fec=True)[2]
CORRUPT = b"\xff\xff"


class Scribe:
    """A decoder that writes down its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def decode(self, packet: bytes) -> Pcm16:
        if packet == CORRUPT:
            raise OpusError(-4)
        return self._wrote("decode", 320)

    def decode_fec(self, packet: bytes, samples: int) -> Pcm16:
        return self._wrote("copy", samples)

    def conceal(self, samples: int) -> Pcm16:
        return self._wrote("conceal", samples)

    def reset(self) -> None:
        self.calls.append("reset")

    def _wrote(self, what: str, samples: int) -> Pcm16:
        self.calls.append(what if samples == 320 else f"{what} {samples}")
        return np.ones(samples, np.int16)


class Heard440:
    """A `Speech` and the timestamps of its sender."""

    def __init__(self) -> None:
        self.scribe, self.stats = Scribe(), ReceiveStats()
        self.speech = Speech(1, self.scribe, self.stats)
        self.timestamp = 2**32 - 1920

    def say(self, payload: bytes, *, lost: int = 0, skip: int | None = None) -> list[str]:
        """Play a packet after so many lost ones, `skip` samples later; return the decoder's calls."""
        self.timestamp += 960 * lost if skip is None else skip
        packet = Packet(0, self.timestamp & 0xFFFF_FFFF, payload, 5.0)
        self.timestamp += 960
        self.scribe.calls.clear()
        self.events = self.speech.play([Missing(lost), packet] if lost else [packet])
        return list(self.scribe.calls)


@pytest.fixture
def heard() -> Heard440:
    heard = Heard440()
    assert heard.say(PLAIN) == ["decode"]
    return heard


def test_losses_are_concealed_the_last_of_them_from_the_copy(heard: Heard440) -> None:
    assert heard.say(PLAIN, lost=2) == ["conceal", "conceal", "decode"]
    assert heard.say(WITH_COPY, lost=1) == ["copy", "decode"]
    assert heard.say(WITH_COPY, lost=3) == ["conceal", "conceal", "copy", "decode"]
    assert [event.concealed for event in heard.events if isinstance(event, Heard)] == [True] * 3 + [False]


def test_after_five_concealed_frames_silence_keeps_the_time(heard: Heard440) -> None:
    assert heard.say(WITH_COPY, lost=9) == [*["conceal"] * 5, "copy", "decode"]
    sizes = [(event.pcm.size, bool(event.pcm.any())) for event in heard.events if isinstance(event, Heard)]
    assert sizes == [*[(320, True)] * 5, *[(320, False)] * 3, (320, True), (320, True)]


def test_the_timestamps_tell_how_long_the_lost_packets_were(heard: Heard440) -> None:
    assert heard.say(PLAIN, lost=1, skip=480) == ["conceal 160", "decode"]
    assert heard.say(PLAIN, lost=1, skip=2880) == ["conceal", "conceal", "conceal", "decode"]
    assert heard.say(PLAIN, lost=2, skip=0) == ["decode"]  # they carried no audio
    assert heard.say(PLAIN, lost=1, skip=130) == ["conceal 40", "decode"]


def test_a_loss_beside_a_pause_invents_nothing_but_takes_the_copy(heard: Heard440) -> None:
    assert heard.say(PLAIN, lost=1, skip=24_000) == ["decode"]
    assert heard.say(WITH_COPY, lost=1, skip=24_000) == ["copy", "decode"]
    heard.say(SILENCE)
    assert heard.say(PLAIN, lost=1) == ["decode"]


def test_what_was_lost_before_the_silence_is_not_made_up_after_it(heard: Heard440) -> None:
    heard.say(SILENCE, lost=1)
    assert heard.say(WITH_COPY) == ["decode"]


def test_the_first_silence_frame_of_a_run_is_told(heard: Heard440) -> None:
    assert heard.say(SILENCE) == [] and heard.events == [Hushed(1, 5.0)]
    assert heard.say(SILENCE) == [] and heard.events == []
    heard.say(PLAIN)
    assert heard.say(SILENCE) == [] and heard.events == [Hushed(1, 5.0)]


def test_a_jump_of_over_a_second_resets_the_decoder_and_a_shorter_one_does_not(heard: Heard440) -> None:
    assert heard.say(PLAIN, skip=48_000) == ["decode"]
    assert heard.say(PLAIN, skip=48_001) == ["reset", "decode"]
    assert heard.say(PLAIN, skip=-48_001) == ["reset", "decode"]
    assert heard.say(PLAIN, lost=60) == ["reset", "decode"]


def test_a_corrupt_packet_resets_the_decoder_and_the_next_is_heard(heard: Heard440) -> None:
    assert heard.say(CORRUPT) == ["reset"] and heard.events == []
    assert heard.say(PLAIN) == ["decode"]
    assert heard.say(CORRUPT, lost=1)[-1] == "reset"
    assert heard.say(PLAIN) == ["decode"]
    assert heard.stats.undecodable == 2
