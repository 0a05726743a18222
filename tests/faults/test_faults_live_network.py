"""The network under a Live connection, and quotas, on the whole bot: nothing that was said is lost."""

from fault_play import play, survives

__all__ = ["play"]

test_a_fault_is_survived = survives("rows_live_addressed", "rows_live_mute", "rows_live_network")
