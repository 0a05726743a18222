"""The commits that we offered to the end-to-end group, and which of them davey still knows.

Each message of proposals makes davey build a commit that takes the place of the one before it. When the
server returns one of ours, davey 0.1.7 merges the newest, whichever came back; where there is none any more
it merges nothing. Either way it goes on without a word in another epoch than everybody else.
"""

from collections import deque

# Commits of ours that the server may still return: one for each message of proposals in an epoch, which lasts
# until the first commit is accepted. In practice there are one or two.
REMEMBERED = 64


class OwnCommits:
    """Remembers what we offered; one for each connection."""

    def __init__(self) -> None:
        self._made: deque[bytes] = deque(maxlen=REMEMBERED)
        self._newest: bytes | None = None

    def made(self, commit: bytes | None) -> None:
        """Note what davey made of the last proposals: a commit in place of the one before, or none."""
        self._newest = commit
        if commit is not None:
            self._made.append(commit)

    def replaced(self, commit: bytes) -> bool:
        """Return whether this is one of ours, but not the one that davey would merge."""
        return commit in self._made and commit != self._newest
