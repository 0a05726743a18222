"""What requests cost the bot: memory is bounded whatever is posted; times are recorded.

Each probe is a process of its own, so that nothing else is in its memory.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("media_probe.py")
MORE_MB = 64.0  # the most that a film may add to resident memory, however large
SLOW_MS = 2000.0  # a picture's way, on a machine that does much else


def probe(*arguments: object) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(PROBE.parents[2])}
    command = [sys.executable, str(PROBE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_film_of_500_mb_passes_through(record_testsuite_property: Callable[[str, object], None]) -> None:
    found = probe("film", 500, 1)
    record_testsuite_property("media_film_500_mb", found)
    assert found["mb"] == 500 and found["rss_growth_mb"] < MORE_MB


def test_ten_films_at_once(record_testsuite_property: Callable[[str, object], None]) -> None:
    found = probe("film", 30, 10)
    record_testsuite_property("media_ten_films", found)
    assert found["rss_growth_mb"] < MORE_MB


def test_a_photo_of_4_mb(record_testsuite_property: Callable[[str, object], None]) -> None:
    found = probe("photo", 5)
    record_testsuite_property("media_photo", found)
    assert found["first_p50_ms"] < SLOW_MS
