"""Parts of a voice connection die or fall silent, on the whole bot: nothing that was said is lost."""

from fault_play import play, survives

__all__ = ["play"]

test_a_fault_is_survived = survives("rows_voice_parts", "rows_voice_silent")
