"""What was said in a call so far, in memory: where nothing is to be kept, too, and no longer than the call.

It stands between the captions and their display, whether that shows them or not.
"""

from collections.abc import Sequence

from bot.conversation.captions_call import Display
from bot.conversation.captions_passage import CaptionLine

ROOM = 8_000  # characters: some ten minutes of talk, and more than is ever told of it
MARGIN = 10  # characters: what a line takes beside its text, with a name of a letter


class SoFar:
    """A Display that keeps the newest lines, and passes all on to another."""

    def __init__(self, display: Display) -> None:
        self.task = display.task
        """The other's."""
        self._display = display
        self._lines: dict[int, CaptionLine] = {}
        self._forgotten: dict[int | None, float] = {}  # what whose lines began until when is not kept

    def update(self, lines: list[CaptionLine]) -> None:
        """Take in lines as they are now."""
        self._lines |= {line.id: line for line in lines if not self._is_forgotten(line)}
        self._make_room()
        self._display.update(lines)

    def forget(self, user_id: int, at: float) -> None:
        """Keep nothing of what a person said until now.

        Where it is not known who spoke, it may have been they, and the bot may have repeated their words.
        Such a line may still grow: it does not come back.
        """
        self._forgotten |= {user_id: at, None: at}
        self._lines = {line.id: line for line in self._lines.values() if not self._is_forgotten(line)}

    def finish(self) -> None:
        """Show what there is, and end: the call is over, and forgotten here."""
        self._lines.clear()
        self._display.finish()

    @property
    def lines(self) -> Sequence[CaptionLine]:
        """The newest lines in their order."""
        return sorted(self._lines.values(), key=lambda line: (line.at, line.id))

    def _make_room(self) -> None:
        size = sum(len(line.text) + MARGIN for line in self._lines.values())
        for line_id in sorted(self._lines):
            if size <= ROOM:
                break
            size -= len(self._lines.pop(line_id).text) + MARGIN

    def _is_forgotten(self, line: CaptionLine) -> bool:
        until = self._forgotten.get(line.user_id)
        return until is not None and line.at <= until
