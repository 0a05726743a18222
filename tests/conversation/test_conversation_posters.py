"""What one person shows of another's: the model and the captions name both, and either can take it back."""

from dataclasses import replace

from test_conversation_showing import ADA, BOB, Rig, clip, jpegs, rig, sight, texts
from test_conversation_showing_late import stays_late

from bot.conversation.names import Names
from bot.conversation.overload import PICTURES_S, STILL_S
from bot.conversation.sayings import Sayings
from bot.conversation.sights import Clip, Poster, Sight
from bot.live.events import AnswerEnded, Ready
from bot.live.items import Audio

EVE = Poster(3, "Eve")


def eves(title: str) -> Sight:
    return replace(sight(title), poster=EVE)


def eves_film(sound_s: float = 2.0) -> Clip:
    return replace(clip(2, sound_s=sound_s), poster=EVE)


def test_who_posted_a_picture_is_told() -> None:
    made = rig()
    made.showing.show([eves("cat.png"), eves("dog.png")], 1.0)
    shown = "[Ada shows you 2 pictures, “cat.png”, “dog.png”, which Eve posted. Say nothing about it until"
    assert texts(made.taken())[0].startswith(shown)
    assert made.told == [("noted", "looked at cat.png and dog.png (from Eve, shown by Ada)")]


def test_who_posted_it_is_told_a_new_connection() -> None:
    made = rig()
    made.showing.told(Ready(resumed=False), 0.0)
    made.showing.show([eves("cat.png")], 0.0)
    made.showing.told(AnswerEnded(1.0), 1.0)
    made.taken()
    made.showing.told(Ready(resumed=False), 2.0)
    again = "[What Ada showed you before: a picture, “cat.png”, which Eve posted. This needs no answer.]"
    assert texts(made.taken()) == [again]


def test_who_posted_a_video_is_told() -> None:
    made = rig()
    made.play(eves_film())
    (note,) = texts(made.taken())
    assert note.startswith("[Ada plays you a video of 2 s, “film.mp4”, which Eve posted: its sound, and")
    assert made.told[0] == ("noted", "watched film.mp4 (from Eve, shown by Ada)")


def waiting() -> Rig:
    """Have two pictures wait to be sent: one of Eve's, and one of Bob's."""
    made = rig()
    made.showing.told(Ready(resumed=False), 0.0)
    made.showing.show([eves("eve.png")], 0.0)
    made.showing.show([sight("bob.png", BOB)], 0.0)
    return made


def test_either_takes_back_what_waits_to_be_sent() -> None:
    for user_id in (ADA, EVE.user_id):
        made = waiting()
        made.live.forget(user_id)
        made.showing.forget(user_id, 0.0)
        items = made.taken()
        assert jpegs(items) == [b"bob.png"]
        assert [text.partition(". ")[0] for text in texts(items)] == ["[Bob shows you a picture, “bob.png”"]
        assert [each.title for each in made.showing.sights.pictures] == ["bob.png"]
        made.showing.told(Ready(resumed=True), 1.0)
        assert jpegs(made.taken()) == [b"bob.png"], "nor is it shown again"


def test_either_takes_back_what_a_new_connection_is_to_be_shown_again() -> None:
    for user_id in (ADA, EVE.user_id):
        made = rig()
        made.showing.told(Ready(resumed=False), 0.0)
        made.showing.show([eves("eve.png")], 0.0)
        made.taken()
        made.showing.told(Ready(resumed=False), 1.0)
        made.live.forget(user_id)
        assert made.taken() == []


def test_either_takes_back_a_written_question_about_a_video() -> None:
    for user_id in (ADA, EVE.user_id):
        made = rig(marks=False)
        made.play(replace(eves_film(), question="Who is she?"))
        made.live.forget(user_id)
        assert texts(made.taken()) == []
        made.showing._ask(replace(eves_film(), question="Who is she?"))
        assert "Who is she?" in texts(made.taken())[0]
        made.live.forget(user_id)
        made.outbox.cut_off(0.0)
        made.outbox.rewind()
        assert made.taken() == []


def test_either_takes_back_what_waits_for_time() -> None:
    for user_id in (ADA, EVE.user_id):
        made = rig()
        stays_late(made, 0.0, STILL_S)
        made.showing.show([eves("eve.png")], STILL_S)
        made.showing.show([sight("bob.png", BOB)], STILL_S)
        made.showing.forget(user_id, STILL_S)
        made.showing.poll(STILL_S + PICTURES_S)
        assert jpegs(made.taken()) == [b"bob.png"]


def test_either_stops_a_video_and_the_sound_that_waits() -> None:
    for user_id in (ADA, EVE.user_id):
        made = rig()
        made.play(eves_film())
        made.showing.poll(0.0)
        made.live.forget(user_id)
        made.showing.forget(user_id, 0.1)
        items = made.taken()
        assert jpegs(items) == [] and not [item for item in items if isinstance(item, Audio)]
        assert texts(items)[-1] == "[The video stops here for good. Say nothing about it.]"
        made.showing.sights.queue(eves_film())
        made.showing.forget(user_id, 0.2)
        assert not made.showing.begin(0.3), "nor does one that waits begin"


def test_either_stops_the_question_about_a_video() -> None:
    for user_id in (ADA, EVE.user_id):
        made = rig(marks=False)
        made.play(eves_film(1.0))
        made.showing.poll(made.feed(2)[0])
        assert made.showing.deadline() is not None
        made.showing.forget(user_id, 1.0)
        assert made.showing.deadline() is None


def test_a_question_goes_with_what_it_is_about() -> None:
    for user_id in (ADA, EVE.user_id):
        sayings = Sayings()
        sayings.ask("What is it?", ADA, eves("cat.png").people)
        sayings.ask("And this?", BOB)
        sayings.forget(user_id)
        words = sayings.next()
        assert words is not None and words.asker == BOB
        assert sayings.next() is None


def test_who_is_not_here_is_never_called_as_one_who_is() -> None:
    names = Names()
    assert names.guest("Ada") == "Ada"
    assert names.label(ADA, "Ada") == "Ada"
    assert names.guest("ada]") == "ada 2"
    assert names.label(BOB, "Ada 2") == "Ada 2", "no name is kept for who is not here"
