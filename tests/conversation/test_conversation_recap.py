"""What a new session is told of a call once somebody withdrew: who spoke last, as the uplink notes it."""

import pytest
from room_rig import Rig

from bot.live.recap import Recap


@pytest.mark.parametrize("mixed", [False, True])
def test_the_notes_on_who_speaks_outlast_a_withdrawal(mixed: bool) -> None:
    rig = Rig(mixed=mixed)
    rig.say(2, rig.say(1, 0.0, 50) + 5.0, 50)
    rig.until(20.0)
    notes = [told for told in rig.story if told.startswith("[")]
    recap = Recap()
    for note in notes:
        recap.noted(note)
    assert notes
    recap.forget()
    assert (recap.text() or "").splitlines()[1:] == notes[-1:]
