"""The stand-in for Gemini introduces itself as it is told to: one sentence, made of what it read."""

import numpy as np
import pytest

from bot.audio.pcm import LIVE_IN_HZ
from bot.conversation.notice import words
from bot.emulators.gemini.reply import Thought, compose
from bot.emulators.gemini.voice import SPEECH_HZ


@pytest.mark.parametrize(
    ("everyone", "pressed", "said"),
    [
        (False, False, "I am Ada, an AI, and I hear those here who have agreed to it."),
        (True, False, "I am Ada, an AI, and I hear everyone here who has not objected."),
        (False, True, "I am Ada, an AI, and I hear those here who have agreed to it, once they press Talk."),
    ],
)
def test_it_says_what_it_is_told_to_say_of_itself(everyone: bool, pressed: bool, said: str) -> None:
    text = words("Ada", "en-GB", everyone=everyone, pressed=pressed)
    answer = compose(Thought(1, "Kore", texts=(text,), instruction_words=9))
    assert answer.text == said
    seconds = len(answer.speech) / 2 / SPEECH_HZ
    assert 2 < len(said.split()) / seconds < 5, "at the pace of speech"
    assert np.abs(np.frombuffer(answer.speech, "<i2")).max() > 3_000


def test_who_speaks_and_who_asks_for_something_else_is_answered_as_ever() -> None:
    text = words("Ada", None, everyone=False)
    heard = Thought(2, "Kore", heard=np.zeros(LIVE_IN_HZ, np.int16), texts=(text,))
    assert compose(heard).text.startswith("I heard no speech. I read ")
    assert compose(Thought(3, "Kore", texts=("Say that you are here.",))).text.startswith("I read 5 words.")
