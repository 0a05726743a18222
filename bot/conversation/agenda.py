"""What waits for a moment of quiet, in the order in which it is done: the notice, videos, texts.

Pictures are seen at once, or as soon as the process has time; a question about them comes after them.

There is no clock here: the time comes with each call, and who asks for what comes next sees that it is quiet.
"""

from collections.abc import Callable, Sequence

from bot.conversation.notice import Notice
from bot.conversation.sayings import Sayings
from bot.conversation.showing import Asked, Showing
from bot.conversation.sights import Sight
from bot.live.session import LiveSession


class Agenda:
    """What is still to be done in one call."""

    def __init__(
        self, live: LiveSession, showing: Showing, *, notice: str, label: Callable[[int], str]
    ) -> None:
        """`notice` is what the model is asked to say of itself; `label(user_id)` what it calls a person."""
        self.notice = Notice(notice)
        self.showing = showing
        self.sayings = Sayings()
        self._live = live
        self._label = label

    def show(self, sights: Sequence[Sight], now: float) -> None:
        """Let the model see pictures of one message; raises ShowError where nobody has time to look."""
        self.showing.show(sights, now)

    def ask(self, question: str, sights: Sequence[Sight]) -> None:
        """Have the model answer a question about pictures that it was shown, after them.

        Raises SayError where too many questions wait.
        """
        by = sights[0].by
        words = f"[{self._label(by)} writes to you; answer aloud.]\n{question}"
        self.sayings.ask(words, by, sights[0].people)

    def next(self, now: float) -> Asked | None:
        """Begin with what comes next; return whether the model is now asked for an answer."""
        if self.showing.deadline() is not None:  # what comes next may be about a picture that waits
            return None
        if (notice := self.notice.take()) is not None:
            self._live.ask(notice)
            return Asked(None)
        if self.showing.begin(now) or (words := self.sayings.next()) is None:
            return None
        self._live.ask(words.text, words.people)
        return Asked(words.asker)

    def interrupted(self, now: float) -> bool:
        """Take in that a person has taken the floor; return whether the notice is cut off by that."""
        self.showing.interrupted(now)
        return self.notice.cut()

    def answered(self) -> None:
        """Take in that the model is heard."""
        self.showing.answered()
        self.notice.answered()

    def hush(self, now: float) -> None:
        """Give up what waits: somebody asks for quiet."""
        self.sayings.clear()
        self.notice.drop()
        self.showing.hush(now)

    def forget(self, user_id: int, now: float) -> None:
        """Forget what a person wrote, showed or posted."""
        self.showing.forget(user_id, now)
        self.sayings.forget(user_id)

    def close(self) -> None:
        """Forget everything."""
        self.sayings.clear()
        self.showing.close()
