"""A setup that is to take the place of another: when, by which model, and what is kept of the session.

Sans-I/O: setups and the time go in.
"""

import math
from dataclasses import replace

from bot.live.setup import LiveSetup

CHANGE_S = 60.0  # a room in which it is never quiet gets its settings in mid-talk: nothing said is lost by it


class Changing:
    """The setup that waits to be taken over, if there is one."""

    def __init__(self, setup: LiveSetup) -> None:
        self.to: LiveSetup | None = None
        self.by = math.inf
        """When it is to be taken over at the latest, though something is going on."""
        # What was asked for, of which the setup in use, and the one that waits, have come: where a model was
        # refused, they have the one that took its place.
        self._origin = self._asked = setup

    def ask(self, setup: LiveSetup, current: LiveSetup, now: float) -> bool:
        """Have a setup taken over; return whether it is another one than is in use."""
        self._asked = setup
        to = self._with_model_in_use(setup, current)
        self.to = to if to != current else None
        return self.wait_anew(current, now)

    def wait_anew(self, current: LiveSetup, now: float) -> bool:
        """Begin anew to wait for a good moment; return whether anything waits."""
        self.by = now + CHANGE_S if self.fits(current) else math.inf
        return self.to is not None

    def fell_back(self, current: LiveSetup, now: float) -> None:
        """Take in that the model in use was refused, and has another in its place."""
        if self.to is not None:
            self.ask(self._asked, current, now)

    def fits(self, current: LiveSetup) -> bool:
        """Whether what was begun with the setup in use can be ended with the next: with marks, or without."""
        return self.to is not None and self.to.turns == current.turns

    def to_another_model(self, current: LiveSetup) -> bool:
        """Whether what waits has another model than is in use."""
        return self.to is not None and self.to.model != current.model

    def take(self, current: LiveSetup) -> tuple[LiveSetup, bool]:
        """Return the setup to use from here on, and whether it can go on with the session.

        Another model can't go on with this one's.
        """
        setup, self.to, self._origin = self.to or current, None, self._asked
        return setup, setup.resumption and setup.capabilities == current.capabilities

    def _with_model_in_use(self, setup: LiveSetup, current: LiveSetup) -> LiveSetup:
        """Return the setup with the model that took the place of the one that it names.

        As it names another than before, or that model can't do what is set now, it is as asked for.
        """
        asked, origin = (setup.model, setup.fallbacks), (self._origin.model, self._origin.fallbacks)
        if asked != origin:
            return setup
        return replace(setup, fallbacks=(current.model, *current.fallbacks)).next() or setup
