"""What several people said while another had the floor reaches the model whole, though all at once."""

import numpy as np
import pytest

from bot.audio.pcm import LIVE_IN_HZ
from bot.conversation.actions import Action, Release, Speech, Take
from bot.conversation.floor import Floor
from bot.conversation.hangover import Hangovers
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item
from bot.live.outbox import Outbox
from bot.voice.events import Heard

FRAME_S = 0.02
FIRST_S = 16.0  # how long the first person holds the floor


def items_of(action: Action) -> list[Item]:
    match action:
        case Take():
            return [ActivityStart()]
        case Speech(speakers, pcm, at):
            return [Audio(pcm.tobytes(), at, next(iter(speakers)))]
        case Release():
            return [ActivityEnd()]


@pytest.mark.parametrize("seconds", [4.0, 8.0, 9.5])
def test_two_people_beside_a_third(seconds: float) -> None:
    """The second speaks early on; the third speaks into the end of it all, and a second longer."""
    floor, outbox, arrived = Floor(Hangovers()), Outbox(), {1: 0, 2: 0, 3: 0}
    outbox.rewind()
    spans = {1: (0.0, FIRST_S), 2: (1.0, 1.0 + seconds), 3: (FIRST_S + 1.0 - seconds, FIRST_S + 1.0)}
    frames = {who: round((end - begin) / FRAME_S) for who, (begin, end) in spans.items()}
    for tick in range(round((FIRST_S + 10.0) / FRAME_S)):
        now = tick * FRAME_S
        actions: list[Action] = []
        for who, (begin, _) in spans.items():
            number = tick - round(begin / FRAME_S)
            if 0 <= number < frames[who]:
                pcm = np.full(round(LIVE_IN_HZ * FRAME_S), 100 * who, np.int16)
                actions += floor.heard(Heard(who, pcm, now))
            elif number == frames[who]:
                actions += floor.hushed(who, now)
        for action in [*actions, *floor.poll(now)]:
            for item in items_of(action):
                outbox.put(item)
        while (outgoing := outbox.next(now)) is not None:
            if isinstance(outgoing.item, Audio) and isinstance(outgoing.item.speaker, int):
                arrived[outgoing.item.speaker] += 1
    assert (floor.frames_lost, outbox.lost_bytes) == (0, 0)
    assert arrived == frames
