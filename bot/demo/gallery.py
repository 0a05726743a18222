"""The demo's third scene: a person has the bot look at a photo, find things in it, and watch a film."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.demo.speech import MEDIA
from bot.demo.stage import Stage
from bot.demo.watch import Tell
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import EmulatedUser, Message, Upload, walk

PHOTO, FILM = "photo-coffee.png", "video-bunny.mp4"  # whose they are: see tests/media/README.md
ANSWER_S = 90.0  # of which the real Gemini may take most for a film

_SMALL_PRINT = re.compile(r"^-# (.*)$", re.MULTILINE)
_STAND_IN = (
    "On loopback the model is a stand-in that understands nothing: it answers with what it measured in the "
    "bytes that it was sent. With `--gemini real` the real one answers."
)


@dataclass(frozen=True)
class Exhibit:
    """A command, and what came of it."""

    command: str
    answer: str
    """What could be read, in Discord's Markdown."""
    files: tuple[tuple[str, bytes], ...]
    """Names, as they stand in the folder of results, and contents."""

    @property
    def pictures(self) -> int:
        """How many of the files are pictures."""
        return sum(name.endswith((".png", ".jpg")) for name, _ in self.files)


async def show(stage: Stage, person: EmulatedUser, tell: Tell) -> list[Exhibit]:
    """Run the commands, one after the other. Raises what the stage's Discord raises where one fails."""
    photo, film = (Upload(name, (MEDIA / name).read_bytes()) for name in (PHOTO, FILM))
    commands: Sequence[tuple[str, dict[str, object]]] = (
        ("describe", {"image1": photo}),
        ("find", {"image": photo, "what": "what lies on the table"}),
        ("summarize", {"video": film, "style": "chapters"}),
    )
    exhibits = []
    for name, options in commands:
        shown = " ".join(
            f"{option}: {value.filename if isinstance(value, Upload) else value}"
            for option, value in options.items()
        )
        tell(f"{person.name} runs /{name} {shown}")
        asked = stage.discord.world.run_command(person.id, stage.discord.world.text.id, name, options)
        answer = await _ended(asked)
        exhibit = Exhibit(f"/{name} {shown}", answer.text, _files(name, answer))
        tell(f"Earshot: {_first_line(answer.text)}")
        exhibits.append(exhibit)
    return exhibits


def as_markdown(exhibits: Sequence[Exhibit]) -> str:
    """Return the commands and their answers as a page, with the pictures in it."""
    lines = ["# What Earshot was shown", "", _STAND_IN, ""]
    for exhibit in exhibits:
        lines += [f"## `{exhibit.command}`", "", as_paragraphs(exhibit.answer), ""]
        for name, _ in exhibit.files:
            link = f"[{name}]({name})"
            lines += [f"!{link}" if name.endswith((".png", ".jpg")) else link, ""]
    return "\n".join(lines)


def as_paragraphs(text: str) -> str:
    """Return Discord's Markdown with its small print in paragraphs of its own, in italics."""
    return _SMALL_PRINT.sub(r"\n*\1*\n", text).strip()


async def _ended(asked: Interaction) -> Message:
    """Return the message of an answer that has ended: it can't be cancelled any more."""
    await asked.wait_for(lambda it: it.answer is not None and "Cancel" not in _labels(it.answer), ANSWER_S)
    return await asked.response()


def _labels(message: Message) -> set[str]:
    return {str(part["label"]) for part in walk(message.components) if part.get("label")}


def _files(command: str, answer: Message) -> tuple[tuple[str, bytes], ...]:
    return tuple((f"{command}-{file.filename}", file.data) for file in answer.attachments)


def _first_line(text: str) -> str:
    """Return the first line of an answer that is not in small print."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("-# ")]
    return lines[0] if lines else "(nothing to read)"
