"""Whether somebody called the bot by its name, judged by what the model understood of their words.

Transcripts spell a name as they heard it ("ear shot", "Airshot", "Irschot"), so words, and words run
together, are compared with it by likeness, without regard to case and accents. No language is presumed:
where words are not parted by spaces, the name is looked for within them.
"""

import difflib
import itertools
import unicodedata
from collections.abc import Iterable

ALIKE = 0.75  # of a word: "airshot" is 0.86 like "earshot", "irshot" 0.77; "shot" 0.73, "airport" 0.57
ALIKE_PAIR = 0.85  # of two run together, of which there are more: "ear shut" is 0.86, "are short" 0.80
SHORT = 4  # letters: up to here nearly everything is like a name, so only the name itself counts
KEPT = 200  # characters of a transcript: a name that is further back was judged when it came


class Callsign:
    """The names that a bot listens to."""

    def __init__(self, names: Iterable[str]) -> None:
        """Names that have no letters are left out."""
        self._names = {plain for name in names if (plain := _squashed(name))}
        # A matcher looks its second sequence up, once; the words come and go.
        self._matchers = {name: difflib.SequenceMatcher(b=name, autojunk=False) for name in self._names}

    def called_in(self, text: str) -> bool:
        """Return whether one of the names is in the text."""
        words = [word for word in map(_squashed, _split(text[-KEPT:])) if word]
        pairs = [first + second for first, second in itertools.pairwise(words)]
        if self._names & {*words, *pairs}:
            return True
        for name, matcher in self._matchers.items():
            if not name.isascii() and any(name in word for word in words):
                return True
            if len(name) <= SHORT:
                continue
            near = len(name) - 2, len(name) + 2
            if any(_alike(matcher, word, near, ALIKE) for word in words):
                return True
            if any(_alike(matcher, pair, near, ALIKE_PAIR) for pair in pairs):
                return True
        return False


def _alike(
    matcher: "difflib.SequenceMatcher[str]", word: str, lengths: tuple[int, int], least: float
) -> bool:
    if not lengths[0] <= len(word) <= lengths[1]:
        return False
    matcher.set_seq1(word)
    return matcher.quick_ratio() >= least and matcher.ratio() >= least


def _split(text: str) -> list[str]:
    """Return the words; whatever is no letter, digit or mark parts them, but for apostrophes."""
    apart = (char if unicodedata.category(char)[0] in "LMN" or char in "'\u2019" else " " for char in text)
    return "".join(apart).split()


def _squashed(text: str) -> str:
    """Return the letters and digits alone, in one case and without accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in plain if unicodedata.category(char)[0] in "LN")
