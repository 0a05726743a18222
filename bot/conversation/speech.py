"""What people choose a voice and a language by, from speech.toml."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from bot.errors import SetupError

TABLE = Path(__file__).with_name("speech.toml")
_PLAIN = "en-US"  # whose sentence a voice is tried with where the language has none here


@dataclass(frozen=True, slots=True)
class Language:
    """A language that is offered; `name` is what it is called there, `english` in English."""

    name: str
    english: str
    sample: str


@dataclass(frozen=True, slots=True)
class Speech:
    """The voices' manner, in a word each, and the languages by BCP 47 tag."""

    voices: dict[str, str]
    languages: dict[str, Language]

    def sample(self, language: str | None) -> str:
        """Return the sentence that a voice is tried with."""
        chosen = self.languages.get(language or _PLAIN) or self._alike(language) or self.languages[_PLAIN]
        return chosen.sample

    def _alike(self, tag: str | None) -> Language | None:
        """Return the same language of another region."""
        base = (tag or "").split("-")[0]
        return next((each for other, each in self.languages.items() if other.split("-")[0] == base), None)


@functools.cache
def speech(path: Path = TABLE) -> Speech:
    """Return the table in the file; raise SetupError where it is not one."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        languages = {tag: Language(*entry) for tag, entry in table["languages"].items()}
        found = Speech(dict(table["voices"]), languages)
        if _PLAIN not in languages:
            raise ValueError(f"it has no {_PLAIN}")
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise SetupError(f"The table of languages {path.name} can't be used: {error}.") from error
    return found
