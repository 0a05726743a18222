"""Captions: whose words are whose, in which order, and that faults neither double nor lose them."""

from dataclasses import dataclass

import pytest
from captions_rig import ADA, BOB, Shown, shown, words_of
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.captions_passage import Kind
from bot.conversation.captions_turns import REST_S, SOONEST_S, WAIT_S

__all__ = ["shown"]


def test_words_come_while_a_turn_goes_on_after_it_and_during_the_answer(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    shown.understood(" What is", 0.6)
    assert shown.look() == ["Ada: What is"]
    shown.understood(" the time", 1.0)
    shown.captions.turn_ended(1.5)
    shown.audio(2.0, 2.0)
    shown.said(" It is", 2.0)
    shown.understood(" in Rome?", 2.1)
    shown.said(" noon.", 2.2)
    assert shown.look() == ["Ada: What is the time in Rome?", "Earshot: It is noon."]
    assert {line.user_id for line in shown.lines.values()} == {ADA, None}


def test_an_answer_stands_after_the_words_that_it_answers_whichever_comes_first(shown: Shown) -> None:
    shown.turn(ADA, "Ada", 0.0, 1.0)
    shown.said("Noon.", 1.8)
    assert shown.look() == ["Earshot: Noon."]
    shown.understood("What is the time?", 2.2)
    assert shown.look() == ["Ada: What is the time?", "Earshot: Noon."]


def test_late_words_go_to_who_said_them_though_the_next_speaks_already(shown: Shown) -> None:
    shown.turn(ADA, "Ada", 0.0, 1.0)
    shown.captions.turn_began(BOB, "Bob", 1.1)
    shown.understood("I say red.", 1.0 + WAIT_S - 0.1)
    shown.understood(" And blue.", 1.0 + WAIT_S)
    shown.understood("I say green.", 1.0 + WAIT_S + 0.8)
    assert shown.look() == ["Ada: I say red. And blue.", "Bob: I say green."]


def test_the_rest_of_a_turn_comes_when_the_next_has_begun(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    shown.understood("one two", 0.8)
    shown.captions.turn_ended(1.0)
    shown.captions.turn_began(BOB, "Bob", 1.1)
    shown.understood(" three", 1.0 + REST_S - 0.1)
    shown.understood("four", 1.0 + REST_S + 0.1)
    shown.understood(" five", 1.0 + REST_S + 0.5)
    assert shown.look() == ["Ada: one two three", "Bob: four five"]


def test_a_cough_has_no_words(shown: Shown) -> None:
    shown.turn(ADA, "Ada", 0.0, 0.4)
    shown.captions.turn_began(BOB, "Bob", 0.5)
    shown.understood("Did you see the film?", 0.4 + WAIT_S + 0.1)
    assert shown.look() == ["Bob: Did you see the film?"]


def test_nobody_says_a_sentence_in_a_moment(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    shown.captions.turn_ended(0.4, speech_s=0.3)
    shown.captions.turn_began(BOB, "Bob", 0.5)
    shown.understood("Did anybody here see that film yet?", 1.2)
    assert shown.look() == ["Bob: Did anybody here see that film yet?"]


def test_who_was_understood_before_the_next_has_no_more_to_come(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    shown.captions.turn_ended(0.4, speech_s=0.3)
    shown.captions.turn_began(BOB, "Bob", 0.5)
    shown.understood("Did anybody here see that film yet?", 1.2)
    shown.understood(" I did.", 1.3)
    assert shown.look() == ["Bob: Did anybody here see that film yet? I did."]


def test_nobodys_words_are_understood_before_they_were_said(shown: Shown) -> None:
    shown.turn(ADA, "Ada", 0.0, 1.0)
    shown.captions.turn_began(BOB, "Bob", 30.0)
    shown.understood("Very late.", 30.0 + SOONEST_S / 2)
    assert shown.look() == ["Ada: Very late."]


def test_words_of_nobody_are_not_lost(shown: Shown) -> None:
    shown.understood("Hello?", 1.0)
    shown.turn(ADA, "Ada", 2.0, 3.0)
    shown.understood("Hi.", 100.0)
    assert shown.look() == ["Someone: Hello?", "Someone: Hi."]


def test_all_who_are_heard_as_one(shown: Shown) -> None:
    shown.turn(None, "Ada, Bob", 0.0, 3.0)
    shown.understood("Yes! No!", 3.5)
    assert shown.look() == ["Ada, Bob: Yes! No!"]
    assert shown.lines[1].kind is Kind.PERSON


def test_what_is_understood_after_a_withdrawal_is_nobodys_and_not_shown(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    shown.understood("Before", 0.5)
    shown.captions.forget(ADA)
    shown.captions.turn_ended(0.6)
    shown.captions.turn_began(BOB, "Bob", 0.7)
    shown.understood(" and after", 1.0)
    shown.understood("Bob's words", 2.0)
    assert shown.look() == ["Ada: Before", "Bob: Bob's words"]


# -- faults


@pytest.mark.parametrize("gap", [0.0, 0.7])
def test_doubled_fragments_are_said_once(shown: Shown, gap: float) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    for at, text in enumerate([" the red house", " on the hill", " burns down"]):
        shown.understood(text, 1.0 + at)
        shown.understood(text, 1.0 + at + gap)
    assert shown.look() == ["Ada: the red house on the hill burns down"]


def test_doubled_fragments_that_changed_places(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    for text in (" the red house", " on the hill", " the red house", " on the hill"):
        shown.understood(text, 1.0)
    assert shown.look() == ["Ada: the red house on the hill"]


def test_a_word_said_twice_stays(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    for at, text in enumerate([" No", " no", " no", " it was", " it was not"]):
        shown.understood(text, 1.0 + 0.3 * at)
    assert shown.look() == ["Ada: No no no it was it was not"]


WORDS = st.lists(st.sampled_from(["red", "hill", "on", "burn", "so"]), min_size=1, max_size=4)


@dataclass
class Spoken:
    user_id: int
    began: float
    ended: float
    fragments: list[tuple[float, str]]
    """When each came, and what."""


@st.composite
def conversations(draw: st.DrawFn) -> list[Spoken]:
    """Turns one after the other, each with fragments of words that occur once in all."""
    now, number, spoken = 0.0, 0, []
    for _ in range(draw(st.integers(1, 5))):
        began = now + draw(st.floats(0, 1.5))
        ended = began + draw(st.floats(0.3, 6))
        fragments = []
        for _ in range(draw(st.integers(0, 5))):
            words = "".join(f" {word}{(number := number + 1)}" for word in draw(WORDS))
            fragments.append((0.0, words))
        spoken.append(Spoken(draw(st.sampled_from([ADA, BOB])), began, ended, fragments))
        now = ended
    return spoken


def played(spoken: list[Spoken]) -> Shown:
    """Play turns and fragments in the order of time."""
    shown = Shown()
    happens: list[tuple[float, int, int, str]] = []
    for each in spoken:
        happens += [(each.began, 0, each.user_id, ""), (each.ended, 1, 0, "")]
        happens += [(at, 2, 0, text) for at, text in each.fragments]
    for at, what, user_id, text in sorted(happens, key=lambda event: event[0]):
        if what == 0:
            shown.captions.turn_began(user_id, str(user_id), at)
        elif what == 1:
            shown.captions.turn_ended(at)
        else:
            shown.understood(text, at)
        shown.look()
    shown.captions.close()
    shown.look()
    return shown


@given(conversations(), st.data())
def test_whatever_the_order_and_delay_every_word_is_there_once(
    spoken: list[Spoken], data: st.DataObject
) -> None:
    texts = [text for each in spoken for _, text in each.fragments]
    moments = sorted(data.draw(st.floats(0, 70)) for _ in texts)
    came = list(zip(moments, data.draw(st.permutations(texts)), strict=True))
    for each in spoken:
        each.fragments = []
    spoken[0].fragments = [one for one in came for _ in range(data.draw(st.integers(1, 2)))]
    shown = played(spoken)
    assert sorted(words_of(shown)) == sorted(" ".join(texts).split())
    # A line never has words in another order than that in which they came.
    order = {word: place for place, word in enumerate(" ".join(text for _, text in came).split())}
    for line in shown.lines.values():
        places = [order[word] for word in line.text.split()]
        assert places == sorted(places)


@given(conversations(), st.data())
def test_within_a_turns_time_every_word_is_its_speakers(spoken: list[Spoken], data: st.DataObject) -> None:
    """Text that comes while its turn goes on, or before the next can have any, is told for sure."""
    expected: list[tuple[str, list[str]]] = []
    for number, each in enumerate(spoken):
        later = spoken[number + 1 :]
        until = later[0].began + SOONEST_S - 1e-6 if later else each.ended + 4.0
        since = each.began + SOONEST_S + 1e-6
        if number:  # the one before may have no text yet, or a rest of it
            since = max(since, spoken[number - 1].ended + WAIT_S + 1e-6)
        if since >= until:
            each.fragments = []
            continue
        moments = sorted(
            data.draw(st.floats(since, until, exclude_min=True, exclude_max=True)) for _ in each.fragments
        )
        each.fragments = [(at, text) for at, (_, text) in zip(moments, each.fragments, strict=True)]
        if each.fragments:
            expected.append((str(each.user_id), " ".join(text for _, text in each.fragments).split()))
    shown = played(spoken)
    ordered = sorted((line for line in shown.lines.values() if line.text), key=lambda one: (one.at, one.id))
    assert [(line.name, line.text.split()) for line in ordered] == expected
