"""The emulated Discord's parts without a network: snowflakes, permissions, limits, pictures, the OpenAPI."""

import zlib
from pathlib import Path

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.emulators.discord.cdn import LINK_LIFE_S, Cdn, picture_size
from bot.emulators.discord.compression import compressor_for
from bot.emulators.discord.errors import RestError
from bot.emulators.discord.events import Bus
from bot.emulators.discord.identify_pace import IdentifyPace
from bot.emulators.discord.limits import AddressBannedError, Limits, Rate, RateLimitedError
from bot.emulators.discord.model import Upload
from bot.emulators.discord.openapi import OpenApi
from bot.emulators.discord.permissions import EVERYTHING, Overwrite, Permission, in_channel
from bot.emulators.discord.places import Places
from bot.emulators.discord.rest import Answer
from bot.emulators.discord.snowflakes import Snowflakes, snowflake_time


@given(st.lists(st.floats(1.5e9, 1.9e9), min_size=1, max_size=50))
@settings(max_examples=50)
def test_snowflakes_are_unique_and_ordered_whatever_the_clock_does(times: list[float]) -> None:
    ticks = iter(times)
    source = Snowflakes(lambda: next(ticks))
    made = [source.next() for _ in times]
    assert made == sorted(set(made))
    assert abs(snowflake_time(made[0]).timestamp() - times[0]) < 0.002


VIEW, SEND = Permission.VIEW_CHANNEL, Permission.SEND_MESSAGES
GUILD, MEMBER, ROLE_A, ROLE_B = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("base", "overwrites", "expected"),
    [
        (VIEW | SEND, [], VIEW | SEND),
        (VIEW | SEND, [Overwrite(GUILD, False, deny=SEND)], VIEW),
        (VIEW, [Overwrite(GUILD, False, deny=VIEW), Overwrite(ROLE_A, False, allow=VIEW)], VIEW),
        (VIEW, [Overwrite(ROLE_A, False, deny=VIEW), Overwrite(ROLE_B, False, allow=VIEW)], VIEW),
        (VIEW, [Overwrite(ROLE_A, False, allow=SEND), Overwrite(MEMBER, True, deny=SEND)], VIEW),
        (VIEW, [Overwrite(MEMBER, False, deny=VIEW), Overwrite(9, True, deny=VIEW)], VIEW),
        (Permission.ADMINISTRATOR, [Overwrite(MEMBER, True, deny=VIEW)], EVERYTHING),
    ],
)
def test_overwrites_apply_in_discords_order(base: int, overwrites: list[Overwrite], expected: int) -> None:
    got = in_channel(base, guild_id=GUILD, member_id=MEMBER, role_ids=[ROLE_A, ROLE_B], overwrites=overwrites)
    assert got == expected


def test_the_owner_may_do_everything_and_the_bot_may_not() -> None:
    places = Places(Bus(), Snowflakes())
    guild = places.add_guild("G")
    channel = places.add_channel("c")
    places.set_permissions(channel.id, guild.id, deny=VIEW)
    assert places.can(guild.owner_id, channel, Permission.MANAGE_GUILD)
    assert not places.can(places.bot.id, channel)


def test_a_bucket_opens_with_its_first_request() -> None:
    limits = Limits()
    rate = Rate(2, 5.0)
    first = limits.take("GET /x", "1", rate, now=100.0, wall=0.0)
    assert (first["X-RateLimit-Remaining"], first["X-RateLimit-Reset-After"]) == ("1", "5.000")
    limits.take("GET /x", "1", rate, now=104.0, wall=0.0)
    with pytest.raises(RateLimitedError) as limited:
        limits.take("GET /x", "1", rate, now=104.5, wall=0.0)
    assert limited.value.retry_after_s == pytest.approx(0.5)
    limits.take("GET /x", "2", rate, now=104.5, wall=0.0)  # another channel
    limits.take("GET /x", "1", rate, now=105.0, wall=0.0)


def test_the_global_budget_slides() -> None:
    limits = Limits()
    for number in range(50):
        limits.take_global(number / 100, 50)
    with pytest.raises(RateLimitedError) as limited:
        limits.take_global(0.9, 50)
    assert (limited.value.scope, round(limited.value.retry_after_s, 3)) == ("global", 0.1)
    limits.take_global(1.0, 50)


def test_invalid_requests_ban_the_address_for_a_while() -> None:
    limits = Limits()
    for status in (401, 403, 429):
        limits.note_status(status, 0.0)
    limits.note_status(404, 0.0)
    limits.check_ban(1.0, 4)
    with pytest.raises(AddressBannedError):
        limits.check_ban(1.0, 3)
    limits.check_ban(601.0, 3)


def test_identifies_are_paced_by_bucket_and_day() -> None:
    pace = IdentifyPace()

    def ask(now: float, shard: int, concurrency: int = 1, daily: int = 1000) -> bool:
        return pace.allow(now, shard_id=shard, concurrency=concurrency, interval_s=5.0, daily=daily)

    assert [ask(0, 0), ask(4.9, 1), ask(5.0, 1)] == [True, False, True]
    assert [ask(20, 0, 2), ask(20, 1, 2), ask(20, 2, 2)] == [True, True, False]
    assert not ask(100, 0, daily=4)
    assert ask(100, 0, daily=5)
    assert ask(24 * 3600 + 50, 0, daily=2)


def test_links_are_good_for_a_day() -> None:
    now = [1_000_000.0]
    cdn = Cdn(lambda: now[0])
    attachment = cdn.store(Upload("ü.txt", b"x"), attachment_id=5, channel_id=6, ephemeral=False)
    path, _, query = cdn.url(attachment).removeprefix("https://cdn.discordapp.com").partition("?")
    keys = dict(pair.split("=") for pair in query.strip("&").split("&"))

    def opened() -> bool:
        found = cdn.open(path, expires=keys["ex"], issued=keys["is"], signature=keys["hm"])
        return found is attachment

    assert opened()
    now[0] += LINK_LIFE_S - 1
    assert opened()
    now[0] += 2
    assert not opened()


@given(st.binary(max_size=64))
@settings(max_examples=100)
def test_pictures_of_any_bytes_are_measured_or_not(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n"):
        size = picture_size(start + data)
        assert size is None or len(size) == 2


def test_a_jpeg_is_measured_behind_its_other_segments() -> None:
    other = b"\xff\xe0\x00\x04ab"
    frame = b"\xff\xc0\x00\x0b\x08" + (30).to_bytes(2, "big") + (40).to_bytes(2, "big") + bytes(6)
    assert picture_size(b"\xff\xd8" + other + frame) == (40, 30)


@given(st.lists(st.text(max_size=200), min_size=1, max_size=10))
@settings(max_examples=30)
def test_each_compressed_message_ends_with_a_flush(messages: list[str]) -> None:
    compress = compressor_for("zlib-stream")
    assert compress is not None
    stream = zlib.decompressobj()
    for message in messages:
        packed = compress(message.encode())
        assert packed.endswith(b"\x00\x00\xff\xff")
        assert stream.decompress(packed).decode() == message


def test_zstd_streams_can_be_read_message_by_message() -> None:
    """Runs where discord.py would ask for it: with `zstandard`, or from Python 3.14 on."""
    try:
        compress = compressor_for("zstd-stream")
    except ValueError:
        pytest.skip("no zstd library is installed, so discord.py asks for zlib")
    assert compress is not None
    stream = discord.utils._ActiveDecompressionContext()
    assert [stream.decompress(compress(text)) for text in (b"one", b"two")] == ["one", "two"]


def test_unknown_compressions_are_refused() -> None:
    assert compressor_for(None) is None
    with pytest.raises(ValueError, match="unknown"):
        compressor_for("brotli")


def test_form_errors_are_nested_as_discord_nests_them() -> None:
    from bot.emulators.discord.errors import invalid_form

    error: RestError = invalid_form({"a.0.b": ("CODE", "text")})
    assert error.body() == {
        "message": "Invalid Form Body",
        "code": 50035,
        "errors": {"a": {"0": {"b": {"_errors": [{"code": "CODE", "message": "text"}]}}}},
    }


def test_the_openapi_finds_what_breaks_it(openapi: Path) -> None:
    document = OpenApi(openapi)

    def found(method: str, path: str, body: object, answer: Answer) -> list[str]:
        document.violations.clear()
        document.check(method, path, content_type="application/json", body=body, answer=answer)
        return document.violations

    messages = "/channels/5/messages"
    assert any("'tts' is a required" in it for it in found("POST", messages, {}, Answer(200, {})))
    refused = Answer(400, {"code": 1, "message": "x"})
    assert found("POST", messages, {"content": 5}, refused) == []  # who is refused may send nonsense
    assert found("POST", messages, None, Answer(400, {"message": "x"})) != []
    assert any("request" in it for it in found("POST", messages, {"content": 5}, Answer(200, {})))
    assert found("POST", "/nowhere", None, Answer(200)) != []
    assert found("POST", "/nowhere", None, Answer(404, {})) == []
    assert found("GET", "/gateway", None, Answer(200, {"url": "wss://gateway.discord.gg"})) == []
    assert found("GET", "/gateway", None, Answer(201, {})) != []
