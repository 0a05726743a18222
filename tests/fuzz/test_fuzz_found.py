"""What fuzzing found, each with the least that does it."""

import asyncio
import io
import json
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import WSMessage, WSMsgType
from fuzz_gateway import VoiceMessages, message
from fuzz_live import LiveMessages
from fuzz_main_gateway import CallWord, _kept
from google.genai import errors, types
from PIL import Image
from pypdf import PdfWriter
from voice_room import ANN

from bot import logs
from bot.live.failures import LOGGED_REASON, classify
from bot.media.errors import MediaError
from bot.media.extraction.shown import markdown
from bot.media.pdf_probe import look
from bot.media.pictures import fit_picture
from bot.media.value import number
from bot.text.pages import paged

HUGE = 10**400  # JSON's integers have no end
huge = pytest.param(HUGE, id="huge")


@pytest.fixture
def call() -> Iterator[VoiceMessages]:
    rig = VoiceMessages(Random("found"))
    rig._runner.run(rig._connect())
    yield rig
    rig.close()


def tell(call: VoiceMessages, *messages: Any) -> None:
    """Give messages as a server would."""

    async def give() -> None:
        for each in messages:
            await call._proper(each)

    call._runner.run(give())


# -- the voice gateway


DESCRIPTION = {"mode": "aead_aes256_gcm_rtpsize", "secret_key": [7] * 32, "dave_protocol_version": 1}
READY = {"ssrc": 77, "ip": "127.0.0.1", "port": 9, "modes": ["aead_aes256_gcm_rtpsize"]}


@pytest.mark.parametrize(
    "change",
    [
        {"secret_key": [300] * 32},  # bytes() refused it with each datagram
        {"secret_key": 10**9},  # bytes() made a gigabyte of it
        {"secret_key": [7] * 31},
        {"secret_key": None},
        {"mode": ["aead_aes256_gcm_rtpsize"]},
        {"mode": "xsalsa20_poly1305"},
        {"dave_protocol_version": "1"},
        {"dave_protocol_version": 99_999_999},
        {"dave_protocol_version": -1},
    ],
)
def test_a_description_that_is_none_leaves_the_keys_as_they_are(
    call: VoiceMessages, change: dict[str, Any]
) -> None:
    connection = call.voice._connection
    connection.ssrc = 77
    tell(call, message(4, DESCRIPTION))
    session = connection.dave_session
    tell(call, message(4, {**DESCRIPTION, "secret_key": [9] * 32, **change}))
    keys = call.voice._pipeline._keys
    assert (keys.mode, keys.secret_key, keys.dave_version) == (DESCRIPTION["mode"], bytes([7] * 32), 1)
    assert connection.dave_session is session is not None


def test_a_description_before_ready_is_no_session(call: VoiceMessages) -> None:
    tell(call, message(4, DESCRIPTION))
    assert call.ws.secret_key is None


@pytest.mark.parametrize("user_id", ["-5", str(2**64), "1" * 400, "", "x", None, -5, 1.5, True, huge])
def test_no_id_that_is_none_comes_to_the_encryption(call: VoiceMessages, user_id: Any) -> None:
    """With such an id in the call, davey refused every proposal, and each cost the connection."""
    tell(call, message(11, {"user_ids": [user_id, str(ANN)]}))
    tell(call, message(5, {"user_id": user_id, "ssrc": 5, "speaking": 1}))
    tell(call, message(5, {"user_id": str(ANN), "ssrc": HUGE, "speaking": 1}))
    assert call.voice._announced == set() and call.voice._pipeline._users == {}
    assert call.events == []


@pytest.mark.parametrize("interval", [0, -1, True, 1e-9, float("nan"), float("inf"), "13750", None, huge])
def test_no_heartbeat_floods_the_server(call: VoiceMessages, interval: Any) -> None:
    tell(call, message(8, {"v": 8, "heartbeat_interval": interval}))
    assert call.ws._keep_alive is None


def test_the_server_starts_one_thread_of_heartbeats_however_often_it_greets(call: VoiceMessages) -> None:
    before = threading.active_count()
    tell(call, *[message(8, {"v": 8, "heartbeat_interval": 41_250.0})] * 20)
    assert threading.active_count() == before + 1


@pytest.mark.parametrize(
    ("name", "value"), [("ip", "evil.example"), ("port", 0), ("port", 70_000), ("ssrc", -1)]
)
def test_an_address_that_is_none_is_not_connected_to(call: VoiceMessages, name: str, value: Any) -> None:
    tell(call, message(2, {**READY, name: value}))
    assert call.voice._connection.endpoint_ip is None


@pytest.mark.parametrize(
    "text", ['{"a":' * 100_000, "[" * 100_000, "{", '{"op": 1e999, "d": null}', "9" * 5_000]
)
def test_json_that_is_none_costs_no_connection(call: VoiceMessages, text: str) -> None:
    call.wire.coming.append(WSMessage(WSMsgType.TEXT, text, None))
    call._runner.run(call.ws.poll_event())


@pytest.mark.parametrize(("op", "data"), [(21, {"transition_id": HUGE, "protocol_version": 0}), (22, [])])
def test_a_transition_that_is_none_is_not_awaited(call: VoiceMessages, op: int, data: Any) -> None:
    tell(call, message(op, data))
    assert call.voice._connection.dave_pending_transitions == {}
    assert not call.voice._connection.version_changing


# -- the main gateway


@pytest.mark.parametrize(
    "data",
    [
        {"guild_id": "1", "token": "new", "endpoint": 5},
        {"guild_id": "1", "token": ["new"], "endpoint": "a.discord.media"},
        {"guild_id": float("inf"), "token": "new", "endpoint": "a.discord.media"},
    ],
)
def test_word_of_a_server_is_kept_as_a_whole_or_not_at_all(data: Any) -> None:
    rig = CallWord(Random("found"))
    connection = rig.voice._connection
    before = _kept(connection)

    async def told() -> None:
        with pytest.raises((ValueError, KeyError)):
            await connection.voice_server_update(data)

    rig._runner.run(told())
    assert _kept(connection) == before
    rig.close()


# -- Gemini Live


def test_a_message_nested_without_end_is_only_unreadable() -> None:
    rig = LiveMessages(Random("found"))
    rig.script += [b'{"serverContent":' * 100_000, b'{"serverContent": {"interrupted": true}}']
    rig.run(2)
    assert rig.core.counters.unreadable_messages == 1
    assert rig.tally()["Interrupted"] == 1
    rig.close()


def test_a_message_taken_for_an_error_is_not_logged() -> None:
    words = {"code": 503, "inputTranscription": {"text": "my secret"}}
    assert "my secret" not in classify(errors.APIError(503, words)).detail
    closed = classify(errors.APIError(1011, "Resource has been exhausted" + "." * 900))
    assert closed.detail.startswith("1011 Resource") and len(closed.detail) <= LOGGED_REASON + 5


def test_a_value_that_the_sdk_does_not_know_is_neither_told_nor_kept() -> None:
    """Each such text made a warning that quotes it, and stayed in the registry of warnings."""
    from google.genai import _common

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        logs.ignore_unknown_values()
        kept = len(vars(_common).get("__warningregistry__", {}))
        for number_ in range(50):
            text = json.dumps({"turnCompleteReason": f"my secret {number_}"})
            assert types.LiveServerContent.model_validate_json(text)
    assert caught == []
    assert len(vars(_common).get("__warningregistry__", {})) <= kept + 1  # its version


# -- files


def test_an_avif_that_breaks_off_within_is_a_sentence(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "AVIF")
    data = bytearray(out.getvalue())
    at = data.index(b"mdat") + 4
    data[at:] = b"\xff" * (len(data) - at)
    path = tmp_path / "posted"
    path.write_bytes(data)
    with pytest.raises(MediaError, match="damaged or not really a picture"):
        fit_picture(path, "AVIF", tmp_path / "fitted", None, "cat.avif", threading.Event())


def test_a_pdf_with_an_unknown_encryption_is_locked_not_damaged(tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(20, 20)
    writer.encrypt("secret", "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    path = tmp_path / "paper.pdf"
    path.write_bytes(out.getvalue().replace(b"/Standard", b"/Stamdard"))
    assert look(str(path)) == {"problem": "encrypted"}


# -- what models write


def test_a_number_without_end_is_none() -> None:
    assert number({"start": HUGE}, "start") is None
    assert number({"start": 10**30}, "start") == 1e30


def test_a_number_without_end_is_shown_as_its_digits() -> None:
    shown = markdown([{"total": HUGE}, {"total": 1.5}])
    assert "1" + "0" * 299 in shown and "1.5" in shown


def test_a_table_after_a_carriage_return_is_shown() -> None:
    assert paged("\ra||\n-|-\n<") == paged("\na||\n-|-\n<")


@pytest.mark.parametrize("code", ["<@1234>", "`<@1234>"])
def test_code_that_is_longer_than_a_page_is_code_on_each(code: str) -> None:
    pages = paged("see`` " + 200 * code + " ``", 200)
    assert len(pages) > 5
    outside = [re.sub(r"`` .+? ``|`[^`]+`", "", page) for page in pages]
    assert outside == ["see", *[""] * (len(pages) - 1)]


def test_a_list_that_is_set_in_by_more_than_a_page_makes_no_page_of_spaces() -> None:
    assert all(page.strip() for page in paged("1. " * 110, 200))


def test_no_page_is_blank() -> None:
    text = "<br>" + "word " * 100
    pages = paged(text, 200)
    assert all(page.strip() for page in pages)
    assert " ".join(" ".join(pages).split()) == ("word " * 100).strip()


@pytest.mark.parametrize(
    "text",
    [
        "<<id:home>>",  # an autolink between brackets
        "@[everyone](tel:1)",
        "<@![](https://x.example)1234>",
        "| a |\n|-|\n| x | @everyone <@1234> |\n| " + "long " * 30 + "|",
    ],
)
def test_parts_make_no_mention_together(text: str) -> None:
    shown = "\n".join(paged(text))
    assert "@everyone" not in shown and "<@" not in shown and "<id:" not in shown


def test_code_is_not_touched_by_that() -> None:
    assert paged("Say `@everyone` and *`<@1>`*.") == ["Say `@everyone` and *`<@1>`*."]


def test_the_rig_is_closed() -> None:
    """The rigs own loops and threads; each must let go of them, or the later tests would count them."""
    before = threading.active_count()
    rig = VoiceMessages(Random("closing"))
    rig._runner.run(asyncio.sleep(0))
    rig.close()
    assert threading.active_count() <= before + 1  # the loop's own executor may live on
