"""What a panel of /status says of a call, whatever the call is like."""

import time
from dataclasses import replace

import pytest

from bot.conversation.room import Mode
from bot.conversation.status import CallStatus
from bot.latency import Latency
from cogs.status import HAPPENED, LOST, Seen, StatusView

LIMIT = 4000  # characters of a message
WELL = Seen()


def measured(*ms: float) -> Latency:
    latency = Latency()
    for each in ms:
        latency.record(each / 1000)
    return latency


CALM = CallStatus(
    channel_id=5,
    participants={1: True, 2: False},
    voice="connected",
    live="ready",
    mode=Mode.EVERYONE,
    mixed=False,
    marks=True,
    holder=None,
    waiting=(),
    pressed=(),
    hangovers_ms={},
    to_say=0,
    volume=100,
    muted=False,
    mouth_to_live=measured(1, 2, 9),
    live_to_ear=Latency(),
    barge_in=Latency(),
    address_hold=measured(300),
    started_at=time.monotonic(),
    counters={},
)


def text(status: CallStatus, seen: Seen = WELL) -> str:
    return StatusView(status, seen, "now").text


def test_latencies_are_shown_where_they_were_measured() -> None:
    shown = text(CALM)
    assert "your word to Gemini: 2 / 9 ms of 3\n" in shown
    assert "falling silent when interrupted: not measured yet" in shown
    assert "I was meant" not in shown
    addressed = text(replace(CALM, mode=Mode.ADDRESSED))
    assert "**I answer:** people who call me by my name" in addressed
    assert "knowing that I was meant: 300 / 300 ms of 1" in addressed


def test_the_floor_is_shown_as_it_is_held() -> None:
    assert "**Speaking:** <@1>; next <@2>, <@3>" in text(replace(CALM, holder=1, waiting=(2, 3)))
    assert "**Speaking:** all are heard as one" in text(replace(CALM, mixed=True))
    pressed = replace(CALM, mode=Mode.PUSH_TO_TALK, pressed=(2,))
    assert "**Speaking:** nobody; Talk is pressed by <@2>" in text(pressed)


def test_the_cost_of_a_turns_end_is_the_holders() -> None:
    assert "nobody has spoken yet" in text(CALM)
    spoke = replace(CALM, hangovers_ms={1: 310.0, 2: 400.0})
    assert "turn has ended: 400 ms" in text(spoke)
    assert "turn has ended: 310 ms" in text(replace(spoke, holder=1))
    assert "turn has ended: Gemini's own judgement" in text(replace(spoke, marks=False))


def test_what_is_counted_is_shown_with_its_share() -> None:
    counters = {"heard": 9_900, "missing": 100, "ticks_late": 3, "live_connections": 3, "tools_run": 4}
    shown = text(replace(CALM, counters=counters))
    assert "9,900 heard, 100 lost on the way (1.0%)" in shown
    assert "left late: 3" in shown
    assert "new connections to Gemini: 2" in shown
    assert "tools used: 4" in shown


@pytest.mark.parametrize("name", HAPPENED)
def test_what_a_watchdog_did_is_shown_where_it_did_anything(name: str) -> None:
    assert f"- {HAPPENED[name]}: 1,234" in text(replace(CALM, counters={name: 1234}))
    assert HAPPENED[name] not in text(replace(CALM, counters={name: 0}))


def test_speech_that_was_lost_is_shown_in_seconds() -> None:
    assert "- your speech that never reached Gemini: 1.3 s" in text(replace(CALM, counters={LOST: 1340}))
    assert "never reached" not in text(replace(CALM, counters={LOST: 0}))


def test_a_call_in_which_nothing_happened_is_shown_without_zeros() -> None:
    counters = {"heard": 50, "missing": 0, "live_connections": 1, LOST: 0} | dict.fromkeys(HAPPENED, 0)
    counted = text(replace(CALM, counters=counters)).split("**Counted**\n")[1]
    assert counted == "- your packets of 20 ms: 50 heard, 0 lost on the way\nnow"


def test_the_largest_call_fits_into_a_message() -> None:
    people = tuple(10**19 + number for number in range(99))
    big = replace(
        CALM,
        participants={person: number % 2 == 0 for number, person in enumerate(people)},
        holder=people[0],
        waiting=people,
        pressed=people,
        mode=Mode.ADDRESSED,
        voice="reconnecting: " + "x" * 200,
        counters=dict.fromkeys(("heard", "missing", "live_connections", LOST, *HAPPENED), 10**12),
    )
    shown = text(big, Seen(muted=True, deafened=True))
    assert len(shown) < LIMIT
    assert "and 20 more" in shown
    assert "and 91 more" in shown


def test_where_talk_is_pressed_it_says_that_nobody_is_heard_before() -> None:
    shown = text(replace(CALM, mode=Mode.PUSH_TO_TALK))
    assert "**Heard after they press Talk:** <@1>" in shown
    assert "**Heard:** <@1>" in text(CALM)
