"""What models write: JSON by our schemas, as it grows and when it is whole, and Markdown; and people's names.

What is shown of it must fit into Discord's messages, mention nobody, and hold no way out of where it stands.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from fuzz_engine import Broken, Target
from fuzz_inputs import rubbish, warped

from bot.media.errors import LONGEST_NAME, MediaError, shown
from bot.media.fit import Fitted
from bot.media.growing import Growing
from bot.media.sniff import Kind
from bot.media.task import Task
from bot.media.tasks.captions import Captions
from bot.media.tasks.chapters import Chapters
from bot.media.tasks.compare import Compare
from bot.media.tasks.extract import Extract
from bot.media.tasks.find import Find
from bot.media.tasks.inspect import Inspect
from bot.media.tasks.minutes import Minutes
from bot.media.tasks.transcribe import Transcribe
from bot.media.tasks.youtube import YouTube
from bot.text.blocks import size
from bot.text.escape import escaped, one_line
from bot.text.pages import PAGE_SIZE, paged
from bot.text.transcripts import Said, document, plain, timed

CAT = Path(__file__).parents[1] / "media" / "photo-cat.png"
PICTURE = Fitted(CAT, "cat.png", "image/png", 1, "00", Kind.PICTURE, width=640, height=480)
FILM = Fitted(None, "film.mp4", "video/mp4", 1, "00", Kind.RECORDING, duration_s=60.0)
SPEECH = Fitted(None, "talk.wav", "audio/wav", 1, "00", Kind.RECORDING, duration_s=60.0)

_OWN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
    },
}
_WORDS = (
    "Hello", "@everyone", "<@1234>", "<@&55>", "<#7>", "</ask:1>", "<id:home>", "`", "```", "``` js\n",
    "**", "_", "~~", "||", "> ", "# ", "-# ", "- ", "1. ", "    ", "\n", "\n\n",
    "| a | b |\n| - | - |\n", "[x](", ")",
    "https://example.com/@everyone", "javascript:alert(1)", "\\", "<br>", "\u202e", "\u200b", "😀", "漢字",
    "![a](https://x)", "&amp;", "\0", "\r", "[a]: http://b", "***", "http://", "<https://x>",
    "<", "@", "here",
)  # fmt: skip
# What Discord would take for a mention, outside of code.
MENTION = re.compile(r"@(?:everyone|here)|<@[!&]?\d|<#\d|</[^>\n]{1,100}:\d|<id:")


def instance(schema: Mapping[str, Any], dice: Random, depth: int = 0) -> Any:
    """Return a value that a schema allows, more or less."""
    if "enum" in schema:
        return dice.choice(schema["enum"])
    if options := schema.get("anyOf"):
        return instance(dice.choice(options), dice, depth)
    kind = schema.get("type")
    match dice.choice(kind) if isinstance(kind, list) else kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: instance(each, dice, depth + 1) for name, each in properties.items()}
        case "array":
            count = schema.get("minItems") or dice.choice((0, 1, 2, 4 if depth < 3 else 1))
            return [instance(schema.get("items", {}), dice, depth + 1) for _ in range(count)]
        case "integer":
            return dice.randrange(1_001)
        case "number":
            return dice.choice((dice.randrange(60), round(dice.uniform(-5, 70), 2)))
        case "boolean":
            return dice.random() < 0.5
        case "null":
            return None
    return written(dice, 4)


def written(dice: Random, most: int) -> str:
    """Return text with all that means something to Markdown or to Discord."""
    glue = dice.choice(("", "", " ", "\n"))
    return glue.join(dice.choice(_WORDS) for _ in range(dice.randrange(most + 1)))


class ModelJson(Target):
    """Answers by a schema, cut off anywhere or whole, right or wrong."""

    name = "models' JSON"
    batch = 100

    def __init__(self, dice: Random) -> None:
        super().__init__(dice)
        self._counts: Counter[str] = Counter()
        said = "[0:05] Ada: Hello.\n[0:09] Ben: Hi."
        self._tasks: list[tuple[Task, tuple[Fitted, ...]]] = [
            (Captions(), (FILM,)),
            (Chapters(), (FILM,)),
            (YouTube(), (FILM,)),
            (Transcribe(), (SPEECH,)),
            (Transcribe(translate="German"), (SPEECH,)),
            (Minutes(said), ()),
            (Find("cats"), (PICTURE,)),
            (Find("cats", in_space=True), (PICTURE,)),
            (Inspect(), (PICTURE, FILM)),
            (Compare(), (PICTURE, PICTURE)),
            (Extract("own", _OWN), (PICTURE,)),
        ]

    def run(self, count: int) -> None:
        """Show so many answers."""
        for _ in range(count):
            task, files = self.dice.choice(self._tasks)
            value = instance(task.schema or {}, self.dice)
            for _ in range(self.dice.choice((0, 1, 1, 2, 4))):
                value = warped(value, self.dice)
            text = json.dumps(value, ensure_ascii=self.dice.random() < 0.5)
            text = text.encode("utf-8", "replace").decode()  # the SDK lets no half of a character pass
            whole = self.dice.random() < 0.5
            if not whole:
                text = text[: self.dice.randrange(len(text) + 1)]
            self.last = text.encode()
            self._show(Growing(task, files), task, files, text, whole=whole)

    def _show(
        self, growing: Growing, task: Task, files: tuple[Fitted, ...], text: str, *, whole: bool
    ) -> None:
        growing.add(text)
        check_pages(paged(growing.render()), PAGE_SIZE)
        self._counts["shown"] += 1
        if not whole:
            return
        try:
            problems = growing.problems()
        except MediaError:
            self._counts["refused"] += 1
            return
        if problems:
            self._counts["sent back"] += 1
        drawn = bool(files) and files[0].is_picture
        # What was sent back twice is made all the same; drawing takes a tenth of a second.
        if (value := growing.partial()) is not None and (not drawn or self.dice.random() < 0.01):
            made = task.make(value, files, threading.Event())
            self._counts["files"] += len(made)

    def tally(self) -> Mapping[str, int]:
        """Return what became of the answers."""
        return self._counts


class Words(Target):
    """Markdown, names of files and people, and transcripts."""

    name = "Markdown and names"
    batch = 200

    def run(self, count: int) -> None:
        """Show so many texts."""
        for _ in range(count):
            text = written(self.dice, 80) if self.dice.random() < 0.97 else self._long()
            self.last = text.encode("utf-8", "surrogatepass")
            limit = self.dice.choice((200, 700, PAGE_SIZE))
            check_pages(paged(text, limit), limit)
            self._check_plain(text)

    def _long(self) -> str:
        if self.dice.random() < 0.3:
            return rubbish(self.dice, 4_000).decode("latin-1")
        return self.dice.choice(_WORDS) * self.dice.randrange(300)

    def _check_plain(self, text: str) -> None:
        for made in (escaped(text), one_line(text, 80)):
            check_mentions(made)
        name = shown(text)
        if len(name) > LONGEST_NAME or not name.isprintable() or MENTION.search(name):
            raise Broken(f"a file's name is shown as {name!r}")
        said = [Said(float(at), written(self.dice, 2) or "Ada", text[:500]) for at in range(3)]
        check_mentions(document(said, written(self.dice, 3)))
        if len(plain(said).splitlines()) != 3 and text.isprintable():
            raise Broken("a speaker makes lines of his own")
        list(timed(said))


def check_pages(pages: list[str], limit: int) -> None:
    """Raise Broken where a page does not fit into a message, or mentions somebody."""
    for page in pages:
        if not page.strip() or size(page) > limit:
            raise Broken(f"a page of {size(page)}")
        if "`" not in page:
            check_mentions(page)


def check_mentions(text: str) -> None:
    """Raise Broken where text mentions somebody."""
    if found := MENTION.search(text):
        raise Broken(f"{found.group()!r} is left in {text[max(0, found.start() - 60) : found.end() + 60]!r}")
