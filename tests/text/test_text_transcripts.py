"""The transcript of a call as Markdown, as plain lines, and as times."""

import pytest
from markdown_it import MarkdownIt

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


@pytest.mark.parametrize(
    "words",
    [
        "2 * 3 * 4, __init__ and `code`",
        "<b>bold</b> <script>alert(1)</script> &lt; &#35;",
        "![a](https://a.example) [b](https://b.example)",
        "- an item",
        "# a heading",
        "1. first",
        "> a quote",
        "it ends with \\",
    ],
)
def test_a_viewer_of_markdown_shows_names_in_bold_and_words_as_they_were_said(words: str) -> None:
    shown = MarkdownIt("commonmark").parse(document([Said(NOON, "<i>A_d_a", words)], "<b>Lounge"))
    inline = [token for token in shown if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children or []}
    assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, "no HTML, no links, no code"
    assert [token.type for token in shown][-3:] == ["paragraph_open", "inline", "paragraph_close"]
    last = "".join(child.content for child in inline[-1].children or [])
    assert last == f"[0:00] <i>A_d_a: {words}"


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
