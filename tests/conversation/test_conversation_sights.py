"""What was shown in a call: what of it is kept, and videos second by second."""

import pytest

from bot.conversation.sights import KEPT, MOST_CLIPS, SECOND_BYTES, Clip, ShowError, Sight, Sights, titled

ADA, BOB = 1, 2


def sight(number: int, by: int = ADA) -> Sight:
    return Sight(f"{number}.png", b"jpeg %d" % number, by, "https://cdn/1.png", 1000, "image/png")


def clip(frames: int, sound_s: float = 0.0, by: int = ADA) -> Clip:
    pcm = b"".join(bytes([second]) * SECOND_BYTES for second in range(60))[: round(sound_s * SECOND_BYTES)]
    return Clip("film.mp4", tuple(b"%d" % number for number in range(frames)), pcm, by)


def test_the_last_pictures_are_kept() -> None:
    sights = Sights()
    for number in range(KEPT + 3):
        sights.add(sight(number))
    assert [each.title for each in sights.pictures] == [f"{number}.png" for number in range(3, KEPT + 3)]


def test_a_video_is_taken_second_by_second() -> None:
    sights = Sights()
    sights.queue(clip(2, sound_s=2.5))
    reel = sights.next()
    assert reel is not None and sights.next() is None
    first, second, third = reel.next(), reel.next(), reel.next()
    assert first is not None and (first.jpeg, first.pcm) == (b"0", bytes(SECOND_BYTES))
    assert second is not None and (second.jpeg, second.pcm) == (b"1", b"\1" * SECOND_BYTES)
    assert third is not None and (third.jpeg, third.pcm) == (None, b"\2" * (SECOND_BYTES // 2))
    assert reel.next() is None and reel.next() is None
    assert clip(2, sound_s=2.5).seconds == 3


def test_one_that_was_broken_off_goes_on_before_the_others() -> None:
    sights = Sights()
    sights.queue(clip(3))
    sights.queue(clip(1, by=BOB))
    reel = sights.next()
    assert reel is not None and reel.next() is not None
    sights.put_back(reel)
    again = sights.next()
    assert again is not None and (again.clip.by, again.at) == (ADA, 1)
    other = sights.next()
    assert other is not None and other.clip.by == BOB


def test_only_so_many_videos_wait_and_none_is_longer_than_a_minute() -> None:
    sights = Sights()
    with pytest.raises(ShowError, match="up to 60 s"):
        sights.queue(clip(61))
    for _ in range(MOST_CLIPS):
        sights.queue(clip(60, sound_s=60.0))
    with pytest.raises(ShowError, match="2 videos left to watch"):
        sights.queue(clip(1))


def test_what_a_person_showed_can_be_forgotten() -> None:
    sights = Sights()
    sights.add(sight(1))
    sights.add(sight(2, BOB))
    sights.queue(clip(1))
    sights.queue(clip(2, by=BOB))
    sights.forget(ADA)
    assert [each.by for each in sights.pictures] == [BOB]
    reel = sights.next()
    assert reel is not None and reel.clip.by == BOB and sights.next() is None
    sights.add(sight(3))
    assert len(sights.pictures) == 2
    for number in range(KEPT):
        sights.add(sight(number))
    assert len(sights.pictures) == KEPT, "it is bounded as before"
    sights.clear()
    assert not sights.pictures


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("cat.png", "cat.png"),
        ("Żółw & friends_2.heic", "Żółw_&_friends_2.heic"),
        ("a].png\n[Bob is speaking now.", "a_.png_Bob_is_speaking_now."),
        ("“x” (y): {z} <@1>.png", "x_y_z_1_.png"),
        ("\u202egnp.exe\0", "gnp.exe"),
        ("\ufb01le.png", "file.png"),
        ("x" * 300, "x" * 39 + "…"),
        ("][", "file"),
    ],
)
def test_a_file_is_called_what_can_not_pose_as_a_note(name: str, title: str) -> None:
    assert titled(name) == title
