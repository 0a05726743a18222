"""What requests cost the bot: bounded memory whatever is posted, little time, and no late voice frame.

Each probe is a process of its own, so that nothing else is in its memory. Times are compared within one run:
with the same bytes merely fetched or decoded, and with a process that does nothing but keep time.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROBE = Path(__file__).with_name("media_probe.py")
MORE_MB = 64.0  # the most that a film may add to resident memory, however large
ADDED_MS = 150.0  # the most that the bot may add to what fetching a photo takes by itself
# On a machine that does much else the same work takes longer. Decoding such a photo in full takes 68 ms on
# one that is idle, so the bound in its terms:
ADDED_DECODES = ADDED_MS / 68.0
LATE_MS = 5.0  # the most by which a voice frame may be delayed
PROBES = 3  # what else the machine does may delay a frame in one or two of them; what we do delays it in each
MOST_LATE_MS = 10.0  # half a frame, which every receiver buffers: ten at once build requests at the same time

Record = Callable[[str, object], None]


def probe(*arguments: object) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(PROBE.parents[2])}
    command = [sys.executable, str(PROBE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_film_of_500_mb_passes_through(record_testsuite_property: Record) -> None:
    found = probe("film", 500, 1)
    record_testsuite_property("media_film_500_mb", found)
    assert found["mb"] == 500 and found["rss_growth_mb"] < MORE_MB


def test_ten_films_at_once(record_testsuite_property: Record) -> None:
    found = probe("film", 30, 10)
    record_testsuite_property("media_ten_films", found)
    assert found["rss_growth_mb"] < MORE_MB


def test_a_photo_of_4_mb(record_testsuite_property: Record) -> None:
    found = probe("photo", 15)
    record_testsuite_property("media_photo", found)
    assert found["mb"] > 3.5
    assert found["added_p50_ms"] < max(ADDED_MS, ADDED_DECODES * found["decode_p50_ms"])


@pytest.mark.parametrize(("work", "at_once"), [("fit", 10), ("ask", 1)])
def test_voice_frames_beside_photos(work: str, at_once: int, record_testsuite_property: Record) -> None:
    """Scaling ten photos at once, or asking about one after the other, delays no frame of a call."""
    for _ in range(PROBES):
        found = probe(work, 5, at_once)
        if max(found["delayed_ms"].values()) < LATE_MS:
            break
    record_testsuite_property(f"media_voice_beside_{work}_{at_once}", found)
    for where in ("clock", "loop"):
        assert found[where]["beside"]["frames"] > 50
        assert found["delayed_ms"][where] < LATE_MS


def test_voice_frames_beside_ten_requests_at_once(record_testsuite_property: Record) -> None:
    found = probe("ask", 5, 10)
    record_testsuite_property("media_voice_beside_ask_10", found)
    assert found["delayed_ms"]["clock"] < MOST_LATE_MS
