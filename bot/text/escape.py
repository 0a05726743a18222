"""Plain text that must look like itself on Discord: nothing formats by accident, nobody is mentioned."""

import re

ZERO_WIDTH = "\u200b"

# Left alone: a backslash within a bare link would become part of it.
_URL = re.compile(r"https?://[^\s<]+")
_SPECIAL = re.compile(r"[\\*_~`]|\|(?=\|)|(?<=\|)\||\](?=\()")
# @everyone, @here; and what <...> means to Discord: people, roles, channels, commands, places of a server.
# https://discord.com/developers/docs/reference#message-formatting
_EVERYONE = re.compile(r"@(?=everyone|here)")
_REFERENCE = re.compile(r"<(?=@[!&]?\d|#\d|/[^>\n]{1,100}:\d|id:)")
# A heading, small print, an item or a quote, where a line begins so.
_OPENING = re.compile(r"^(\s*)(#{1,3}\s|-#\s|[-+]\s|>)", re.MULTILINE)
_NUMBER = re.compile(r"^(\s*\d+)\.(?=\s)", re.MULTILINE)


def escaped(text: str) -> str:
    """Return text that Discord shows as it is; where lines begin is the concern of `escaped_lines`."""
    pieces, end = [], 0
    for url in _URL.finditer(text):
        pieces += [_SPECIAL.sub(r"\\\g<0>", text[end : url.start()]), url.group()]
        end = url.end()
    pieces.append(_SPECIAL.sub(r"\\\g<0>", text[end:]))
    return unmentioned("".join(pieces))


def escaped_lines(text: str) -> str:
    """Keep the lines of a paragraph from becoming headings, items or quotes."""
    return _NUMBER.sub(r"\1\\.", _OPENING.sub(r"\1\\\2", text))


def unmentioned(text: str) -> str:
    """Break what Discord would show as a mention, by a character without width."""
    text = _EVERYONE.sub(f"@{ZERO_WIDTH}", text)
    return _REFERENCE.sub(f"<{ZERO_WIDTH}", text)


def web_address(target: str) -> str:
    """Return an address without what would end a link early, or mention somebody."""
    return _EVERYONE.sub("%40", target.replace("(", "%28").replace(")", "%29"))


def one_line(text: str, limit: int) -> str:
    """Return somebody's text for within a line: safe, without line breaks, `limit` characters of it."""
    text = " ".join(text.split())
    return escaped(text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…")


def unfenced(code: str) -> str:
    """Return code that can stand between fences: one within would end it."""
    return code.replace("```", f"`{ZERO_WIDTH}`{ZERO_WIDTH}`")


def code_span(code: str) -> str:
    """Return code within a line, whatever backticks it has itself."""
    code = " ".join(code.split("\n"))
    if "`" not in code:
        return f"`{code}`"
    return f"`` {re.sub('`(?=`)', f'`{ZERO_WIDTH}', code)} ``"
