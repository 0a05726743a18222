"""What the bot says of itself when it comes into a channel: that it is an AI, and whom it hears.

People are to know both before they talk with it, so it is said aloud too: once a call, when the first of
them is there. The model says it, so that it sounds as the rest of the call does. Somebody who speaks
interrupts it as any answer; but where nothing of it was heard yet, it is said when they are done.

Sans-I/O: it is told what happens, and gives out the words when they are due.
"""

from enum import Enum

from bot.conversation.speech import speech

HEAD = "[You have just come into the channel, and nobody has asked you anything yet.]"
_SAY = "Say now, in one short sentence and no more, that you are {name}, an AI, and that you hear {whom}."
_AGREED, _NOT_OBJECTED = "those here who have agreed to it", "everyone here who has not objected"
_PRESSED = ", once they press Talk"
_ANY_LANGUAGE = "Speak English, unless you are instructed to speak another language."


def words(name: str, language: str | None, *, everyone: bool, pressed: bool = False) -> str:
    """Return what the model is asked to say of itself.

    It hears `everyone` who has not objected, else who has agreed; with `pressed`, once they press the button.
    `language` is BCP 47, None: the model's choice.
    """
    whom = (_NOT_OBJECTED if everyone else _AGREED) + (_PRESSED if pressed else "")
    say = _SAY.format(name=name, whom=whom)
    return f"{HEAD}\n{say} {_ANY_LANGUAGE if language is None else _in(language)}"


def _in(language: str) -> str:
    known = speech().languages.get(language)
    return f"Speak {known.english}." if known is not None else f"Speak the language {language}."


class NoticeState(Enum):
    """Where the notice stands."""

    EARLY = "early"  # nobody is there to hear it
    DUE = "due"  # it is to be said as soon as nobody speaks
    ASKED = "asked"  # the model was asked to say it, and nothing was heard of that yet
    OVER = "over"  # it was heard, or there is none


class Notice:
    """The notice of one call."""

    def __init__(self, text: str) -> None:
        """`text` is what the model is asked; with none there is no notice."""
        self.state = NoticeState.EARLY if text else NoticeState.OVER
        self._text = text

    def reword(self, text: str) -> None:
        """Have another text said, where it was not said yet."""
        self._text = text

    def somebody_is_there(self) -> None:
        """Take in that there is a person to hear it."""
        if self.state is NoticeState.EARLY:
            self.state = NoticeState.DUE

    def take(self) -> str | None:
        """Return what the model is to be asked now, None for nothing."""
        if self.state is not NoticeState.DUE:
            return None
        self.state = NoticeState.ASKED
        return self._text

    def cut(self) -> bool:
        """Take in that somebody speaks; return whether the model, asked for it, will not say it now."""
        if self.state is not NoticeState.ASKED:
            return False
        self.state = NoticeState.DUE
        return True

    def answered(self) -> None:
        """Take in that the model is heard."""
        if self.state is NoticeState.ASKED:
            self.state = NoticeState.OVER

    def drop(self) -> None:
        """Say it no more: somebody wants the bot to be quiet."""
        self.state = NoticeState.OVER
