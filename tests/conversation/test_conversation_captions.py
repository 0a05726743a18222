"""Captions: whose words are whose, in which order, and what of an answer was heard."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.captions import Captions
from bot.conversation.captions_budget import LEAST_S, PER_S, CaptionBudget
from bot.conversation.captions_passage import LINE, PASSAGE, CaptionLine, Kind
from bot.conversation.captions_turns import REST_S, SETTLED_S, SOONEST_S, WAIT_S
from bot.conversation.overload import CAPTIONS_S
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    AnswerWhole,
    InputTranscript,
    Interrupted,
    Lost,
    OutputTranscript,
)

ADA, BOB = 1, 2
RATE_HZ = 24_000


@dataclass
class Shown:
    """Captions, and what a reader of them has before their eyes."""

    captions: Captions = field(default_factory=lambda: Captions("Earshot"))
    lines: dict[int, CaptionLine] = field(default_factory=dict)

    def look(self) -> list[str]:
        for line in self.captions.changes():
            before = self.lines.get(line.id)
            assert before is None or not before.final, "what is final stays as it is"
            self.lines[line.id] = line
        ordered = sorted(self.lines.values(), key=lambda line: (line.at, line.id))
        return [f"{line.name}: {line.text}" for line in ordered if line.text]

    def turn(self, user_id: int | None, name: str, began: float, ended: float) -> None:
        self.captions.turn_began(user_id, name, began)
        self.captions.turn_ended(ended)

    def understood(self, text: str, at: float) -> None:
        self.captions.told(InputTranscript(text), at)

    def said(self, text: str, at: float, *, held: bool = False) -> None:
        self.captions.told(OutputTranscript(text), at, held=held)

    def audio(self, seconds: float, at: float, *, held: bool = False) -> None:
        pcm = np.zeros(round(seconds * RATE_HZ), np.int16).tobytes()
        self.captions.told(AnswerAudio(pcm, RATE_HZ, at), at, held=held)

    def ended(self, at: float, *, held: bool = False) -> None:
        self.captions.told(AnswerWhole(at), at, held=held)
        self.captions.told(AnswerEnded(at), at, held=held)


@pytest.fixture
def shown() -> Shown:
    return Shown()


# -- whose words


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


def words_of(shown: Shown) -> list[str]:
    ordered = sorted(shown.lines.values(), key=lambda line: (line.at, line.id))
    return " ".join(line.text for line in ordered).split()


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


# -- answers


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


# -- bounds


def test_a_long_turn_is_several_lines_that_stay(shown: Shown) -> None:
    shown.captions.turn_began(ADA, "Ada", 0.0)
    words = [f"word{number}" for number in range(3 * PASSAGE // 8)]
    for number, word in enumerate(words):
        shown.understood(f" {word}", 1.0 + number / 3)
        before = {line.id: line.text for line in shown.lines.values()}
        shown.look()
        newest = max(shown.lines)
        assert all(
            shown.lines[line_id].text == text for line_id, text in before.items() if line_id < newest - 1
        )
    assert words_of(shown) == words
    assert all(len(line.text) <= LINE for line in shown.lines.values())


def test_nothing_is_kept_of_what_is_over(shown: Shown) -> None:
    for number in range(2_000):
        at = number * 10.0
        shown.turn(ADA, "Ada", at, at + 1)
        shown.understood(f"number {number}", at + 1.2)
        shown.said("Yes.", at + 2)
        shown.ended(at + 3)
        if number % 100 == 99:
            shown.captions.poll(at + 3 + SETTLED_S)
            shown.look()
            assert len(vars(shown.captions)["_passages"]) <= 2
            assert all(line.final for line in shown.lines.values())


# -- the budget


@pytest.mark.parametrize("calls", [1, 10, 100])
def test_all_calls_share_one_budget_evenly(calls: int) -> None:
    """Every call wants to send all the time; a call's requests are counted over a minute."""
    budget = CaptionBudget()
    for call in range(calls):
        budget.add(call)
    sent: list[tuple[float, int]] = []
    waited: list[float] = []
    for now in np.arange(0, 60, 0.01):
        for call in range(calls):
            if budget.due(call, lasting=False) <= now:
                sent.append((budget.take(call, float(now)), call))
                waited.append(sent[-1][0] - now if now > 10 else 0.0)
    assert max(waited) < 0.1, "who has asked gets a place at once: what is sent is new"
    times = sorted(at for at, _ in sent)
    window = max(sum(1 for at in times if start <= at < start + 1) for start in times)
    assert window <= PER_S + 1
    each = [sum(1 for _, call in sent if call == number) for number in range(calls)]
    assert max(each) - min(each) <= 1
    interval = max(LEAST_S, calls / 25)
    assert min(each) >= 60 / interval * 0.9, "and it is used"
    for call in (0, calls - 1):
        mine = [at for at, number in sent if number == call]
        assert all(b - a >= interval - 1e-9 for a, b in itertools.pairwise(mine))


def test_what_does_not_stay_waits_while_the_loop_is_late() -> None:
    budget = CaptionBudget()
    budget.add(1)
    budget.late(0.3, 10.0)
    assert budget.due(1, lasting=False) == 10.0 + CAPTIONS_S
    assert budget.due(1, lasting=True) < 10.0
