"""Who the bot can be in a call: the ready-made personas of personas.toml, or a guild's own words."""

import functools
import tomllib
from dataclasses import astuple, dataclass
from pathlib import Path

from bot.errors import SetupError

TABLE = Path(__file__).with_name("personas.toml")
OWN = "own"  # the name under which a guild's own instruction is chosen
DEFAULT = "assistant"


@dataclass(frozen=True, slots=True)
class Persona:
    """A ready-made one; personas.toml says what each field means."""

    title: str
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Personas:
    """The ready-made personas by name, and what holds for all, a guild's own included."""

    base: str
    ready: dict[str, Persona]

    def instruction(self, name: str, own: str | None) -> str:
        """Return what the model is told; a name that is not known any more gives the assistant."""
        if name == OWN and own:
            return f"{self.base}\n{own}"
        persona = self.ready.get(name) or self.ready[DEFAULT]
        return f"{self.base}\n{persona.text}"


@functools.cache
def personas(path: Path = TABLE) -> Personas:
    """Return the table in the file; raise SetupError where it is not one."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        ready = {name: Persona(**entry) for name, entry in table["personas"].items()}
        texts = [
            table["base"],
            *(text for each in ready.values() for text in astuple(each)),
        ]
        if DEFAULT not in ready or OWN in ready or not all(type(text) is str and text for text in texts):
            raise ValueError(f"it needs {DEFAULT}, may not have {OWN}, and all in it is text")
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise SetupError(f"The table of personas {path.name} can't be used: {error}.") from error
    return Personas(table["base"].strip(), {name: _stripped(each) for name, each in ready.items()})


def _stripped(persona: Persona) -> Persona:
    return Persona(persona.title, persona.about, persona.text.strip())
