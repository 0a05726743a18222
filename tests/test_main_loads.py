"""What the bot loads before it is on Discord: people in a call that it comes back to wait for that."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# A second and more to import, for what the running bot needs seldom or not at all.
LATER = {"scipy", "matplotlib", "alembic", "espeakng_loader", "bot.emulators", "bot.demo"}


def test_large_libraries_that_can_wait_are_not_loaded() -> None:
    program = f"import sys, bot.app\nprint(sorted({LATER!r} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert result.stdout.strip() == "[]"
