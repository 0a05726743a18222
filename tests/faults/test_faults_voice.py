"""Each fault of a voice connection, on the whole bot: nothing that was said is lost."""

from collections.abc import Callable

import pytest
from fault_play import Play, play
from fault_row import Row
from fault_rows import rows

__all__ = ["play"]


@pytest.mark.parametrize("row", rows("voice"), ids=lambda row: row.id)
def test_a_voice_fault_is_survived(
    row: Row, play: Play, record_property: Callable[[str, object], None]
) -> None:
    outcome = play(row)
    print(f"{row.name}, {row.where}: {outcome.silence_ms} ms. {outcome.note}")
    record_property("silence_ms", outcome.silence_ms)
    assert outcome.survived, outcome.trouble
