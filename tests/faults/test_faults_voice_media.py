"""Datagrams that fare badly and an overloaded loop, on the whole bot: nothing that was said is lost."""

from fault_play import play, survives

__all__ = ["play"]

test_a_fault_is_survived = survives("rows_voice_media", "rows_voice_overload")
