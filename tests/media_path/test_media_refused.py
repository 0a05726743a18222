"""Questions that Gemini's rules refuse: they are unfit, so nobody is offered to ask the same again."""

import pytest
from media_rig import Rig
from scripted_rest import Reply, ScriptedRest
from service_rig import gemini, rig, running

from bot.media.errors import MediaError, UnfitError

__all__ = ["gemini", "rig", "running"]


@pytest.mark.parametrize(
    ("reply", "final"),
    [
        (Reply(block="SAFETY"), True),
        (Reply(block="PROHIBITED_CONTENT"), True),
        (Reply(block="OTHER"), False),
        (Reply(words=(), reason="SAFETY"), True),
        # Another attempt may write another answer.
        (Reply(words=(), reason="SPII"), False),
        (Reply(words=(), reason="RECITATION"), False),
        (Reply(words=(), reason="MALFORMED_FUNCTION_CALL"), False),
        (Reply(words=(), reason="MAX_TOKENS"), False),
    ],
)
async def test_what_the_rules_refuse_is_unfit(
    rig: Rig, gemini: ScriptedRest, reply: Reply, final: bool
) -> None:
    gemini.replies.append(reply)
    with pytest.raises(MediaError) as caught:
        await rig.ask()
    assert isinstance(caught.value, UnfitError) is final
    assert len(gemini.asked) == 1
