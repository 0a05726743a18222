"""Pages: each fits, nothing is lost, and no code block is left open."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.text.blocks import size
from bot.text.cut import cut_line
from bot.text.escape import ZERO_WIDTH
from bot.text.pages import PAGE_SIZE, paged

WORD = st.text("abcdefghijklmnopqrstuvwxyzäß桃😀", min_size=1, max_size=30)
PHRASE = st.lists(WORD, min_size=1, max_size=30).map(" ".join)
STYLED = st.tuples(st.sampled_from(["", "**", "*", "***", "~~", "`"]), PHRASE).map(
    lambda pair: f"{pair[0]}{pair[1]}{pair[0]}"
)
PARAGRAPH = st.lists(STYLED, min_size=1, max_size=8).map(". ".join)
ITEMS = st.lists(PARAGRAPH, min_size=1, max_size=6)
CODE = st.lists(st.text("abc ` {}", max_size=300), max_size=20).map(
    lambda lines: "\n".join(["`````py", *lines, "`````"])
)
PIECE = st.one_of(
    PARAGRAPH,
    PHRASE.map(lambda text: f"## {text}"),
    ITEMS.map(lambda items: "\n".join(f"- {item}" for item in items)),
    ITEMS.map(lambda items: "\n".join(f"{'  ' * depth}- {item}" for depth, item in enumerate(items))),
    PARAGRAPH.map(lambda text: f"> {text}"),
    st.lists(st.text("abcxyz ", max_size=20), min_size=2, max_size=2).map(
        lambda cells: f"| {cells[0]} | b |\n|---|---|\n| c | {cells[1]} |"
    ),
    CODE,
)
ANSWER = st.lists(PIECE, max_size=12).map("\n\n".join)
ANYTHING = st.text(st.sampled_from(list("ab *_~#>-+\n\t|`1.[]()!<@\\😀")), max_size=1_500)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]", text)


def fences(page: str) -> int:
    return len(re.findall(r"^```", page, re.MULTILINE))


def outside_code(page: str) -> str:
    return re.sub(r"```.*?```|`` .*? ``|`[^`]*`", "", page, flags=re.DOTALL)


@settings(max_examples=120, deadline=None)
@given(answer=ANSWER, limit=st.integers(200, 900))
def test_no_word_is_lost_and_every_page_fits(answer: str, limit: int) -> None:
    pages = paged(answer, limit)
    assert all(page.strip() and size(page) <= limit for page in pages)
    assert all(fences(page) % 2 == 0 for page in pages)
    # The language is told again where a code block goes on.
    assert words("".join(re.sub(r"^```py", "", page, flags=re.MULTILINE) for page in pages)) == words(
        answer.replace("`````py", "")
    )


@settings(max_examples=200, deadline=None)
@given(answer=ANYTHING, limit=st.integers(200, 400))
@example(answer="#" * 3 + " " + "a" * 900 + "\n\n" + "b " * 300, limit=200)
@example(answer="> " + "a" * 900, limit=200)
@example(answer="\\*" * 900, limit=201)
def test_whatever_is_written_every_page_fits(answer: str, limit: int) -> None:
    pages = paged(answer, limit)
    assert all(page.strip() and size(page) <= limit for page in pages)
    assert sum(fences(page) for page in pages) % 2 == 0
    for page in pages:
        assert not re.search(r"@everyone|@here|<@\d", outside_code(page))


def test_a_code_block_goes_on_with_its_language() -> None:
    lines = [f"line {number}" for number in range(100)]
    pages = paged("Look:\n\n```python\n" + "\n".join(lines) + "\n```\n\nDone.", 400)
    assert len(pages) > 1
    assert pages[0].startswith("Look:\n```python\nline 0\n")
    assert all(page.startswith("```python\nline ") for page in pages[1:])
    assert all(fences(page) == 2 for page in pages)
    assert pages[-1].endswith("line 99\n```\nDone.")
    assert re.findall(r"line \d+", "\n".join(pages)) == lines, "each line once and whole"


def test_pages_end_where_paragraphs_end() -> None:
    paragraph = "word " * 25
    pages = paged("\n\n".join([paragraph.strip()] * 9), 400)
    assert [page.count("\n\n") for page in pages] == [2, 2, 2]


def test_a_heading_stays_with_what_it_heads() -> None:
    pages = paged("word " * 60 + "\n\n# Title\n\n" + "text " * 60, 400)
    assert pages[1].startswith("## Title\ntext")
    assert "Title" not in pages[0]


def test_a_long_paragraph_is_cut_at_a_sentence() -> None:
    pages = paged("This is one sentence of some words. " * 40, 400)
    assert all(page.endswith("words.") and page.startswith("This") for page in pages)


def test_styles_are_closed_and_opened_again() -> None:
    head, tail = cut_line("**bold *both " + "word " * 20 + "end* end**", 40)
    assert head.startswith("**bold *both word")
    assert head.endswith("word***")
    assert tail.startswith("***word")
    assert tail.endswith("end* end**")


def test_a_cut_makes_no_item() -> None:
    head, tail = cut_line("a" * 30 + " - " + "b" * 30, 31)
    assert (head, tail) == ("a" * 30, "\\- " + "b" * 30)


def test_a_link_is_not_cut() -> None:
    link = "[some words here](https://x.example/abc)"
    head, tail = cut_line(f"before {link} after", 30)
    assert (head, tail) == ("before", f"{link} after")


def test_a_quote_goes_on_as_one() -> None:
    pages = paged("> " + "word " * 200, 300)
    assert all(page.startswith("> word") for page in pages)


def test_letters_are_counted_as_discord_may() -> None:
    assert size("a😀桃") == 4
    pages = paged("😀" * PAGE_SIZE)
    assert [size(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE]
    assert "".join(pages) == "😀" * PAGE_SIZE
    assert ZERO_WIDTH not in "".join(pages)
