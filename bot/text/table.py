"""Tables, which Discord's Markdown has not: drawn with letters where they fit, else told row by row."""

import re
import unicodedata
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from bot.text.blocks import Block, Kind
from bot.text.escape import escaped
from bot.text.inline import discord_inline, plain_inline

# Columns of letters that a code block shows in one line, in a window of usual width.
WIDEST = 64

_CELL_END = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class _Cell:
    plain: str
    shown: str
    right: bool


def table_block(table: SyntaxTreeNode, source: list[str]) -> Block:
    """Return a table as a block; `source` is the Markdown that it was parsed from, by lines."""
    rows = [_row(row, source) for part in table.children for row in part.children]
    widths = [max(_width(row[column].plain) for row in rows) for column in range(len(rows[0]))]
    if sum(widths) + 2 * (len(widths) - 1) <= WIDEST:
        return Block(Kind.CODE, _drawn(rows, widths))
    return Block(Kind.LIST, _told(rows))


def _row(row: SyntaxTreeNode, source: list[str]) -> list[_Cell]:
    cells = [_cell(cell) for cell in row.children]
    if row.map is None:
        return cells
    # The parser drops what stands beyond the last column, such as after a | within code: it is kept here.
    line = source[row.map[0]].strip()
    pieces = _CELL_END.split(line[1:] if line.startswith("|") else line)
    beyond = " | ".join(piece.strip() for piece in pieces[len(cells) :] if piece.strip())
    if beyond:
        last = cells[-1]
        cells[-1] = _Cell(f"{last.plain} | {beyond}", f"{last.shown} | {escaped(beyond)}", last.right)
    return cells


def _cell(cell: SyntaxTreeNode) -> _Cell:
    nodes = [node for inline in cell.children for node in inline.children]
    return _Cell(
        plain=plain_inline(nodes),
        shown=" ".join(discord_inline(nodes).split()),
        right="right" in str(cell.attrs.get("style", "")),
    )


def _drawn(rows: list[list[_Cell]], widths: list[int]) -> str:
    lines = [_line(row, widths) for row in rows]
    rule = "  ".join("─" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(row: list[_Cell], widths: list[int]) -> str:
    padded = []
    for cell, width in zip(row, widths, strict=True):
        room = " " * (width - _width(cell.plain))
        padded.append(room + cell.plain if cell.right else cell.plain + room)
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Return how many columns text takes: wide letters take two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) != 0 for letter in text)


def _told(rows: list[list[_Cell]]) -> str:
    """Return each row as an item named by its first cell, the others below it, each named by its column."""
    heads = [cell.shown for cell in rows[0]]
    lines = [] if len(rows) > 1 else [" · ".join(head for head in heads if head)]
    for row in rows[1:]:
        lines.append(f"- {_named(heads[0], row[0].shown)}")
        lines += [
            f"  - {_named(head, cell.shown)}"
            for head, cell in zip(heads[1:], row[1:], strict=True)
            if cell.shown
        ]
    return "\n".join(lines)


def _named(name: str, value: str) -> str:
    return f"{name}: {value}" if name else value
