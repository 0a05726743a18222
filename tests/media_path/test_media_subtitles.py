"""Subtitles, read back by a strict parser of our own and by FFmpeg's."""

import io
import itertools
import re
import unicodedata
from dataclasses import dataclass

import av
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.media.subtitles import COLUMNS, LEAST_MS, Cue, srt

_STAMP = r"([0-9]{2,}):([0-5][0-9]):([0-5][0-9]),([0-9]{3})"
_TIMES = re.compile(f"{_STAMP} --> {_STAMP}")


@dataclass
class Read:
    start: int
    end: int
    lines: list[str]


def read(text: str) -> list[Read]:
    """Read a SubRip file, and fail on anything that is not as it has to be."""
    assert text == "" or text.endswith("\r\n\r\n")
    assert "\n" not in text.replace("\r\n", "")
    found: list[Read] = []
    for number, block in enumerate(text.split("\r\n\r\n")[:-1], start=1):
        index, times, *lines = block.split("\r\n")
        assert index == str(number)
        match = _TIMES.fullmatch(times)
        assert match is not None, times
        h0, m0, s0, ms0, h1, m1, s1, ms1 = map(int, match.groups())
        start, end = ((h * 60 + m) * 60 + s for h, m, s in ((h0, m0, s0), (h1, m1, s1)))
        assert 1 <= len(lines) <= 2
        assert all(line.strip() and "-->" not in line for line in lines)
        found.append(Read(start * 1000 + ms0, end * 1000 + ms1, lines))
    return found


def columns(text: str) -> int:
    marks = sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)
    return len(text) - marks + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def packets(text: str) -> list[tuple[float, float, str]]:
    """Read a SubRip file with FFmpeg: (start, end, text) in seconds."""
    with av.open(io.BytesIO(text.encode()), format="srt") as file:
        stream = file.streams.subtitles[0]
        return [
            (
                float(packet.pts * stream.time_base),
                float((packet.pts + packet.duration) * stream.time_base),
                bytes(packet).decode(),
            )
            for packet in file.demux(stream)
            if packet.pts is not None
        ]


def test_what_is_written() -> None:
    cues = [Cue(0, 1.5, "Hello."), Cue(3661.042, 3663, "He was not\nan ill disposed young man.")]
    assert srt(cues) == (
        "1\r\n00:00:00,000 --> 00:00:01,500\r\nHello.\r\n\r\n"
        "2\r\n01:01:01,042 --> 01:01:03,000\r\nHe was not an ill disposed young man.\r\n\r\n"
    )


def test_ffmpeg_reads_the_same() -> None:
    cues = [Cue(0.25, 1.5, "Hello."), Cue(3661.042, 3663, "1984"), Cue(3700, 3710, "a --> b")]
    assert packets(srt(cues)) == [(0.25, 1.5, "Hello."), (3661.042, 3663.0, "1984"), (3700, 3710, "a -> b")]


def test_what_is_long_is_shown_in_several_parts_for_their_share_of_the_time() -> None:
    text = (
        "Had he married a more amiable woman, he might have been made still more respectable than he was: "
        "he might even have been made amiable himself."
    )
    first, second = read(srt([Cue(10, 20, text)]))
    assert " ".join([*first.lines, *second.lines]) == text
    assert first.start == 10_000 and first.end == second.start and second.end == 20_000
    assert 4_500 < first.end - first.start < 5_500
    assert all(25 < len(line) <= COLUMNS for line in (*first.lines, *second.lines)), "lines are even"


def test_scripts_without_spaces_break_between_letters() -> None:
    (cue,) = read(srt([Cue(0, 9, "今日は天気がいいですね、だから公園まで散歩に行きましょうか。")]))
    assert "".join(cue.lines) == "今日は天気がいいですね、だから公園まで散歩に行きましょうか。"
    assert len(cue.lines) == 2
    assert cue.lines[1][0] not in "、。"


def test_a_long_address_is_broken_and_a_long_word_that_fits_is_not() -> None:
    (cue,) = read(srt([Cue(0, 9, "https://example.com/" + "a" * 50)]))
    assert "".join(cue.lines) == "https://example.com/" + "a" * 50
    word = "Donaudampfschifffahrtsgesellschaft"
    (cue,) = read(srt([Cue(0, 9, f"Die {word} ist alt und hat Schiffe")]))
    assert word in " ".join(cue.lines).split()


def test_nothing_is_shown_over_something_else_or_too_short() -> None:
    cues = [Cue(0, 10, "one"), Cue(4, 4.01, "two"), Cue(4.02, 6, "three"), Cue(4.02, 4.02, "four")]
    assert [(each.start, each.end, each.lines) for each in read(srt(cues))] == [
        (0, 4_000, ["one"]),
        (4_000, 4_700, ["two"]),
        (4_700, 5_400, ["three"]),
        (5_400, 6_100, ["four"]),
    ]


def test_nothing_is_said() -> None:
    assert srt([]) == srt([Cue(0, 1, " \n\0 ")]) == ""


CUES = st.builds(Cue, st.floats(0, 5_000), st.floats(0, 5_000), st.text(max_size=300))
TRICKY = st.text(st.sampled_from("1\n\r-> \u2028:,今a\0\ud800"), max_size=60)


@given(st.lists(CUES | st.builds(Cue, st.floats(0, 20), st.floats(0, 20), TRICKY), max_size=12))
@example([Cue(0, 1, "1\n\n2\n00:00:01,000 --> 00:00:02,000\nx")])
@example([Cue(0, 1, "---->->")])
@settings(max_examples=200, deadline=None)
def test_any_cues_make_a_file_that_is_accepted(cues: list[Cue]) -> None:
    written = srt(cues)
    found = read(written)
    for each in found:
        assert each.end - each.start >= LEAST_MS
        assert all(columns(line) <= COLUMNS for line in each.lines)
    for before, after in itertools.pairwise(found):
        assert before.end <= after.start
    if found:
        seen = packets(written)
        assert [(round(a * 1000), round(b * 1000)) for a, b, _ in seen] == [(r.start, r.end) for r in found]
