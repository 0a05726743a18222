"""What models write, as Discord shows it."""

import pytest

from bot.text.blocks import Kind
from bot.text.escape import ZERO_WIDTH, one_line
from bot.text.markdown import blocks_of
from bot.text.pages import paged


def shown(markdown: str) -> str:
    """Return a short answer as its one page."""
    (page,) = paged(markdown)
    return page


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("# One", "## One"),
        ("Two\n---", "### Two"),
        ("### Three", "**Three**"),
        ("#### **Four** and *four*", "**Four and *four***"),
        ("#hash", "#hash"),
        ("a **b** _c_ __d__ ~~e~~", "a **b** *c* **d** ~~e~~"),
        ("**a **b** c**", "**a b c**"),
        ("2 * 3 * 4 = 24", r"2 \* 3 \* 4 = 24"),
        ("snake_case_name", r"snake\_case\_name"),
        (r"\# no heading", r"\# no heading"),
        ("-# no small print", r"\-# no small print"),
        ("in\n1990. and", "in\n1990\\. and"),
        ("a || b | c", r"a \|\| b | c"),
        ("`a_b` and ``a`b``", "`a_b` and `` a`b ``"),
        ("* a\n* b\n    1. c\n    2. d\n\n+ e", "- a\n- b\n  1. c\n  2. d\n\n- e"),
        ("7) a\n8) b", "7. a\n8. b"),
        ("- a\n\n  more", "- a\n  more"),
        ("Text:\n- a", "Text:\n- a"),
        ("> a\n> > b\n\nc", "> a\n> \n> b\n\nc"),
        ("- a\n  > b", "- a\n>   b"),
        ("a\n\n---\n\nb", f"a\n\n{'─' * 12}\n\nb"),
        ("one  \ntwo", "one\ntwo"),
        ("one<br>two", "one\ntwo"),
        ("<b>x</b> &lt; &amp;", "<b>x</b> < &"),
        ("![A cat](https://x.example/cat.png) sits", "A cat sits"),
        ("[1]: https://x.example/a_b", "[1]: https://x.example/a_b"),
    ],
)
def test_what_is_written_and_shown(written: str, expected: str) -> None:
    assert shown(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[the *page*](https://x.example/a_(b))", "[the *page*](https://x.example/a_%28b%29)"),
        ("<https://x.example/?a=1&b=2>", "https://x.example/?a=1&b=2"),
        ("see https://x.example/a_b_c.", "see https://x.example/a_b_c."),
        ("[https://bank.example](https://x.example)", "https://bank.example https://x.example"),
        ("[run](javascript:alert(1))", r"[run\](javascript:alert(1))"),
        ("[here](/local)", "here (/local)"),
        ("<me@x.example>", "me@x.example"),
        ("[a [b]](https://x.example)", r"[a \[b\]](https://x.example)"),
        ("[](https://x.example)", "https://x.example"),
    ],
)
def test_links_are_kept_where_they_are_honest(written: str, expected: str) -> None:
    assert shown(written) == expected


@pytest.mark.parametrize(
    "mention",
    ["@everyone", "@here", "<@123>", "<@!123>", "<@&123>", "<#123>", "</join:123>"],
)
def test_nobody_is_mentioned(mention: str) -> None:
    for written in (mention, f"# {mention}", f"- **{mention}**", f"[{mention}](https://x.example)"):
        page = shown(written)
        assert mention not in page
        assert mention in page.replace(ZERO_WIDTH, ""), "it is still to be read"
    assert mention in shown(f"`{mention}`"), "code mentions nobody, and is copied"


def test_no_link_mentions_everyone() -> None:
    assert shown("<id:customize>") == "id:customize"
    assert shown("[a](https://x.example/@everyone)") == "[a](https://x.example/%40everyone)"


def test_code_is_kept_to_the_letter() -> None:
    code = "def f(a_b):\n    return '*' * a_b  # <@1> @here\n\n\tif"
    assert shown(f"```python title=x\n{code}\n```") == f"```python\n{code}\n```"
    assert shown("    indented\n    code") == "```\nindented\ncode\n```"


def test_code_interrupts_a_list() -> None:
    blocks = blocks_of("1. first\n   ```sh\n   ls\n   ```\n   then\n2. second")
    assert [(block.kind, block.text) for block in blocks] == [
        (Kind.LIST, "1. first"),
        (Kind.CODE, "ls"),
        (Kind.LIST, "   then\n2. second"),
    ]


def test_a_fence_within_code_does_not_end_it() -> None:
    page = shown("````md\n```py\nx\n```\n````")
    assert page.count("```") == 2
    assert page.replace(ZERO_WIDTH, "") == "```md\n```py\nx\n```\n```"


def test_an_unfinished_fence_is_closed() -> None:
    assert shown("```py\nx = 1") == "```py\nx = 1\n```"


def test_a_table_is_drawn_where_it_fits() -> None:
    written = "| Fruit | Price |\n|---|--:|\n| **Äpfel** | 1.20 |\n| 桃 | [9](https://x.example) |"
    assert shown(written) == (
        "```\n"
        "Fruit                  Price\n"
        "─────  ─────────────────────\n"
        "Äpfel                   1.20\n"
        "桃     9 (https://x.example)\n"
        "```"
    )


def test_a_wide_table_is_told() -> None:
    written = f"| Name | About |\n|---|---|\n| **a** | {'long ' * 20}|\n| b | |"
    assert shown(written) == f"- Name: **a**\n  - About: {'long ' * 20}".rstrip() + "\n- Name: b"


def test_what_stands_beyond_a_tables_columns_is_kept() -> None:
    assert "x | y | z" in shown("| a |\n|---|\n| x | y | z |")


def test_nesting_without_end_is_shown_as_it_is() -> None:
    page = "".join(paged("> " * 3_000 + "deep"))
    assert page.endswith("deep")


def test_nothing_is_no_page() -> None:
    assert paged("") == []
    assert paged(" \n\n# \n\n&nbsp;") == []


def test_one_line_of_somebodys_text() -> None:
    assert one_line("a\n*b*  @everyone", 100) == f"a \\*b\\* @{ZERO_WIDTH}everyone"
    assert one_line("abcdef", 4) == "abc…"
