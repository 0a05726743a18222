"""What is read of messages as Discord sends them: forwards, embeds, components, polls; who is spoken to."""

import time
from typing import Any

import discord
import pytest

from cogs.ask_words import QUOTED_LENGTH, addressed, readable, said, words_of

BOT, BOB = 7, 8
FILE = {
    "id": "5",
    "filename": "mug.png",
    "size": 10,
    "url": "https://cdn.discordapp.com/attachments/1/5/mug.png",
    "proxy_url": "https://media.discordapp.net/attachments/1/5/mug.png",
    "content_type": "image/png",
}
BASE: dict[str, Any] = {
    "id": "2",
    "channel_id": "1",
    "type": 0,
    "author": {"id": "3", "username": "ada", "discriminator": "0", "avatar": None},
    "content": "",
    "timestamp": "2026-11-21T10:00:00+00:00",
    "edited_timestamp": None,
    "attachments": [],
    "embeds": [],
    "components": [],
    "mentions": [],
    "mention_roles": [],
    "mention_everyone": False,
    "pinned": False,
    "tts": False,
}


def message(**changes: Any) -> discord.Message:
    """Make what discord.py makes of a message's payload."""
    client = discord.Client(intents=discord.Intents.none())
    channel: Any = client.get_partial_messageable(1)
    data: Any = BASE | changes
    return discord.Message(state=client._connection, channel=channel, data=data)


def reply(to: dict[str, Any] | None, content: str = "is it?") -> discord.Message:
    reference = {"type": 0, "message_id": "4", "channel_id": "1"}
    return message(type=19, content=content, message_reference=reference, referenced_message=to)


def by(user_id: int, **changes: Any) -> dict[str, Any]:
    return BASE | {"id": "4", "author": BASE["author"] | {"id": str(user_id)}} | changes


@pytest.mark.parametrize(
    ("content", "question"),
    [
        ("<@7> why?", "why?"),
        ("<@!7>, why?", "why?"),
        ("<@7>: <@7> why?\n", "why?"),
        ("why? <@7>", "why?"),
        ("what can <@7> do?", "what can Earshot do?"),
        ("<@77> and <@8> are who?", "<@77> and <@8> are who?"),
        ("<@7>\n```py\n  x = 1\n```", "```py\n  x = 1\n```"),
        (" <@7> ", ""),
    ],
)
def test_a_mention_calls_it_or_names_it(content: str, question: str) -> None:
    assert addressed(content, BOT) == question


@pytest.mark.parametrize("between", ["    ", "\n\n", " " * 6, "", " , "])
def test_many_mentions_hold_nobody_up(between: str) -> None:
    """A message that ends in mentions, but for one letter, is read at once."""
    content = "x" + f"<@{BOT}>{between}" * 8 + "y"
    began = time.thread_time()
    assert addressed(content, BOT).count("Earshot") == 8
    assert addressed(" " * 1900 + f"<@{BOT}>" + " " * 1900 + "y", BOT) == "y"
    assert time.thread_time() - began < 0.05
    mentions = f"<@{BOT}>{between}" * 60
    assert addressed(f"{mentions}Hello", BOT) == "Hello"


def test_all_that_can_be_read_is_quoted() -> None:
    box = {
        "type": 17,
        "id": 1,
        "components": [
            {"type": 10, "id": 2, "content": "in a box"},
            {
                "type": 9,
                "id": 3,
                "components": [{"type": 10, "id": 4, "content": "in a section"}],
                "accessory": {"type": 2, "id": 5, "style": 5, "label": "go", "url": "https://example.org"},
            },
        ],
    }
    embed = {
        "type": "rich",
        "title": "Title",
        "description": "Described",
        "fields": [{"name": "Name", "value": "Value"}],
        "author": {"name": "Author"},
        "footer": {"text": "Foot"},
    }
    words = words_of(message(content="Said", embeds=[embed], components=[box]))
    assert words.split("\n") == [
        "Said",
        "Author",
        "Title",
        "Described",
        "Name",
        "Value",
        "Foot",
        "in a box",
        "in a section",
    ]


def test_a_poll_is_quoted() -> None:
    poll = {
        "question": {"text": "Tea?"},
        "answers": [
            {"answer_id": 1, "poll_media": {"text": "Yes"}},
            {"answer_id": 2, "poll_media": {"text": "No"}},
        ],
        "expiry": "2026-11-22T10:00:00+00:00",
        "allow_multiselect": False,
        "layout_type": 1,
    }
    assert words_of(message(poll=poll)) == "Tea?\n- Yes\n- No"


def test_what_is_quoted_has_an_end() -> None:
    assert (
        len(words_of(message(content="x" * 4_000, embeds=[{"description": "y" * 4_096}] * 2)))
        == QUOTED_LENGTH
    )


def test_a_forward_is_a_question_about_what_it_forwards() -> None:
    snapshot = {
        "message": {
            "type": 0,
            "content": "Look at my mug",
            "attachments": [FILE],
            "embeds": [],
            "timestamp": BASE["timestamp"],
            "edited_timestamp": None,
            "flags": 0,
        }
    }
    reference = {"type": 1, "message_id": "9", "channel_id": "1"}
    heard = said(message(message_snapshots=[snapshot], message_reference=reference), BOT)
    assert (heard.question, heard.files, heard.quoted) == ("", (), "Look at my mug")
    assert [file.filename for file in heard.quoted_files] == ["mug.png"]
    assert not heard.empty


def test_a_reply_is_about_what_it_replies_to() -> None:
    heard = said(reply(by(BOB, content="My mug", attachments=[FILE])), BOT)
    assert (heard.question, heard.quoted, heard.hidden) == ("is it?", "My mug", False)
    assert [file.filename for file in heard.quoted_files] == ["mug.png"]


@pytest.mark.parametrize("to", [by(BOB), None], ids=["blank", "deleted"])
def test_what_it_replies_to_may_be_hidden(to: dict[str, Any] | None) -> None:
    heard = said(reply(to), BOT)
    assert (heard.quoted, heard.quoted_files, heard.hidden) == ("", (), True)
    assert said(reply(to, content=""), BOT).empty


def test_its_own_messages_are_not_quoted() -> None:
    heard = said(reply(by(BOT, content="Hello!")), BOT)
    assert (heard.quoted, heard.hidden) == ("", False)


def test_a_blank_message_is_not_readable() -> None:
    assert not readable(message())
    assert readable(message(attachments=[FILE]))
    assert readable(message(content="words"))
