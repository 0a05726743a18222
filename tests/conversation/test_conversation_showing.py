"""What people show on its way to the model: what is said to its session, in order."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.audio.pcm import LIVE_IN_HZ
from bot.conversation.showing import BACKLOG, FEED_S, NUDGE_S, Asked, Showing, Viewers
from bot.conversation.sights import SECOND_BYTES, Clip, Sight
from bot.conversation.tail import TAIL_S
from bot.live.client import make_client
from bot.live.events import AnswerEnded, Ready
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Picture, Text
from bot.live.outbox import Outbox
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup

ADA, BOB = 1, 2
NAMES = {ADA: "Ada", BOB: "Bob"}
TAIL = Audio(bytes(2 * round(TAIL_S * LIVE_IN_HZ)), 0.0, direct=False)


@dataclass
class Rig:
    """A session that is never connected: what is said to it waits until it is taken."""

    live: LiveSession
    told: list[tuple[Any, ...]] = field(default_factory=list)
    showing: Showing = field(init=False)

    def __post_init__(self) -> None:
        viewers = Viewers(
            noted=lambda text, at: self.told.append(("noted", text)),
            sound_began=lambda title, at: self.told.append(("began", title)),
            sound_over=lambda at, seconds: self.told.append(("over", seconds)),
        )
        self.showing = Showing(self.live, label=lambda user_id, name: name or NAMES[user_id], viewers=viewers)

    @property
    def outbox(self) -> Outbox:
        return self.live._core.outbox

    def taken(self) -> list[Item]:
        """Send what waits, and return it, whenever it was said."""
        items = []
        while (outgoing := self.outbox.next(0.0)) is not None:
            item = outgoing.item
            items.append(replace(item, at=0.0) if isinstance(item, Audio) else item)
        return items

    def play(self, clip: Clip, now: float = 0.0) -> None:
        self.showing.sights.queue(clip)
        assert self.showing.begin(now)

    def feed(self, seconds: int, now: float = 0.0) -> tuple[float, list[Item]]:
        """Feed so many seconds; return the time then, and what was sent."""
        items = self.taken()
        for _ in range(seconds):
            assert self.showing.deadline() == pytest.approx(now)
            assert self.showing.poll(now) is None
            items += self.taken()
            now += FEED_S
        return now, items


def rig(*, marks: bool = True) -> Rig:
    setup = LiveSetup(
        model="gemini-3.8-live",
        voice="Kore",
        system_instruction="Be kind.",
        turns="marks" if marks else "model",
    )
    return Rig(LiveSession(make_client("key"), setup, lambda _event: None, name="showing"))


def sight(title: str, by: int = ADA) -> Sight:
    return Sight(title, title.encode(), by, "https://cdn/x", 1000, "image/png")


def clip(frames: int, sound_s: float = 0.0, question: str = "", by: int = ADA) -> Clip:
    pcm = b"\1" * round(sound_s * SECOND_BYTES)
    return Clip("film.mp4", tuple(b"%d" % number for number in range(frames)), pcm, by, question)


def texts(items: list[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Text)]


def jpegs(items: list[Item]) -> list[bytes]:
    return [item.jpeg for item in items if isinstance(item, Picture)]


# -- pictures


def test_a_picture_is_shown_at_once_with_who_shows_it() -> None:
    made = rig()
    made.showing.show([sight("cat.png")], 1.0)
    assert made.taken() == [
        Text(
            "[Ada shows you a picture, “cat.png”. Say nothing about it until somebody asks.]",
            answer=False,
            by=frozenset({ADA}),
        ),
        Picture(b"cat.png", frozenset({ADA})),
    ]
    assert made.told == [("noted", "looked at cat.png (from Ada)")]
    assert [each.title for each in made.showing.sights.pictures] == ["cat.png"]
    assert made.showing.deadline() is None


def test_several_pictures_are_told_of_once() -> None:
    made = rig()
    made.showing.show([sight(f"{number}.png") for number in range(5)], 1.0)
    items = made.taken()
    assert len(texts(items)) == 1 and "5 pictures, “0.png”, “1.png”" in texts(items)[0]
    assert len(jpegs(items)) == 5
    assert made.told == [("noted", "looked at 0.png, 1.png and 3 more (from Ada)")]
    assert [each.title for each in made.showing.sights.pictures] == [
        f"{number}.png" for number in (1, 2, 3, 4)
    ]


def test_a_fresh_session_is_shown_the_newest_before_what_waits() -> None:
    made = rig()
    made.showing.told(Ready(resumed=False), 1.0)
    made.showing.show([sight("old.png"), sight("new.png", BOB)], 0.0)
    made.showing.told(AnswerEnded(1.0), 1.0)
    made.taken()
    made.live.ask("What is it?")
    made.showing.told(Ready(resumed=False), 1.0)
    again = "[What Bob showed you before: a picture, “new.png”. This needs no answer.]"
    assert made.taken() == [
        Text(again, answer=False, by=frozenset({BOB})),
        Picture(b"new.png", frozenset({BOB})),
        Text("What is it?", answer=True),
    ]
    assert len(made.told) == 1, "people are not told of it twice"


def test_a_session_that_goes_on_knows_what_it_was_shown_before_its_last_turn() -> None:
    made = rig()
    made.showing.told(Ready(resumed=False), 1.0)
    made.showing.show([sight("old.png")], 0.0)
    made.showing.told(AnswerEnded(1.0), 1.0)
    made.showing.show([sight("a.png"), sight("b.png")], 2.0)
    made.taken()
    made.showing.told(Ready(resumed=True), 1.0)
    assert jpegs(made.taken()) == [b"a.png", b"b.png"], "no handle can be of after they came"
    made.showing.told(AnswerEnded(3.0), 1.0)
    made.showing.told(Ready(resumed=True), 1.0)
    assert made.taken() == []


def test_what_waits_to_be_sent_again_is_not_shown_twice() -> None:
    made = rig()
    made.showing.told(Ready(resumed=False), 1.0)
    made.showing.show([sight("a.png")], 0.0)
    made.taken()
    made.outbox.cut_off(1.0)
    made.outbox.rewind()
    made.showing.told(Ready(resumed=False), 1.0)
    assert jpegs(made.taken()) == [b"a.png"]


def test_what_the_model_refuses_is_given_up_and_said() -> None:
    made = rig()
    made.showing.told(Ready(resumed=False), 0.0)
    made.showing.show([sight("fine.png")], 0.0)
    made.taken()
    made.outbox.answered(by_marks=False)
    made.showing.told(AnswerEnded(0.5), 0.5)
    made.showing.show([sight("bad.png")], 1.0)
    made.taken()
    made.outbox.refuse_pictures()
    made.outbox.cut_off(2.0)
    made.outbox.rewind()
    made.showing.told(Ready(resumed=True), 2.0)
    items = made.taken()
    assert jpegs(items) == []
    assert texts(items)[-1].startswith("[What you were shown last could not be seen.")
    assert made.told[-1] == ("noted", "could not look at bad.png: Gemini does not take it")
    assert [each.title for each in made.showing.sights.pictures] == ["fine.png"]
    told = len(made.told)
    made.showing.told(Ready(resumed=False), 3.0)
    assert jpegs(made.taken()) == [b"fine.png"]
    assert len(made.told) == told, "it is said once"


# -- videos


def test_a_video_that_the_model_refuses_ends() -> None:
    made = rig()
    made.showing.told(Ready(resumed=False), 0.0)
    made.play(clip(9))
    made.feed(2)
    made.outbox.refuse_pictures()
    made.showing.told(Ready(resumed=True), 2.0)
    assert made.showing.deadline() is None and not made.showing.begin(3.0)
    assert made.told[-1] == ("noted", "could not look at film.mp4: Gemini does not take it")
    assert not made.outbox.activity_open


def test_a_video_is_one_turn() -> None:
    made = rig()
    made.play(clip(3, sound_s=2.5))
    now, (note, *turn) = made.feed(3)
    assert made.showing.poll(now) == Asked(None)
    turn += made.taken()
    assert isinstance(note, Text) and not note.answer
    assert note.text.startswith("[Ada plays you a video of 3 s, “film.mp4”: its sound, and a picture of each")
    assert note.text.endswith("At its end, say in a sentence or two what you saw and heard.]")
    second = Audio(b"\1" * SECOND_BYTES, 0.0, frozenset({ADA}), direct=False)
    half = Audio(b"\1" * (SECOND_BYTES // 2), 0.0, frozenset({ADA}), direct=False)
    shown = [Picture(b"%d" % number, frozenset({ADA})) for number in range(3)]
    assert turn == [ActivityStart(), shown[0], second, shown[1], second, shown[2], half, ActivityEnd()]
    assert made.told == [("noted", "watched film.mp4 (from Ada)"), ("began", "film.mp4"), ("over", 2.5)]
    assert made.showing.deadline() is None
    assert not made.showing.begin(now)


def test_a_question_about_it_is_who_asks() -> None:
    made = rig()
    made.play(clip(1, question="Who is that?"))
    now, items = made.feed(1)
    assert made.showing.poll(now) == Asked(ADA)
    (note,) = texts(items)
    assert note.endswith("At its end, answer aloud what Ada writes:]\nWho is that?")


def test_on_a_slow_line_and_while_there_is_none_it_stands_still() -> None:
    made = rig()
    made.play(clip(9, sound_s=9.0))
    now, items = made.feed(1)
    for _ in range(20):
        made.showing.poll(now)
        now += FEED_S
    assert made.live.backlog <= BACKLOG + 2
    while made.showing.poll(now) is None:
        items += made.taken()
        now += FEED_S
    assert jpegs(items) == [b"%d" % number for number in range(9)]


@pytest.mark.parametrize("marks", [True, False])
def test_who_speaks_interrupts_it_and_it_goes_on_later(marks: bool) -> None:
    made = rig(marks=marks)
    made.play(clip(5, sound_s=5.0, question="Why?"))
    now, _ = made.feed(2)
    assert made.showing.feeding
    made.showing.interrupted(now)
    assert made.showing.deadline() is None
    note, end = made.taken()
    assert isinstance(note, Text) and note.text.startswith("[The video stops here, and goes on")
    assert end == (ActivityEnd() if marks else TAIL)
    assert made.told[-1] == ("over", 2.0)
    made.showing.interrupted(now)
    assert made.taken() == [], "once"

    assert made.showing.begin(9.0)
    _, (note, *turn) = made.feed(3, 9.0)
    assert isinstance(note, Text)
    assert note.text.startswith("[The video “film.mp4” of Ada goes on from second 2. At its end, answer")
    assert note.text.endswith("]\nWhy?")
    assert jpegs(turn) == [b"2", b"3", b"4"]
    assert [told for told in made.told if told[0] == "noted"] == [("noted", "watched film.mp4 (from Ada)")]


def test_where_the_model_finds_turns_silence_follows_and_then_a_nudge() -> None:
    made = rig(marks=False)
    made.play(clip(1, sound_s=1.0))
    now, _ = made.feed(1)
    assert made.showing.poll(now) == Asked(None)
    assert made.taken() == [TAIL]
    assert made.showing.deadline() == now + NUDGE_S
    assert made.showing.poll(now + NUDGE_S - 0.1) is None
    assert made.taken() == []
    assert made.showing.poll(now + NUDGE_S) == Asked(None)
    told = "[The video “film.mp4” is over. Now say in a sentence or two what you saw and heard.]"
    assert made.taken() == [Text(told, answer=True, by=frozenset({ADA}))]
    assert made.showing.deadline() is None


def test_a_model_that_answers_by_itself_is_not_nudged() -> None:
    made = rig(marks=False)
    made.play(clip(1, sound_s=1.0))
    made.showing.poll(made.feed(1)[0])
    made.showing.answered()
    assert made.showing.deadline() is None


def test_a_silent_video_is_asked_about_at_once_where_the_model_finds_turns() -> None:
    made = rig(marks=False)
    made.play(clip(2, question="How many?"))
    assert made.showing.poll(made.feed(2)[0]) == Asked(ADA)
    (asked,) = made.taken()
    assert isinstance(asked, Text) and asked.answer and asked.text.endswith("Ada writes:]\nHow many?")
    assert made.showing.deadline() is None
    assert not [told for told in made.told if told[0] in ("began", "over")], "nobody's words come of it"


def test_hush_gives_up_all_videos() -> None:
    made = rig()
    made.play(clip(5))
    made.showing.sights.queue(clip(1, by=BOB))
    made.showing.hush(made.feed(2)[0])
    assert made.taken() == [
        Text("[The video stops here for good. Say nothing about it.]", answer=False),
        ActivityEnd(),
    ]
    assert not made.showing.begin(1.0)


def test_what_a_person_showed_is_forgotten_while_it_is_shown() -> None:
    made = rig()
    made.showing.told(Ready(resumed=False), 1.0)
    made.showing.show([sight("a.png")], 0.0)
    made.showing.show([sight("b.png", BOB)], 0.0)
    made.showing.sights.queue(clip(5))
    made.showing.sights.queue(clip(1, by=BOB))
    assert made.showing.begin(0.0)
    made.taken()
    made.showing.forget(ADA, made.feed(2)[0])
    assert texts(made.taken()) == ["[The video stops here for good. Say nothing about it.]"]
    assert [each.by for each in made.showing.sights.pictures] == [BOB]
    made.showing.told(Ready(resumed=True), 1.0)
    assert jpegs(made.taken()) == [b"b.png"]
    assert made.showing.begin(1.0), "Bob's is still to be watched"


def test_of_what_was_forgotten_nothing_is_asked() -> None:
    made = rig(marks=False)
    made.play(clip(1, sound_s=1.0))
    made.showing.poll(made.feed(1)[0])
    made.showing.forget(ADA, 1.0)
    assert made.showing.deadline() is None


def test_after_the_end_there_is_nothing() -> None:
    made = rig()
    made.showing.show([sight("a.png")], 0.0)
    made.play(clip(5))
    made.showing.close()
    assert made.showing.deadline() is None and not made.showing.sights.pictures
    assert not made.showing.begin(1.0)
