"""The inside of a line: the parsed inline nodes of Markdown written again as Discord reads them."""

import re

from markdown_it.tree import SyntaxTreeNode

from bot.text.escape import code_span, escaped, unmentioned, web_address

_MARKERS = {"strong": "**", "em": "*", "s": "~~"}
_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)  # models write it into tables
_CODE = re.compile(r"((?<!\\)`` .*? ``|(?<![\\`])`[^`\n]+`)", re.DOTALL)  # as `code_span` writes it
_BRACKET = re.compile(r"(?<!\\)[\[\]]")
_ESCAPED = r"\\\g<0>"
_WEB = ("https://", "http://")


def discord_inline(nodes: list[SyntaxTreeNode], within: frozenset[str] = frozenset()) -> str:
    """Return inline nodes in Discord's Markdown; `within` names the styles that are open already."""
    # What stands apart in the Markdown may make a mention together: "@" before the link [everyone](x).
    text = _joined(nodes, within)
    return "".join(each if at % 2 else unmentioned(each) for at, each in enumerate(_CODE.split(text)))


def plain_inline(nodes: list[SyntaxTreeNode]) -> str:
    """Return what is read in inline nodes, unformatted, in one line: for within a code block."""
    return " ".join("".join(map(_plain, nodes)).split())


def _joined(nodes: list[SyntaxTreeNode], within: frozenset[str]) -> str:
    return "".join(_shown(node, within) for node in nodes)


def _shown(node: SyntaxTreeNode, within: frozenset[str]) -> str:
    match node.type:
        case "text":
            return escaped(_BREAK.sub("\n", node.content))
        case "softbreak" | "hardbreak":
            return "\n"
        case "code_inline":
            return code_span(node.content)
        case "link":
            return _link(node, within)
        case "strong" | "em" | "s" if node.type not in within:
            inner = _joined(node.children, within | {node.type})
            marker = _MARKERS[node.type]
            return f"{marker}{inner}{marker}" if inner.strip() else inner
    # Of a picture, the words that stand for it: its address would be fetched from wherever it points.
    return _joined(node.children, within)


def _link(node: SyntaxTreeNode, within: frozenset[str]) -> str:
    target = str(node.attrs.get("href", ""))
    text = _joined(node.children, within).replace("\n", " ").strip()
    seen = plain_inline(node.children)
    if not target.startswith(_WEB):
        target = target.removeprefix("mailto:")
        return text if target in ("", seen) else f"{text} ({escaped(target)})"
    if not text or seen == target:
        return web_address(target)
    # Discord makes no link of words that look like an address themselves.
    if any(scheme in seen for scheme in _WEB):
        return f"{text} {web_address(target)}"
    return f"[{_BRACKET.sub(_ESCAPED, text)}]({web_address(target)})"


def _plain(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text" | "code_inline":
            return _BREAK.sub(" ", node.content)
        case "softbreak" | "hardbreak":
            return " "
        case "link":
            target = str(node.attrs.get("href", ""))
            text = plain_inline(node.children)
            return target if text in ("", target) else f"{text} ({target})"
    return "".join(map(_plain, node.children))
