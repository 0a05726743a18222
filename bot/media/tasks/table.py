"""All kinds of tasks, by the names under which they are kept."""

import json
from dataclasses import asdict
from typing import Any

from bot.media.task import Task
from bot.media.tasks.ask import Ask
from bot.media.tasks.captions import Captions
from bot.media.tasks.chapters import Chapters
from bot.media.tasks.compare import Compare
from bot.media.tasks.describe import Describe
from bot.media.tasks.extract import Extract
from bot.media.tasks.find import Find
from bot.media.tasks.inspect import Inspect
from bot.media.tasks.minutes import Minutes
from bot.media.tasks.read import Read
from bot.media.tasks.rewrite import GoOn, Shorter, Translate
from bot.media.tasks.summarize import Summarize
from bot.media.tasks.transcribe import Transcribe
from bot.media.tasks.youtube import YouTube

KINDS: dict[str, type[Task]] = {
    kind.name: kind
    for kind in (
        Ask,
        Captions,
        Chapters,
        Compare,
        Describe,
        Extract,
        Find,
        GoOn,
        Inspect,
        Minutes,
        Read,
        Shorter,
        Summarize,
        Transcribe,
        Translate,
        YouTube,
    )
}


def to_json(task: Task) -> dict[str, Any]:
    """Return a task as JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(task)))
    return {"kind": task.name, "values": values}


def from_json(kept: dict[str, Any]) -> Task:
    """Return the task that was kept. Raises KeyError or TypeError where a newer program kept it."""
    return KINDS[kept["kind"]](**kept["values"])
