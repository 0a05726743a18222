"""What hostile input brings into our logs: nothing that was said, no key, no token, and no endless line."""

import json
import logging
from random import Random

import pytest
from fuzz_gateway import VoiceMessages
from fuzz_live import LiveMessages
from fuzz_main_gateway import CallWord

WORDS = "zebra crossing 7391"
KEY = bytes(range(200, 232))
LONGEST = 600  # characters: a reason of a close is cut at 200, and stands with a sentence

_FORMAT = logging.Formatter("%(name)s: %(message)s")  # with the traceback, as it is written


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what our own loggers say at DEBUG; the libraries' output of that level is never shown."""
    return [_FORMAT.format(record) for record in caplog.records if record.name.startswith(("bot", "py.warn"))]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")


def test_no_words_of_a_conversation(caplog: pytest.LogCaptureFixture) -> None:
    rig = LiveMessages(Random("logs"), marker=WORDS)
    rig.run(1_500)
    rig.close()
    said = lines(caplog)
    assert any("bot.live" in line for line in said)
    assert not [line for line in said if WORDS in line or "zebra" in line]
    assert max(map(len, said)) < LONGEST


def test_no_key_and_no_token_of_a_call(caplog: pytest.LogCaptureFixture) -> None:
    rig = VoiceMessages(Random("logs"), key=KEY)
    rig.voice._connection.token = "voice-token-7391"
    rig.run(120)
    rig.run(120)
    rig.close()
    said = lines(caplog)
    assert any("Skipping a message" in line for line in said)
    as_json = json.dumps(list(KEY), separators=(",", ":"))
    forms = ("voice-token-7391", KEY.hex(), repr(KEY)[2:30], str(list(KEY))[1:30], as_json[1:30])
    assert not [line for line in said if any(form in line for form in forms)]
    assert max(map(len, said)) < LONGEST


def test_no_token_of_a_server(caplog: pytest.LogCaptureFixture) -> None:
    rig = CallWord(Random("logs"))
    rig.token = "server-token-7391-"
    rig.run(600)
    rig.close()
    assert not [line for line in lines(caplog) if "7391" in line]
