"""How a call is held, and how its model is set up for that: what a guild has set, and may change."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.conversation.address import Callsign
from bot.conversation.gate import AddressGate
from bot.conversation.options import CallOptions, callable_names
from bot.conversation.persona import instruction
from bot.conversation.room import Mode
from bot.live.setup import LiveSetup
from bot.live.tools import FunctionSpec


class Terms:
    """The terms of one call."""

    def __init__(
        self,
        setup: LiveSetup,
        options: CallOptions,
        own_name: Callable[[], str],
        functions: Sequence[FunctionSpec],
    ) -> None:
        """Take the guild's own `setup`; `own_name()` is what the bot is called there now."""
        self.setup = setup
        """The guild's own, as it is or is to be soon."""
        self.options = options
        self._own_name = own_name
        self._functions = tuple(functions)

    def full_setup(self) -> LiveSetup:
        """Return the setup with the rules that hold in a room."""
        mode, names = self.options.mode, self._names()
        functions = self._functions if self.setup.capabilities.functions else ()
        text = instruction(
            self.setup.system_instruction, mode, names[0] if names else "", tools=bool(functions)
        )
        answers = mode is not Mode.ADDRESSED
        return replace(self.setup, system_instruction=text, functions=functions, answers=answers)

    def gate(self, gate: AddressGate | None) -> AddressGate | None:
        """Return what is to be before the answers, where `gate` is now: one if it has to be addressed."""
        if self.options.mode is not Mode.ADDRESSED:
            return None
        return gate or AddressGate(Callsign(self._names()))

    def _names(self) -> tuple[str, ...]:
        return callable_names(self.options, self._own_name())
