"""Logs never show a secret, wherever in a record it stands."""

import logging
import re
import sys

import aiohttp
import pytest

from bot import logs

pytestmark = pytest.mark.usefixtures("restore_logging")

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"
KNOWN = "known-secret"


@pytest.mark.parametrize(
    "text",
    [
        KNOWN,
        TOKEN,
        "AIza" + "x" * 35,
        "POST https://discord.com/api/v10/webhooks/123/" + "aW50ZXJhY3Rpb246" * 4,
        "POST https://discord.com/api/v10/interactions/123/" + "aW50ZXJhY3Rpb246" * 4 + "/callback",
        "Shard ID 0 has connected to Gateway (Session ID: 0b1d5e3f).",
        "Shard ID 0 has successfully RESUMED session 0b1d5e3f.",
    ],
)
def test_a_secret_is_struck_out(capsys: pytest.CaptureFixture[str], text: str) -> None:
    logs.set_up("DEBUG", [KNOWN])
    logging.getLogger("bot.x").info("said %s", text)
    shown = capsys.readouterr().out
    assert "[secret]" in shown
    assert text not in shown
    assert "aW50ZXJhY3Rpb246" not in shown
    assert "0b1d5e3f" not in shown


def test_a_secret_in_a_traceback_is_struck_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", [KNOWN])
    try:
        raise ValueError(f"bad {KNOWN}")
    except ValueError:
        logging.getLogger("bot.x").exception("failed")
    shown = capsys.readouterr().out
    assert "ValueError: bad [secret]" in shown
    assert KNOWN not in shown


def test_the_longer_of_two_secrets_goes_whole(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", ["abc", "abcdef"])
    logging.getLogger("bot").info("abcdef")
    assert capsys.readouterr().out.strip().endswith("[secret]")


@pytest.mark.parametrize("library", ["discord.gateway", "discord.http", "websockets.client", "google_genai"])
def test_the_libraries_debug_output_is_never_shown(capsys: pytest.CaptureFixture[str], library: str) -> None:
    logs.set_up("DEBUG")
    logging.getLogger(library).debug("frame with keys")
    logging.getLogger("bot.voice").debug("ours")
    logging.getLogger(library).info("news")
    shown = capsys.readouterr().out
    assert "frame with keys" not in shown
    assert "ours" in shown
    assert "news" in shown


def test_a_terminal_gets_the_same_without_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    logs.set_up("INFO", [KNOWN])
    logging.getLogger("bot").info("hello [b]%s", KNOWN)
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert "hello [b][secret]" in shown
    assert KNOWN not in shown


def test_standard_error_stays_free_for_the_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO")
    logging.getLogger("bot").error("trouble")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, f"refused by {KNOWN}"), "[Errno 111] refused by [secret]"),
        (TimeoutError(), "TimeoutError"),
        (aiohttp.ClientError("no route"), "no route"),
    ],
)
def test_that_discord_is_lost_is_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, reason: str
) -> None:
    logs.set_up("INFO", [KNOWN])
    try:
        raise error
    except type(error):
        logging.getLogger("discord.shard").exception("Failed to connect for shard_id: %s. Retrying...", 0)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(f"Failed to connect for shard_id: 0. Retrying...: {reason}")


@pytest.mark.parametrize("name", ["discord.shard", "bot.x"])
def test_a_mistake_in_the_program_keeps_its_traceback(capsys: pytest.CaptureFixture[str], name: str) -> None:
    logs.set_up("INFO")
    try:
        raise LookupError("ours")
    except LookupError:
        logging.getLogger(name).exception("Failed to connect for shard_id: %s. Retrying...", 0)
    assert "Traceback" in capsys.readouterr().out
