"""The table of what the voice gateway's messages must hold: documented ones pass, and nothing else raises."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.voice.payloads import check_voice_server, check_voice_state, checked
from bot.voice.transport import MODES

ids = st.integers(0, 2**64 - 1).map(str)
u16, u32 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
versions = st.integers(0, 1)
DOCUMENTED: dict[int, st.SearchStrategy[Any]] = {
    2: st.fixed_dictionaries(
        {
            "ssrc": u32,
            "ip": st.ip_addresses().map(str),
            "port": st.integers(1, 65_535),
            "modes": st.lists(st.text()),
        }
    ),
    4: st.fixed_dictionaries(
        {
            "mode": st.sampled_from(MODES),
            "secret_key": st.binary(min_size=32, max_size=32).map(list),
            "dave_protocol_version": versions,
        }
    ),
    5: st.fixed_dictionaries({"user_id": ids, "ssrc": u32, "speaking": st.integers(0, 7)}),
    8: st.fixed_dictionaries({"v": st.just(8), "heartbeat_interval": st.floats(100, 60_000)}),
    11: st.fixed_dictionaries({"user_ids": st.lists(ids)}),
    13: st.fixed_dictionaries({"user_id": ids}),
    21: st.fixed_dictionaries({"transition_id": u16, "protocol_version": versions}),
    22: st.fixed_dictionaries({"transition_id": u16}),
    24: st.fixed_dictionaries({"epoch": st.integers(0, 2**64 - 1), "protocol_version": versions}),
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
names = ("user_id", "ssrc", "secret_key", "mode", "channel_id", "session_id", "token", "endpoint", "guild_id")


@settings(max_examples=80, deadline=None)
@given(data=st.data(), op=st.sampled_from(sorted(DOCUMENTED)), sequence=u16)
def test_what_is_documented_passes_as_it_is(data: st.DataObject, op: int, sequence: int) -> None:
    told = data.draw(DOCUMENTED[op])
    assert checked({"op": op, "d": told, "seq": sequence}) == (op, told)
    assert checked({"op": op, "d": told}) == (op, told)


@settings(max_examples=100, deadline=None)
@given(
    op=st.sampled_from(sorted(DOCUMENTED)) | anything,
    told=anything | st.dictionaries(st.sampled_from(names), anything),
)
def test_of_anything_else_nothing_but_a_refusal_comes(op: Any, told: Any) -> None:
    for check in (checked, check_voice_state, check_voice_server):
        for message in ({"op": op, "d": told}, told):
            try:
                check(message)
            except (ValueError, KeyError) as error:
                assert len(str(error)) < 60, "what is refused is not quoted"


@pytest.mark.parametrize("op", [0, 6, 9, 15, 18, 20, 40, 255])
def test_what_is_not_in_the_table_is_for_others_to_know(op: int) -> None:
    assert checked({"op": op, "d": None}) == (op, None)


def test_leaving_needs_no_session_and_a_lost_server_no_endpoint() -> None:
    check_voice_state({"channel_id": None})
    check_voice_state({"channel_id": "5", "session_id": "s"})
    check_voice_server({"guild_id": "1", "token": "t"})
    check_voice_server({"guild_id": "1", "token": "t", "endpoint": None})
    with pytest.raises(KeyError):
        check_voice_state({"channel_id": "5"})
