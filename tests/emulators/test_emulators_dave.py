"""The DAVE delivery service against two independent MLS implementations."""

import random

import pytest
from dave_clients import DaveClient, DaveyClient, LibdaveClient, SimulatedCall
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.emulators.discord.voice.errors import MalformedError, RefusedError
from bot.emulators.discord.voice.external_sender import ExternalSender
from bot.emulators.discord.voice.messages import Op
from bot.emulators.discord.voice.mls import KeyPackage, Welcome, parse_commit_welcome
from bot.emulators.discord.voice.wire import Reader, vec


def client(kind: str, user_id: int) -> DaveClient:
    return DaveyClient(user_id) if kind == "davey" else LibdaveClient(user_id)


@pytest.mark.parametrize("kinds", [("davey",), ("libdave",), ("davey", "libdave")])
@pytest.mark.parametrize("size", range(1, 7))
def test_members_who_join_together_form_one_group(kinds: tuple[str, ...], size: int) -> None:
    call = SimulatedCall(seed=size)
    for index in range(size):
        call.join(client(kinds[index % len(kinds)], 100 + index))
    call.settle()
    call.assert_agreed()
    assert sum(each.invalid for each in call.clients.values()) == 0


@pytest.mark.parametrize("kinds", [("davey",), ("libdave",), ("davey", "libdave")])
def test_members_who_join_and_leave_one_by_one(kinds: tuple[str, ...]) -> None:
    call = SimulatedCall()
    for index in range(6):
        call.join(client(kinds[index % len(kinds)], 100 + index))
        call.settle()
        call.assert_agreed()
    for user_id in (101, 100, 104, 105):
        call.leave(user_id)
        call.settle()
        call.assert_agreed()
    assert sum(each.invalid for each in call.clients.values()) == 0


@pytest.mark.parametrize("kind", ["davey", "libdave"])
def test_a_member_that_an_implementation_fails_comes_back_by_op_31(kind: str) -> None:
    """libdave can't read the path of a commit from beyond a subtree in which its own leaf is unmerged.

    All others can, so the messages are right; who fails says so and is added anew, and all agree again.
    """
    call = SimulatedCall(3)
    for user_id in (1, 2, 3, 4):
        call.join(client(kind, user_id))
        call.settle()
    call.leave(call.service.group.staying[3])  # a commit with a path gives the subtree of four leaves a key
    for user_id in (5, 6, 7):
        call.settle()
        call.join(client(kind, user_id))  # by commits without one: 5 is unmerged there, 6 and 7 lie beyond
    call.settle()
    assert call.service.group.leaves == [1, 2, 3, 5, 6, 7]
    call.leave(6)
    call.deliver_first(7)
    call.settle()
    call.assert_agreed()
    failed = {user_id: each.invalid for user_id, each in call.clients.items() if each.invalid}
    assert failed == ({5: 1} if kind == "libdave" else {})


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), mixed=st.booleans())
@example(seed=16420887, mixed=True)  # where libdave fails, as above
def test_any_order_of_joins_and_leaves_ends_in_agreement(seed: int, mixed: bool) -> None:
    dice, call, fresh = random.Random(seed), SimulatedCall(seed), 100
    for _ in range(dice.randrange(3, 14)):
        if call.clients and (len(call.clients) == 6 or dice.random() < 0.4):
            call.leave(dice.choice(list(call.clients)))
        else:
            fresh += 1
            call.join(client("libdave" if mixed and dice.random() < 0.5 else "davey", fresh))
        for _ in range(dice.randrange(30)):
            call.step()
    call.settle()
    call.assert_agreed()
    # libdave may fail, seldom, and comes back: see above.
    assert not any(each.invalid for each in call.clients.values() if not isinstance(each, LibdaveClient))


def settled(*members: DaveClient, seed: int = 0) -> SimulatedCall:
    call = SimulatedCall(seed)
    for member in members:
        call.join(member)
    call.settle()
    call.assert_agreed()
    call.sent.clear()
    call.refused.clear()
    return call


def sent(call: SimulatedCall, *ops: Op) -> list[tuple[int, Op]]:
    return [(each.user_id, each.op) for each in call.sent if each.op in ops]


def test_the_first_commit_of_an_epoch_wins() -> None:
    call = settled(DaveyClient(1), DaveyClient(2), DaveyClient(3))
    epoch = call.service.group.epoch
    call.join(LibdaveClient(4))
    call.settle()
    call.assert_agreed()
    assert call.service.group.epoch == epoch + 1
    assert call.refused == [f"a commit of epoch {epoch} in epoch {epoch + 1}"] * 2
    assert sorted(sent(call, Op.ANNOUNCE_COMMIT, Op.WELCOME)) == [(1, 29), (2, 29), (3, 29), (4, 30)]
    assert sorted(sent(call, Op.EXECUTE_TRANSITION)) == [(1, 22), (2, 22), (3, 22), (4, 22)]


def test_the_first_group_is_executed_at_once_and_nobody_gets_their_own_add() -> None:
    call = SimulatedCall()
    call.join(DaveyClient(0xABCDEF01))
    call.join(LibdaveClient(0xABCDEF02))
    call.settle()
    assert not sent(call, Op.EXECUTE_TRANSITION, Op.PREPARE_TRANSITION, Op.PREPARE_EPOCH)
    binary = [(each.user_id, each.op, each.data) for each in call.sent if isinstance(each.data, bytes)]
    announced = [data[:2] for _, op, data in binary if op in (Op.ANNOUNCE_COMMIT, Op.WELCOME)]
    assert announced == [b"\0\0"] * 2
    assert not any(user.to_bytes(8, "big") in data for user, op, data in binary if op is Op.PROPOSALS)


def test_a_welcome_has_its_receivers_secrets_only() -> None:
    call = SimulatedCall()
    for user_id in range(1, 5):
        call.join(DaveyClient(user_id))
    call.settle()
    cut = [each.data for each in call.sent if each.op is Op.WELCOME]
    secrets = [Welcome.read(Reader(data[2:])).secrets for data in cut if isinstance(data, bytes)]
    assert [len(each) for each in secrets] == [1, 1, 1]
    assert len({ref for each in secrets for ref in each}) == 3


@pytest.mark.parametrize("kind", ["davey", "libdave"])
@pytest.mark.parametrize("leaver", [3, 5])
def test_someone_leaves_while_others_are_being_added(kind: str, leaver: int) -> None:
    call = settled(*(client(kind, user_id) for user_id in (1, 2, 3)))
    for user_id in (4, 5):
        call.join(client(kind, user_id))
    while not (call.service.group.add_of(4) and call.service.group.add_of(5)):
        assert call.step()
    call.leave(leaver)
    call.settle()
    call.assert_agreed()
    assert sum(each.invalid for each in call.clients.values()) == 0


def test_a_sole_member_is_reset_and_can_be_joined_again() -> None:
    call = settled(DaveyClient(1), LibdaveClient(2))
    call.leave(2)
    assert [(each.op, each.data) for each in call.sent] == [
        (Op.PREPARE_EPOCH, {"protocol_version": 1, "epoch": 1}),
        (Op.PREPARE_TRANSITION, {"protocol_version": 1, "transition_id": 0}),
    ]
    call.settle()
    assert not call.service.group.established
    call.join(LibdaveClient(3))
    call.settle()
    call.assert_agreed()


def test_everyone_leaves_and_others_come() -> None:
    call = settled(DaveyClient(1), DaveyClient(2))
    call.leave(1)
    call.leave(2)
    for user_id in (3, 4):
        call.join(LibdaveClient(user_id))
    call.settle()
    call.assert_agreed()


@pytest.mark.parametrize("kind", ["davey", "libdave"])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_op_31_brings_a_member_back(kind: str, size: int) -> None:
    call = settled(*(client(kind, user_id) for user_id in range(1, size + 1)), seed=size)
    member = call.clients[2]
    call.say(2, (Op.INVALID_COMMIT_WELCOME, {"transition_id": 1}), *member.session_description(1))
    call.settle()
    call.assert_agreed()
    assert sum(each.invalid for each in call.clients.values()) == 0


def test_a_commit_that_is_garbled_on_the_way_is_recovered_from() -> None:
    call = settled(DaveyClient(1), DaveyClient(2), DaveyClient(3))
    victim, receive = call.clients[2], call.clients[2].receive

    def garble(op: Op, data: bytes) -> object:
        if op is Op.ANNOUNCE_COMMIT and not victim.invalid:
            data = data[:-1] + bytes((data[-1] ^ 1,))
        return receive(op, data)

    victim.receive = garble  # type: ignore[method-assign, assignment]
    call.join(DaveyClient(4))
    call.settle()
    call.assert_agreed()


def test_a_client_that_never_reports_ready_holds_nobody_up() -> None:
    call = settled(DaveyClient(1), DaveyClient(2))
    call.clients[2].receive = lambda op, data: []  # type: ignore[method-assign]
    call.join(DaveyClient(3))
    while call.step():
        pass
    assert not sent(call, Op.EXECUTE_TRANSITION)
    call.now += call.knobs.transition_timeout_s
    assert sorted(each.user_id for each in call.service.poll(call.now)) == [1, 2, 3]


def test_down_to_transport_encryption_and_up_again() -> None:
    call = settled(DaveyClient(1), DaveyClient(2))
    old = DaveyClient(3, max_version=0)
    call.join(old)
    assert sorted(sent(call, Op.PREPARE_TRANSITION)) == [(1, 21), (2, 21)]
    assert (call.service.version, call.service.media_version) == (0, 1)
    call.settle()
    assert call.service.media_version == 0
    assert [client.version for client in call.clients.values() if isinstance(client, DaveyClient)] == [0] * 3
    assert not sent(call, Op.PROPOSALS)
    call.leave(3)
    assert call.service.media_version == 0  # until the new group's transition
    call.settle()
    call.assert_agreed()
    assert call.service.media_version == 1
    assert sorted(sent(call, Op.PREPARE_EPOCH)) == [(1, 24), (2, 24)]
    assert sorted(sent(call, Op.EXECUTE_TRANSITION))[-1] == (2, 22)


def test_the_version_can_be_forced_with_a_call_running() -> None:
    call = settled(DaveyClient(1), LibdaveClient(2), DaveyClient(3))
    call.knobs.max_version = 0
    call.settle()
    assert call.service.media_version == 0
    call.join(DaveyClient(4))
    call.settle()
    call.knobs.max_version = 1
    call.settle()
    call.assert_agreed()
    assert call.service.media_version == 1


def test_a_set_of_proposals_never_comes_back() -> None:
    """A commit for {Remove} must not be valid after {Remove, Add} became {Remove} again; see `_renew`."""
    call = settled(DaveyClient(1), DaveyClient(2), DaveyClient(3), DaveyClient(4))
    call.leave(4)
    before = set(call.service.group.proposals)
    package = davey_package(5)
    call.service.joined(5, 1, 0.0)
    call.service.key_package(5, package)
    call.service.left(5, 0.0)
    assert len(before) == 1 and len(call.service.group.proposals) == 1
    assert before.isdisjoint(call.service.group.proposals)


def davey_package(user_id: int) -> bytes:
    ((_, package),) = DaveyClient(user_id).session_description(1)
    assert isinstance(package, bytes)
    return package


def test_key_packages_are_checked() -> None:
    package = KeyPackage.parse(davey_package(1))
    package.verify(1)
    with pytest.raises(RefusedError, match="another user"):
        package.verify(2)
    raw = package.raw[:-1] + bytes((package.raw[-1] ^ 1,))
    with pytest.raises(RefusedError, match="false signature"):
        KeyPackage.parse(raw).verify(1)
    raw = package.raw.replace(b"\xff" * 8, b"\xff" * 7 + b"\xfe")
    with pytest.raises(RefusedError, match="lifetime"):
        KeyPackage.parse(raw).verify(1)


def test_a_stranger_and_a_plain_call_have_no_mls() -> None:
    call = SimulatedCall()
    with pytest.raises(RefusedError):
        call.service.key_package(1, davey_package(1))
    call.join(DaveyClient(1))
    call.join(DaveyClient(2, max_version=0))
    with pytest.raises(RefusedError):
        call.service.key_package(1, davey_package(1))


@given(st.binary(max_size=300))
def test_vectors_come_back(body: bytes) -> None:
    reader = Reader(vec(body) + b"tail")
    assert (reader.vec(), reader.rest()) == (body, b"tail")


PACKAGE = davey_package(1)  # one for all examples: their lengths differ by a signature's leading zeros


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_messages_are_refused_and_nothing_else(data: st.DataObject) -> None:
    package = bytearray(PACKAGE)
    cut = data.draw(st.integers(0, len(package) - 1))
    for parse in (KeyPackage.parse, parse_commit_welcome):
        with pytest.raises(MalformedError):
            parse(bytes(package[:cut]))
    package[cut] ^= data.draw(st.integers(1, 255))
    with pytest.raises(RefusedError):
        KeyPackage.parse(bytes(package)).verify(1)


def test_external_sender_signatures_differ_each_time() -> None:
    sender = ExternalSender()
    assert sender.remove(b"group", 3, 1).ref != sender.remove(b"group", 3, 1).ref
