"""The transcript of a call as Markdown, as plain lines, and as times."""

from bot.media.subtitles import Cue, srt
from bot.text.transcripts import Said, document, plain, timed

NOON = 1_782_043_200.0  # 2026-06-21, 12:00 UTC
TALK = [
    Said(NOON + 65, "Earshot", "Both are * primes. I th—"),
    Said(NOON, "Ada", "Is 7 a prime,"),
    Said(NOON, "Ada", "and @everyone is 11?"),
    Said(NOON + 3700, "B*b", "# no heading"),
]


def test_a_document_has_its_head_and_each_speech_as_it_was_said() -> None:
    assert document(TALK, "Lounge") == (
        "# Call in Lounge\n\n"
        "- Date: 2026-06-21\n"
        "- Time: 12:00 to 13:01 UTC\n"
        "- Speakers: Ada, Earshot, B\\*b\n\n"
        "**[0:00] Ada:** Is 7 a prime, and @\u200beveryone is 11?\n\n"
        "**[1:05] Earshot:** Both are \\* primes. I th—\n\n"
        "**[1:01:40] B\\*b:** \\# no heading\n"
    )


def test_of_nothing_there_is_no_document() -> None:
    assert document([], "Lounge") == plain([]) == ""


def test_plain_lines_are_as_they_were_said() -> None:
    assert plain(TALK).splitlines()[0] == "[0:00] Ada: Is 7 a prime, and @everyone is 11?"
    assert plain([Said(0, "A\nB", "x\ny")]) == "[0:00] A B: x y", "nobody can pose as another line"


def test_times_end_when_the_next_speaks_or_when_so_much_was_said() -> None:
    said = [Said(10.0, "Ada", "x" * 60), Said(12.0, "Bob", "y" * 45), Said(60.0, "Ada", "z")]
    assert list(timed(said)) == [
        (0.0, 2.0, f"Ada: {'x' * 60}"),
        (2.0, 5.0, f"Bob: {'y' * 45}"),
        (50.0, 51.0, "Ada: z"),
    ]


def test_times_make_subtitles_that_do_not_overlap() -> None:
    said = [Said(0.0, "Ada", "One."), Said(0.1, "Bob", "Two."), Said(0.1, "Cy", "Three.")]
    assert srt(Cue(*each) for each in timed(said)).startswith(
        "1\r\n00:00:00,000 --> 00:00:00,700\r\nAda: One."
    )
