"""What people post to do harm, on the whole bot: the call goes on."""

from fault_play import play, survives

__all__ = ["play"]

test_a_fault_is_survived = survives("rows_hostile")
