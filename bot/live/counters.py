"""What happened to a Live session, as plain counters."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class LiveCounters:
    """What happened to a session so far."""

    connections: int = 0
    resumed: int = 0
    failures: int = 0
    held_up: int = 0
    """Attempts that waited as others had found that none succeeds."""
    unreadable_messages: int = 0
    """Messages that were no message; the connection went on."""
    fenced_messages: int = 0
    """Messages of an older connection."""
    unplayable_chunks: int = 0
    """Chunks of answers that were no PCM."""
    stray_chunks: int = 0
    """Chunks of an answer that came after its interruption."""
    fallbacks: int = 0
    """Models that were refused, so that another took their place."""
    phantom_interruptions: int = 0
    """Answers that were broken off though nobody spoke."""
    untold_interruptions: int = 0
    """Answers that somebody interrupted, and whose end the model never told."""
    answers: int = 0
    """Answers that were told to their end."""
    answers_gone_on: int = 0
    """Answers that a lost connection cut off, and that the next one was asked to go on with."""
    tool_calls: int = 0
    tool_calls_refused: int = 0
    """Calls beyond those that can be open at once; they were not begun, but answered."""
    tool_results_fenced: int = 0
    """Results of calls that were cancelled, or asked for over an older connection."""

    def named(self) -> dict[str, int]:
        """Return them by the names that they have outside."""
        return {f"live_{name}": count for name, count in asdict(self).items()}
