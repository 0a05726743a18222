"""Push-to-talk: who has pressed the button, and so is heard.

Sans-I/O. A press lasts until it is released, or until nothing was said for a while: a button in Discord can
be pressed but not held, and a forgotten one must not keep a microphone open.
"""

OPEN_S = 20.0  # without a word: time to find one's words, and no longer
LONGEST_S = 120.0  # of one press: nobody speaks that long by intention


class TalkKeys:
    """The pressed buttons, by user id."""

    def __init__(self) -> None:
        self._until: dict[int, float] = {}
        self._pressed_at: dict[int, float] = {}

    def press(self, user_id: int, now: float) -> None:
        """Begin to hear a person, or go on to: a second press renews the first."""
        self._pressed_at[user_id] = now
        self._until[user_id] = now + OPEN_S

    def release(self, user_id: int) -> bool:
        """Hear the person no more; return whether they were heard."""
        self._pressed_at.pop(user_id, None)
        return self._until.pop(user_id, None) is not None

    def spoke(self, user_id: int, at: float) -> bool:
        """Return whether what a person says now is to be heard; it keeps the press alive."""
        until = self._until.get(user_id)
        if until is None or not self._pressed_at[user_id] <= at < until:
            return False
        self._until[user_id] = min(at + OPEN_S, self._pressed_at[user_id] + LONGEST_S)
        return True

    def expire(self, now: float) -> list[int]:
        """Release the presses that are over, and return whose."""
        over = [user_id for user_id, until in self._until.items() if now >= until]
        for user_id in over:
            self.release(user_id)
        return over

    def clear(self) -> list[int]:
        """Release all, and return whose."""
        return [user_id for user_id in list(self._until) if self.release(user_id)]

    @property
    def pressed(self) -> tuple[int, ...]:
        """Who is heard."""
        return tuple(self._until)

    def deadline(self) -> float | None:
        """Return when a press is over, None while none is there."""
        return min(self._until.values(), default=None)
