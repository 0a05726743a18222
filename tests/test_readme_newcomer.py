"""What the README tells newcomers is what the program does."""

import configparser
import re
import tomllib
from datetime import date
from pathlib import Path

from bot.conversation.call import WAITING
from bot.live.failures import REASONS
from bot.media.usage import TABLE
from bot.voice.watchdog import HOPELESS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    """Return a section as one line."""
    return " ".join(README.partition(f"\n## {name}\n")[2].partition("\n## ")[0].split())


def test_the_unit_is_one_that_systemd_reads_and_starts_the_bot() -> None:
    (text,) = re.findall(r"^```ini\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    unit = configparser.ConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    service = unit["Service"]
    program, *arguments = service["ExecStart"].split()
    assert program == f"{service['WorkingDirectory']}/.venv/bin/python"
    assert arguments == ["-m", "bot", "run"]
    assert service["Restart"] == "on-failure" and int(service["RestartSec"]) > 0
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_what_the_bot_says_is_quoted_as_it_says_it() -> None:
    quota = next(failure.sentence for words, failure in REASONS if words == "quota")
    said = [HOPELESS, WAITING.format(reason=quota, wait=1)]
    quoted = re.findall(r"\*\*\"([^\"]+)\"\*\*", section("If it never answers"))
    assert len(quoted) == len(said)
    for sentence, whole in zip(quoted, said, strict=True):
        assert whole.startswith(sentence)


def test_the_prices_are_those_of_the_table() -> None:
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["price"]
    now, later = (row for row in rows if row["model"] == "gemini-3.8-flash")
    assert later["from"] == date(2027, 1, 1)
    text = section("What it costs")
    prices = f"${now['input']:.2f} for a million tokens in and ${now['output']:.2f} out"
    assert f"for `gemini-3.8-flash` {prices}, from 2027 on " in text
    assert f"from 2027 on ${later['input']:.2f} and ${later['output']:.2f}." in text
