"""A model's Markdown, as Discord can show it.

Parsed as CommonMark with tables and strike-through, then written again in what Discord understands, so that
nothing is left to how Discord reads what the model wrote: https://support.discord.com/hc/articles/210298617
"""

import re

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from bot.text.blocks import Block, Kind
from bot.text.escape import escaped, escaped_lines
from bot.text.inline import discord_inline
from bot.text.table import table_block

# Deeper nesting than this would be left out by the parser; Python's own limit comes first, and is caught.
_NESTING = 100_000
# Definitions of links would vanish from what people see, and models number their sources in that form.
_PARSER = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": _NESTING})
    .enable(["table", "strikethrough"])
    .disable("reference")
)
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,20}")
_LINE_END = re.compile(r"\r\n?")
_RULE = "─" * 12
_LARGEST = 2  # levels of headings that stay headings: Discord's largest is too loud within an answer


def blocks_of(markdown: str) -> list[Block]:
    """Return what a model wrote as blocks in Discord's Markdown, without mentions and pictures."""
    markdown = _LINE_END.sub("\n", markdown)  # as the parser does, whose lines are counted in tables
    try:
        writer = _Writer(markdown)
        writer.write(SyntaxTreeNode(_PARSER.parse(markdown)).children)
    except RecursionError:
        return [Block(Kind.PROSE, escaped_lines(escaped(markdown.strip())))]
    return writer.blocks


class _Writer:
    """Walks a parsed answer and collects its blocks."""

    def __init__(self, markdown: str) -> None:
        self.blocks: list[Block] = []
        self._source = markdown.split("\n")
        self._lines: list[str] = []
        self._quoted = False
        self._indent = ""
        self._marker = ""

    def write(self, nodes: list[SyntaxTreeNode]) -> None:
        """Add blocks that stand beside each other."""
        for node in nodes:
            self._write(node)
            if not self._indent and not self._quoted:
                self._flush(Kind.PROSE)

    def _write(self, node: SyntaxTreeNode) -> None:
        match node.type:
            case "heading":
                self._heading(node)
            case "paragraph":
                self._say(escaped_lines(_inline(node)))
            case "bullet_list" | "ordered_list":
                self._list(node)
            case "blockquote":
                self._quote(node)
            case "fence" | "code_block":
                self._code(node)
            case "table":
                self._add(table_block(node, self._source))
            case "hr":
                self._say(_RULE)

    def _heading(self, node: SyntaxTreeNode) -> None:
        level = int(node.tag[1:])
        text = " ".join(_inline(node, bold=level > _LARGEST).split())
        if not text:
            return
        shown = f"{'#' * (level + 1)} {text}" if level <= _LARGEST else f"**{text}**"
        if self._indent or self._quoted:
            self._say(shown)
        else:
            self._add(Block(Kind.HEADING, shown))

    def _list(self, node: SyntaxTreeNode) -> None:
        outer = self._indent
        for item in node.children:
            marker = f"{item.info}. " if node.type == "ordered_list" else "- "
            self._marker, self._indent = f"{outer}{marker}", outer + " " * len(marker)
            for child in item.children:
                self._write(child)
            if self._marker:  # an item without words
                self._say("")
        self._indent = outer
        if not outer:
            self._flush(Kind.LIST)

    def _quote(self, node: SyntaxTreeNode) -> None:
        """Quote, once: Discord does not nest quotes."""
        outer, self._quoted = self._quoted, True
        for number, child in enumerate(node.children):
            if number:
                self._say("")
            self._write(child)
        self._quoted = outer
        if not self._quoted and not self._indent:
            self._flush(Kind.PROSE)

    def _code(self, node: SyntaxTreeNode) -> None:
        language = _LANGUAGE.match(node.info.strip()) if node.type == "fence" else None
        self._add(Block(Kind.CODE, node.content.rstrip("\n"), language.group() if language else ""))

    def _say(self, text: str) -> None:
        """Add lines where the walk is: within items and quotes."""
        for line in text.split("\n"):
            quoted = "> " if self._quoted else ""
            self._lines.append(f"{quoted}{self._marker or self._indent}{line}")
            self._marker = ""

    def _add(self, block: Block) -> None:
        """Add a block that can't stand within an item or quote, and so interrupts it."""
        if self._marker:
            self._say("")
        self._flush(Kind.LIST if self._indent else Kind.PROSE)
        self.blocks.append(block)

    def _flush(self, kind: Kind) -> None:
        text = "\n".join(self._lines).rstrip().lstrip("\n")
        if text:
            self.blocks.append(Block(kind, text))
        self._lines = []


def _inline(node: SyntaxTreeNode, *, bold: bool = False) -> str:
    within = frozenset({"strong"}) if bold else frozenset()
    return "".join(discord_inline(inline.children, within) for inline in node.children)
