"""What the model calls the people in a call: short labels made of what they call themselves.

A display name is text that anybody may choose, and it stands in notes that the model believes. So a label
holds letters, digits and a few signs that names have, no more than a name is long: nothing that could end a
sentence, open a note or pose as a line of somebody else's. Two people never share a label.
"""

import unicodedata

LONGEST = 24  # characters: long names are cut by people, too
WORDS = 3  # a given name, a middle one and a surname; an order takes more
NOBODY = "Someone"
_SIGNS = frozenset("-'\u2019_&+")


def cleaned(name: str) -> str:
    """Return a name's letters, digits and signs, bounded; `Someone` where none are left."""
    plain = unicodedata.normalize("NFKC", name)
    kept = "".join(char if _in_names(char) else " " for char in plain)
    return " ".join(kept.split()[:WORDS])[:LONGEST].strip() or NOBODY


def _in_names(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" or char in _SIGNS


class Names:
    """The labels of the people of one call; who came first keeps a name that two have."""

    def __init__(self) -> None:
        self._labels: dict[int, tuple[str, str]] = {}  # user id -> cleaned name, label

    def label(self, user_id: int, display_name: str | None) -> str:
        """Return what a person is called, None standing for a name that is not known."""
        base = cleaned(display_name or "")
        known = self._labels.get(user_id)
        if known is not None and known[0] == base:
            return known[1]
        label = self._free(base, user_id)
        self._labels[user_id] = (base, label)
        return label

    def guest(self, display_name: str) -> str:
        """Return what somebody is called who is not in the call: never as one who is."""
        return self._free(cleaned(display_name), None)

    def forget(self, user_id: int) -> None:
        """Let go of the label of a person who left."""
        self._labels.pop(user_id, None)

    def _free(self, base: str, user_id: int | None) -> str:
        """Return a label that nobody has but this person."""
        taken = {label.casefold() for user, (_, label) in self._labels.items() if user != user_id}
        label, number = base, 1
        while label.casefold() in taken:
            number += 1
            label = f"{base} {number}"
        return label
