"""Captions of answers: what of them was heard, and which stands where."""

from captions_rig import ADA, BOB, Shown, shown

from bot.conversation.captions_passage import Kind
from bot.live.events import AnswerEnded, AnswerWhole, InputTranscript, Interrupted, Lost

__all__ = ["shown"]


def test_an_answer_that_is_cut_off_shows_what_was_heard(shown: Shown) -> None:
    shown.turn(ADA, "Ada", 0.0, 1.0)
    shown.audio(10.0, 2.0)
    shown.said("One two three four five six seven eight nine ten.", 2.0)
    shown.captions.told(AnswerWhole(2.1), 2.1)
    assert shown.look() == ["Earshot: One two three four five six seven eight nine ten."]
    shown.captions.turn_began(BOB, "Bob", 7.0)
    assert shown.look() == ["Earshot: One two three four five—"]
    shown.said(" Eleven.", 7.1)
    shown.captions.told(Interrupted(7.2), 7.2)
    shown.captions.told(AnswerEnded(7.2), 7.2)
    shown.captions.poll(9.0)
    assert shown.look() == ["Earshot: One two three four five six—"], "of more text the same share is more"
    assert shown.lines[1].final


def test_an_answer_that_was_told_to_stop_shows_what_was_heard(shown: Shown) -> None:
    shown.turn(ADA, "Ada", 0.0, 1.0)
    shown.audio(10.0, 2.0)
    shown.said("One two three four five six seven eight nine ten.", 2.0)
    shown.captions.hushed(7.0)
    assert shown.look() == ["Earshot: One two three four five—"]


def test_an_answer_cut_off_at_once_leaves_nothing(shown: Shown) -> None:
    shown.said("Well, that depends.", 2.0)
    shown.look()
    shown.captions.turn_began(ADA, "Ada", 2.0)
    assert shown.look() == []


def test_who_speaks_when_the_answer_has_been_heard_interrupts_nothing(shown: Shown) -> None:
    shown.audio(2.0, 1.0)
    shown.said("It is noon.", 1.0)
    shown.ended(1.5)
    shown.captions.turn_began(ADA, "Ada", 3.1)
    shown.captions.told(Interrupted(3.2), 3.2)
    assert shown.look() == ["Earshot: It is noon."]


def test_an_answer_that_has_come_but_still_plays_is_cut_off(shown: Shown) -> None:
    shown.audio(4.0, 1.0)
    shown.said("a1 b2 c3 d4 e5 f6 g7 h8", 1.0)
    shown.ended(1.5)
    shown.captions.poll(2.9)
    shown.captions.turn_began(ADA, "Ada", 3.0)
    assert shown.look() == ["Earshot: a1 b2 c3 d4—"]


def test_text_after_the_end_is_the_rest_of_the_answer(shown: Shown) -> None:
    shown.turn(ADA, "Ada", 0.0, 1.0)
    shown.audio(0.5, 2.0)
    shown.ended(2.5)
    shown.said(" All of it", 2.6)
    shown.said(" comes late.", 3.0)
    assert shown.look() == ["Earshot: All of it comes late."]


def test_text_after_the_next_turn_is_the_next_answer(shown: Shown) -> None:
    shown.audio(0.5, 2.0)
    shown.said("First.", 2.0)
    shown.ended(2.5)
    shown.turn(ADA, "Ada", 2.6, 2.9)
    shown.said("Second.", 3.0)
    assert shown.look() == ["Earshot: First.", "Earshot: Second."]


def test_what_nobody_heard_is_not_shown(shown: Shown) -> None:
    shown.audio(0.5, 2.0, held=True)
    shown.said("Not asked for.", 2.0, held=True)
    assert shown.look() == []
    shown.ended(2.5, held=True)
    shown.captions.close()
    assert shown.look() == []


def test_what_was_held_back_is_shown_when_it_is_played(shown: Shown) -> None:
    shown.said("Asked", 2.0, held=True)
    shown.audio(0.5, 2.0, held=True)
    shown.captions.told(InputTranscript("Earshot?"), 2.1, held=False)
    shown.said(" for.", 2.2)
    shown.ended(2.5, held=True)
    assert "Earshot: Asked for." in shown.look()


def test_a_lost_connection_ends_an_answer(shown: Shown) -> None:
    shown.said("Half of", 1.0)
    shown.captions.told(Lost("gone"), 1.5)
    shown.said("Another.", 3.0)
    assert shown.look() == ["Earshot: Half of", "Earshot: Another."]


def test_a_note_is_final_at_once(shown: Shown) -> None:
    shown.captions.note("looked at cat.png (from Ada)", 4.0)
    assert shown.look() == ["Earshot: looked at cat.png (from Ada)"]
    assert (shown.lines[1].kind, shown.lines[1].final) == (Kind.NOTE, True)
