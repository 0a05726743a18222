"""What Gemini Live may send, fuzzed for some seconds; `make fuzz` does it for minutes."""

from fuzz_engine import fuzz
from fuzz_live import LiveMessages

TOLD = ("AnswerAudio", "Interrupted", "InputTranscript", "ToolCalled", "Usage", "Lost", "unreadable")


def test_no_message_ends_the_session_in_another_way_than_a_lost_connection() -> None:
    outcome = fuzz(LiveMessages, 4_000, "ci")
    assert not outcome.findings, "\n".join(map(str, outcome.findings))
    assert not [name for name in TOLD if not outcome.tally.get(name)]
