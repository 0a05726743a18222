"""What was measured for a request, and which of it an array of a schema asks for, by its names."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.emulators.gemini.media_facts import DocumentFacts, Facts, PictureFacts, words_of
from bot.emulators.gemini.rest_media_records import Kind, differing, medium
from bot.emulators.gemini.rest_records import MISSING, Record, same_value, tokens_of

_CHANGES = ("addition", "removal", "change")
_SAID = ("speaker", "text")  # what is asked of speech, and not of the scenes of a film
_FILE = frozenset({"file", "picture", "video", "recording", "document", "source"})


@dataclass(frozen=True)
class Member:
    """A member of the objects in an array, as its schema has it."""

    name: str
    scalar: bool
    required: bool
    choices: tuple[Any, ...] = ()
    """The values that it may have; empty: any."""


@dataclass(frozen=True)
class Wanted:
    """An array of objects that a schema asks for."""

    name: str
    members: tuple[Member, ...]

    @property
    def kind(self) -> Kind:
        """What its objects are."""
        name = tokens_of(self.name)
        fields = [tokens_of(member.name) for member in self.members]
        if self._change is not None:
            return "difference"
        if any("box" in tokens for tokens in fields):
            return "region"
        if any(word in tokens for word in ("start", "end") for tokens in fields):
            said = any(word in tokens for word in _SAID for tokens in fields)
            return "speech" if said and not any("title" in tokens for tokens in fields) else "scene"
        if any("speaker" in tokens for tokens in fields) and any("text" in tokens for tokens in fields):
            return "speech"
        return "page" if any("page" in tokens for tokens in (name, *fields)) else "medium"

    @property
    def change(self) -> str:
        """The only change between pictures that is asked for; empty: every one."""
        return self._change or ""

    @property
    def _change(self) -> str | None:
        """As `change`; None where no differences are asked for."""
        choices = [choice for member in self.members for choice in member.choices]
        if sum(same_value(choice, change) for choice in choices for change in _CHANGES) > 1:
            return ""
        name = tokens_of(self.name)
        if "difference" in name:
            return ""
        return next((change for change in _CHANGES if change in name), None)

    @property
    def names_files(self) -> bool:
        """Whether each object says of which file it is."""
        return any(tokens_of(member.name) & _FILE for member in self.members)

    def fits(self, record: Record) -> bool:
        """Return whether most of what its objects must have was measured: else they are something else.

        So action items, prices or decisions, which nothing here measures, are empty arrays.
        """
        required = [member for member in self.members if member.required] or self.members
        # Lists of parts are not values of the record, and choices can always be met.
        asked = [
            found
            for member in required
            if (found := record.find(member.name) is not MISSING) or (member.scalar and not member.choices)
        ]
        return sum(asked) * 2 > len(asked) or not asked


@dataclass(frozen=True)
class Findings:
    """All that was measured for one request."""

    facts: tuple[Facts, ...]
    prompt: str
    sentences: tuple[str, ...]
    all: Record = field(init=False)
    """Of the whole: the first medium that has a value gives it."""
    media: tuple[Record, ...] = field(init=False)
    differences: tuple[Record, ...] = field(init=False)
    """Of each picture from the first one."""

    def __post_init__(self) -> None:
        media = tuple(medium(index, one) for index, one in enumerate(self.facts, start=1))
        pictures = [(at, one) for at, one in enumerate(self.facts, start=1) if isinstance(one, PictureFacts)]
        differences = tuple(itertools.chain(*(differing(pictures[0], other) for other in pictures[1:])))
        object.__setattr__(self, "media", media)
        object.__setattr__(self, "differences", differences)
        values: dict[str, Any] = {
            "question": self.prompt,
            "summary": self.summary,
            "point": list(self.sentences),
        }
        values["question word"] = words_of(self.prompt)
        if len(pictures) > 1:
            values["identical"] = not differences
        for record in media:
            values = {**record.values, **values}
        object.__setattr__(self, "all", Record(values))

    @property
    def summary(self) -> str:
        """Everything in a few sentences."""
        return " ".join((*self.sentences, *(one.values["summary"] for one in self.differences)))

    def records(self, wanted: Wanted, of: Record) -> list[Record]:
        """Return the records for an array of objects, within one record."""
        kind = wanted.kind
        if of is not self.all:
            parts = [part for part in of.parts if kind in (part.kind, "medium")]
        elif kind == "medium":
            parts = list(self.media)
        elif kind == "difference":
            parts = [one for one in self.differences if wanted.change in ("", one.values["kind"])]
        else:
            parts = self._parts(wanted, kind)
        return [part for part in parts if wanted.fits(part)]

    def _parts(self, wanted: Wanted, kind: Kind) -> list[Record]:
        """Return the parts of all media; times are those of the first alone, unless each says whose it is."""
        media: Iterable[Record] = self.media
        if kind == "page" and any(isinstance(one, DocumentFacts) for one in self.facts):
            # Beside a document, pictures are no pages.
            media = (
                record
                for one, record in zip(self.facts, self.media, strict=True)
                if isinstance(one, DocumentFacts)
            )
        found = ([part for part in record.parts if part.kind == kind] for record in media)
        if kind in ("scene", "speech") and not wanted.names_files:
            return next((parts for parts in found if parts), [])
        return list(itertools.chain(*found))
