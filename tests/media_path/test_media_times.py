"""Times and ranges as people write them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.media import spans
from bot.media.lengths import clock
from bot.media.times import AROUND_S, Range, parse_range

SECONDS = st.integers(0, 99 * 3600)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1:10-2:00", 70, 120),
        ("1:10 – 2:00", 70, 120),  # noqa: RUF001 - phones write this dash
        ("1:10…2:00", 70, 120),
        ("from 1:10 to 2:00", 70, 120),
        ("between 59:59 and 1:00:01", 3599, 3601),
        ("90s-2m30s", 90, 150),
        ("1 h 2 min until 1h3m", 3720, 3780),
        ("0:01.5-0:02,25", 1.5, 2.25),
        ("-2:00", 0, 120),
        ("until 2 minutes", 0, 120),
        ("1:10-", 70, None),
        ("2:00-1:10", 120, 70),
    ],
)
def test_ranges(text: str, start: float, end: float | None) -> None:
    assert parse_range(text) == Range(start, end)


@pytest.mark.parametrize(
    ("text", "at"), [("0:45", 45), ("1:02:03", 3723), ("at 1m30s", 90), ("@90 sec", 90), ("2hours", 7200)]
)
def test_a_single_time_is_what_lies_around_it(text: str, at: float) -> None:
    assert parse_range(text) == Range(at - AROUND_S, at + AROUND_S, at)


def test_nothing_lies_before_the_beginning() -> None:
    assert parse_range("0:05") == Range(0, 20, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "to",
        "45",
        "2020-2021",
        "0:75",
        "1:2:3",
        "1:100:00",
        "why does he say 0:45?",
        "0:45 to the end",
        "1m2",
        "s",
        "١:٣٠",  # noqa: RUF001
        "1:10-2:00-3:00",
    ],
)
def test_all_else_is_a_question(text: str) -> None:
    assert parse_range(text) is None


@given(SECONDS, SECONDS | st.none())
def test_what_is_written_reads_as_what_it_was(start: int, end: int | None) -> None:
    part = Range(float(start), None if end is None else float(end))
    assert parse_range(str(part)) == part


@given(SECONDS)
def test_a_clock_reads_as_its_seconds(seconds: int) -> None:
    part = parse_range(clock(seconds))
    assert part is not None and part.at_s == seconds


@given(st.text() | st.text("0123456789:-,. hms"))
@example("9" * 10_000)
@example("1:" * 5_000)
def test_any_text_is_a_range_or_none(text: str) -> None:
    part = parse_range(text)
    assert part is None or part.start_s >= 0


def span(start: object, end: object) -> dict[str, object]:
    return {"start": start, "end": end}


def test_spans_in_order_are_well() -> None:
    assert spans.faults([span(0, 5), span(4.5, 9), span(9, 60.5)], "chapters", 0, 60) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([span(0, 5), span(3, 9)], "chapters[1] (3 to 9 s) begins before 5 s, where the one before it ends"),
        ([span(5, 5)], "chapters[0] (5 to 5 s) ends before it begins"),
        ([span(50, 70)], "chapters[0] (50 to 70 s) is not within the recording"),
        ([{"start": 1}], "chapters[0] lacks start or end"),
    ],
)
def test_what_is_wrong_with_spans_is_told(found: list[dict[str, object]], told: str) -> None:
    (fault,) = spans.faults(found, "chapters", 0, 60)
    assert fault.startswith(told)


def test_people_may_talk_at_the_same_time_but_not_backwards() -> None:
    assert spans.faults([span(0, 9), span(3, 5), span(4, 4)], "segments", 0, 60, overlap=True) == []
    (fault,) = spans.faults([span(20, 29), span(3, 5)], "segments", 0, 60, overlap=True)
    assert "begins before 20 s, where the one before it begins" in fault


ANY = st.none() | st.booleans() | st.text() | st.floats() | st.integers()


@given(st.lists(st.dictionaries(st.sampled_from(["start", "end"]), ANY)), st.floats(0, 100) | st.none())
def test_any_spans_become_ordered_ones_within_the_recording(
    found: list[dict[str, object]], length: float | None
) -> None:
    assert all(isinstance(told, str) for told in spans.faults(found, "cues", 0, length))
    ordered = spans.ordered(found, 0, length)
    starts = [start for start, _, _ in ordered]
    assert starts == sorted(starts)
    for start, end, _ in ordered:
        assert 0 <= start <= end <= (spans.LONGEST_S if length is None else length)
