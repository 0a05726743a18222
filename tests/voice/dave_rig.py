"""A call with the bot under DAVE, as its receive pipeline hears it."""

import pytest
from voice_room import ANN, BEN, BOT, Ear, Line, LiveKeys, Room, Talker

from bot.voice.events import Heard

SSRC = 11


class Call:
    """The bot in a room with others, who talk with it."""

    def __init__(self, *others: int) -> None:
        self.room = Room()
        for user_id in (*others, BOT):
            self.room.join(user_id)
        self.ear = Ear(LiveKeys())
        self.line = Line(self.ear.keys)
        self.sync()

    def sync(self) -> None:
        """Let the bot's connection hold what its session reached, and the pipeline know."""
        self.room.show(BOT, self.ear.keys)
        self.ear.events += self.ear.pipeline.epoch_changed(self.ear.now)

    def wants_recovery(self) -> bool:
        return self.ear.pipeline.wants_recovery

    def talker(self, user_id: int, ssrc: int = SSRC) -> Talker:
        """Return a mapped person's sending side."""
        self.ear.maps(user_id, ssrc)
        return Talker(self.line, ssrc, self.room.session(user_id))


@pytest.fixture
def call() -> Call:
    return Call(ANN, BEN)


def forge(sealed: bytes) -> bytes:
    """Return an encrypted frame as nobody in the group would have made it."""
    return bytes([sealed[0] ^ 1]) + sealed[1:]


def whole(frames: list[Heard], count: int) -> bool:
    """Return whether so many frames were heard, in the order of their arrival and none invented."""
    times = [frame.at for frame in frames]
    return len(frames) == count and times == sorted(times) and not any(frame.concealed for frame in frames)
