"""Requests by REST that go wrong while a call goes on, on the whole bot."""

from fault_play import play, survives

__all__ = ["play"]

test_a_fault_is_survived = survives("rows_rest")
