"""What a person wrote is not sent once they take it back, nor again, nor quoted over another connection."""

from typing import Any

import pytest
from core_rig import PCM, again, audio, lose, ready, send_all, tell

from bot.live.core import LiveCore
from bot.live.items import ActivityEnd, ActivityStart, Audio, Text
from bot.live.outbox import Outbox
from bot.live.recap import CUT_OFF

ANN, BOB = 1, 2
HERS = Text("[Ann writes to you; answer aloud.]\nAm I ill?", answer=True, by=frozenset({ANN}))
HIS = Text("[Bob writes to you; answer aloud.]\nIs it late?", answer=True, by=frozenset({BOB}))
QUESTION = "How high is it?"


def anew(made: LiveCore, at: float) -> list[Any]:
    """Lose the connection and make another one; return what is sent over it."""
    lose(made, at)
    due = again(made)
    made.attempt()
    made.connected(due)
    return send_all(made, due)


def test_a_question_that_was_sent_is_not_sent_again() -> None:
    made = ready()
    made.say(HERS)
    made.say(HIS)
    assert send_all(made, 1.0) == [HERS, HIS]
    made.forget(ANN)
    assert anew(made, 2.0) == [HIS]


def test_a_question_that_waits_is_not_sent() -> None:
    made = ready()
    made.say(HERS)
    made.say(HIS)
    made.forget(ANN)
    assert send_all(made, 1.0) == [HIS]


def test_what_is_about_the_things_of_two_goes_with_either() -> None:
    for person in (ANN, BOB):
        outbox = Outbox()
        outbox.put(
            Text("[Ann shows you a picture, “b.png”, which Bob posted.]", False, by=frozenset({ANN, BOB}))
        )
        outbox.put(Text("[The room is loud.]", answer=False))
        outbox.forget(person)
        outgoing = outbox.next(0.0)
        assert outgoing is not None and outgoing.item == Text("[The room is loud.]", answer=False)
        assert outbox.next(0.0) is None


def cut_off(made: LiveCore) -> None:
    """Lose the connection in mid-answer, and have another one, over which nothing was sent yet."""
    for item in (ActivityStart(), Audio(PCM, 0.0, ANN), ActivityEnd()):
        made.say(item)
    send_all(made, 1.0)
    tell(made, 2.0, serverContent={"inputTranscription": {"text": QUESTION}})
    tell(made, 2.0, serverContent=audio() | {"outputTranscription": {"text": " It is 300"}})
    lose(made, 2.5)
    due = again(made)
    made.attempt()
    made.connected(due)


@pytest.mark.parametrize("sent", [False, True])
def test_what_asks_for_the_rest_of_an_answer_quotes_nothing_that_was_taken_back(sent: bool) -> None:
    made = ready()
    cut_off(made)
    if sent:
        (quoting,) = send_all(made, 3.0)
        assert QUESTION in quoting.text
    made.forget(ANN)
    told = anew(made, 3.5) if sent else send_all(made, 3.5)
    assert told == [Text(CUT_OFF, answer=True)], "it is gone on with, by what the model knows"


def test_it_goes_on_once_though_somebody_withdraws_afterwards() -> None:
    made = ready()
    cut_off(made)
    send_all(made, 3.0)
    tell(made, 4.0, serverContent=audio())
    made.forget(ANN)
    assert send_all(made, 4.1) == []
