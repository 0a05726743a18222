"""Whose words a function call may rest on, as people speak, write and are answered."""

from bot.conversation.askers import ASKED_S, Askers

ADA, BEN, CARA = 1, 2, 3


def said(askers: Askers, user_id: int, at: float) -> None:
    askers.turn_began(at)
    askers.spoke({user_id}, at)
    askers.turn_ended()


def answered(askers: Askers) -> None:
    askers.answer_began()
    askers.answer_ended()


def test_all_since_the_last_answer_are_taken_for_who_asked() -> None:
    askers = Askers()
    assert askers.now() == frozenset(), "nobody has spoken"
    said(askers, ADA, 0.0)
    said(askers, BEN, 1.0)
    assert askers.now() == {ADA, BEN}, "neither had an answer"
    askers.answer_began()
    assert askers.now() == {ADA, BEN}, "the model calls while it speaks, too"
    askers.answer_ended()
    assert askers.now() == {ADA, BEN}, "and afterwards"
    said(askers, BEN, 2.0)
    assert askers.now() == {BEN}


def test_who_spoke_before_an_outage_is_asked_for_after_it_however_long_it_was() -> None:
    askers = Askers()
    said(askers, ADA, 0.0)
    askers.lost()
    said(askers, BEN, 10 * ASKED_S)
    assert askers.now() == {ADA, BEN}, "the next session hears both"
    answered(askers)
    said(askers, BEN, 11 * ASKED_S)
    said(askers, CARA, 13 * ASKED_S)
    assert askers.now() == {CARA}


def test_the_first_frame_that_goes_out_counts() -> None:
    askers = Askers()
    said(askers, ADA, 0.0)
    answered(askers)
    askers.turn_began(1.0)
    assert askers.now() == {ADA}, "nothing of the other was sent yet"
    askers.spoke({BEN}, 1.0)
    assert askers.now() == {BEN}
    askers.spoke({BEN, CARA}, 1.02)
    assert askers.now() == {BEN, CARA}, "heard as one"


def test_who_is_answered_while_another_begins_to_speak_may_be_behind_a_call() -> None:
    askers = Askers()
    said(askers, ADA, 0.0)
    askers.answer_began()
    said(askers, BEN, 1.0)  # a cough, for which the model does not stop
    assert askers.now() == {ADA, BEN}
    said(askers, CARA, 2.0)
    assert askers.now() == {ADA, BEN, CARA}
    askers.answer_ended()
    assert askers.now() == {BEN, CARA}
    said(askers, ADA, 3.0)
    askers.answer_began()
    askers.spoke({CARA}, 4.0)
    askers.interrupted()
    assert askers.now() == {CARA}


def test_an_answer_that_begins_within_a_turn_is_to_all_who_spoke_before_it() -> None:
    """Where the model finds the turns itself, a turn may be over for it long before it is for the floor."""
    askers = Askers()
    said(askers, ADA, 0.0)
    askers.spoke({BEN}, 1.0)
    askers.answer_began()
    askers.turn_ended()
    assert askers.now() == {ADA, BEN}
    askers.answer_ended()
    assert askers.over
    said(askers, CARA, 3.0)
    assert askers.now() == {CARA}, "both have had their answer"


def test_in_one_long_turn_of_several_who_goes_on_speaking_counts_anew() -> None:
    askers = Askers()
    askers.turn_began(0.0)
    askers.spoke({ADA}, 0.0)
    answered(askers)
    askers.spoke({BEN}, 2.0)
    assert askers.now() == {BEN}
    askers.spoke({ADA}, 2.1)
    assert askers.now() == {ADA, BEN}


def test_who_fell_silent_long_before_the_last_turn_did_not_ask() -> None:
    askers = Askers()
    said(askers, ADA, 0.0)
    askers.turn_began(ASKED_S)
    askers.spoke({BEN}, ASKED_S)
    askers.spoke({BEN}, 3 * ASKED_S)
    assert askers.now() == {ADA, BEN}, "however long the turn after it is"
    said(askers, BEN, 3 * ASKED_S)
    assert askers.now() == {BEN}, "though nobody heard an answer"


def test_who_writes_asks_beside_who_waits_and_a_text_that_is_read_out_is_nobodys() -> None:
    askers = Askers()
    askers.wrote(ADA, 0.0)
    askers.wrote(BEN, 1.0)
    assert askers.now() == {ADA, BEN}
    answered(askers)
    askers.wrote(CARA, 2.0)
    assert askers.now() == {CARA}
    askers.wrote(None, 3.0)
    assert askers.now() == frozenset()
    assert not askers.over


def test_all_who_were_heard_are_known() -> None:
    askers = Askers()
    assert askers.heard == frozenset()
    said(askers, ADA, 0.0)
    answered(askers)
    askers.wrote(BEN, 100.0)
    askers.wrote(None, 200.0)
    assert askers.heard == {ADA, BEN}
    assert askers.now() == frozenset()


def test_a_result_is_told_in_a_turn_of_its_own() -> None:
    askers = Askers()
    said(askers, ADA, 0.0)
    askers.found_out({ADA})  # before the answer to the words
    answered(askers)
    said(askers, BEN, 1.0)
    assert askers.now() == {ADA, BEN}
    askers.answer_ended()
    assert askers.now() == {BEN}
    answered(askers)
    askers.found_out({ADA})  # after it
    said(askers, CARA, 2.0)
    assert askers.now() == {ADA, CARA}
    askers.answer_ended()
    assert askers.now() == {CARA}
