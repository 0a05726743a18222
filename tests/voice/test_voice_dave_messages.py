"""Messages of the end-to-end encryption that are stale, strange or come at a wrong time: the call goes on."""

import asyncio

import davey
import pytest
from voice_call import Call, eventually, tone
from voice_people import ann, both_ways, call, meet

from bot.audio.ratepath import rate_path
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.voice.mls import KeyPackage, parse_commit_welcome
from bot.emulators.discord.voice.rtp import RtpHeader
from bot.emulators.discord.voice.wire import vec
from bot.emulators.person import Person
from bot.voice import encryption
from bot.voice.events import Deaf, Disconnected

__all__ = ["ann", "call"]

COMMIT_OP, INVALID_OP = 28, 31


async def goes_on(call: Call, ann: Person) -> None:
    await call.secured_with(ann)
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    assert call.of(Disconnected) == []


def proposal_to_add(call: Call, user_id: int) -> bytes:
    """Return op 27 with a proposal that is in order but for whom it adds; the server then forgets it."""
    room = call.emulator.voice.room(call.channel().id)
    assert room is not None
    package = davey.DaveSession(1, user_id, room.channel_id).get_serialized_key_package()
    signed = room.delivery.group.propose_add(user_id, KeyPackage.parse(package)).signed
    room.delivery.group.proposals.clear()
    return b"\x1b\x00" + vec(signed.message)


async def test_nobody_is_let_in_whom_the_gateway_did_not_announce(call: Call, ann: Person) -> None:
    await meet(call, ann)
    refused = call.voice.counters()["dave_messages_refused"]
    call.emulator.trace.clear()
    call.emulator.voice.inject(call.user_id, proposal_to_add(call, 901))
    await eventually(lambda: call.voice.counters()["dave_messages_refused"] > refused, "it is refused")
    assert call.told(COMMIT_OP) == []
    await goes_on(call, ann)


async def test_a_stale_proposal_changes_nothing(
    call: Call, ann: Person, discord_emulator: DiscordEmulator
) -> None:
    await meet(call, ann)
    stale = proposal_to_add(call, ann.user.id)
    ben = Person(discord_emulator, discord_emulator.world.add_user("ben"))
    await ben.join(call.channel().id)
    await ben.secured_with(ann.user.id, call.user_id)  # another epoch
    await asyncio.sleep(0.3)  # commits that came too late for it are on their way
    refused = call.voice.counters()["dave_messages_refused"]
    call.emulator.trace.clear()
    call.emulator.voice.inject(call.user_id, stale)
    await eventually(lambda: call.voice.counters()["dave_messages_refused"] > refused, "it is refused")
    assert call.told(COMMIT_OP) == []
    await goes_on(call, ann)
    await ben.leave()


async def test_another_external_sender_in_mid_call_changes_nothing(call: Call, ann: Person) -> None:
    await meet(call, ann)
    sent = [e for e in call.emulator.trace.of("voice.out") if e.fields["op"] == 25]
    call.emulator.voice.inject(call.user_id, b"\x19" + sent[-1].fields["data"])
    await asyncio.sleep(0.1)
    await goes_on(call, ann)


async def test_an_invalid_commit_is_recovered_from_without_a_storm(call: Call, ann: Person) -> None:
    await meet(call, ann)
    for _ in range(5):
        call.emulator.voice.inject(call.user_id, b"\x1d\x00\x07garbage")
        call.emulator.voice.inject(call.user_id, b"\x1e\x00\x08garbage")
    await eventually(lambda: len(call.told(INVALID_OP)) >= 1, "the recovery")
    await asyncio.sleep(2.0)
    assert len(call.told(INVALID_OP)) == 1  # what came while we were out of the group needs none
    await both_ways(call, ann)


async def test_an_invalid_commit_right_after_a_recovery_is_recovered_from_too(
    call: Call, ann: Person
) -> None:
    await meet(call, ann)
    for times in (1, 2):
        call.emulator.voice.inject(call.user_id, b"\x1d\x00\x07garbage")
        await eventually(lambda times=times: len(call.told(INVALID_OP)) == times, "the recovery")  # type: ignore[misc]
        await call.secured_with(ann)
    await both_ways(call, ann)


@pytest.mark.parametrize("consents", [True, False])
async def test_a_lost_welcome_is_noticed_though_nobody_speaks_who_is_heard(
    call: Call, ann: Person, consents: bool
) -> None:
    if not consents:
        call.deaf_to.add(ann.user.id)
    await meet(call, ann)
    session = call.voice._connection.dave_session
    assert session is not None
    session.reinit(1, call.user_id, call.channel().id)  # as before the welcome, and none is on its way
    if not consents:
        await ann.speak(tone(1.0), rate_hz=24_000)
    await eventually(lambda: len(call.told(INVALID_OP)) == 1, "new keys are asked for")
    call.deaf_to.clear()
    await both_ways(call, ann)
    assert call.voice.counters()["dave_recoveries"] == 1
    assert not call.of(Disconnected)
    assert not call.of(Deaf)


@pytest.mark.parametrize("returned", [0, 1])
async def test_of_our_own_commits_only_the_newest_is_merged(call: Call, ann: Person, returned: int) -> None:
    """davey would merge the newest, whichever was accepted: another epoch than all others', silently."""
    await meet(call, ann)
    room = call.emulator.voice.room(call.channel().id)
    assert room is not None
    group, strangers = room.delivery.group, (901, 902)
    proposals = []
    for user_id in strangers:
        package = davey.DaveSession(1, user_id, room.channel_id).get_serialized_key_package()
        proposals.append(group.propose_add(user_id, KeyPackage.parse(package)).signed.message)
    group.proposals.clear()  # for the server there are none: it refuses what is made of them
    call.emulator.trace.clear()
    call.emulator.voice.inject(call.user_id, {"op": 11, "d": {"user_ids": [str(user) for user in strangers]}})
    for proposal in proposals:
        call.emulator.voice.inject(call.user_id, b"\x1b\x00" + vec(proposal))
    await eventually(lambda: len(call.told(COMMIT_OP)) == 2, "two commits")
    commit, _ = parse_commit_welcome(call.told(COMMIT_OP)[returned].fields["data"])
    call.emulator.voice.inject(call.user_id, b"\x1d\x00\x00" + commit.raw)
    session = call.voice._connection.dave_session
    assert session is not None
    if returned == 1:
        await eventually(lambda: set(map(str, strangers)) <= set(session.get_user_ids()), "it is merged")
        assert call.told(INVALID_OP) == []
        return
    await eventually(lambda: len(call.told(INVALID_OP)) == 1, "the recovery")
    await both_ways(call, ann)
    assert call.told(INVALID_OP)[0].fields["data"] == {"transition_id": 0}


async def test_encryption_comes_and_goes_with_the_call(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.emulator.knobs.dave.max_version = 0
    connection = call.voice._connection
    await eventually(lambda: connection.dave_protocol_version == 0, "the downgrade")
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    call.emulator.knobs.dave.max_version = 1
    await eventually(
        lambda: connection.dave_protocol_version == 1 and not connection.version_changing, "the upgrade"
    )
    await both_ways(call, ann)
    assert call.voiced()[-1].fields["encrypted"]


async def test_encryption_comes_to_a_call_that_began_without(call: Call, ann: Person) -> None:
    call.emulator.knobs.dave.max_version = 0
    await ann.join(call.channel().id)
    await call.join()
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    call.emulator.knobs.dave.max_version = 1
    await both_ways(call, ann)
    assert call.voiced()[-1].fields["encrypted"]


async def plaintext_heard(call: Call, ann: Person, start: int) -> tuple[int, int]:
    """Inject half a second of plaintext as Ann's; return how many packets were heard, and of how many."""
    opus = rate_path("native").encoder().feed(tone(0.5).tobytes())
    ssrc = call.emulator.voice.keys_of(ann.user.id).ssrc
    before = len(call.heard(ann.user.id))
    for number, packet in enumerate(opus):
        header = RtpHeader(start + number, 960 * number, ssrc)
        call.emulator.voice.inject_media(call.user_id, header, packet)
    await asyncio.sleep(0.2)
    return len(call.heard(ann.user.id)) - before, len(opus)


def announce(call: Call, transition_id: int, version: int) -> None:
    data = {"transition_id": transition_id, "protocol_version": version}
    call.emulator.voice.inject(call.user_id, {"op": 21, "d": data})


async def test_plaintext_is_heard_only_while_a_change_of_the_version_is_announced(
    call: Call, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "ANNOUNCED_S", 1.0)
    await meet(call, ann)
    await call.hears(ann, tone(0.1))
    assert (await plaintext_heard(call, ann, 30_000))[0] == 0
    announce(call, 77, 1)
    await asyncio.sleep(0.1)
    assert (await plaintext_heard(call, ann, 31_000))[0] == 0
    announce(call, 78, 0)
    await asyncio.sleep(0.1)
    heard, sent = await plaintext_heard(call, ann, 32_000)
    assert heard >= sent - 1  # a jump is believed with its second packet
    await asyncio.sleep(1.0)
    assert (await plaintext_heard(call, ann, 33_000))[0] == 0
    assert not call.voice._connection.version_changing


async def test_a_downgrade_that_is_executed_late_is_followed_all_the_same(
    call: Call, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "ANNOUNCED_S", 0.1)
    await meet(call, ann)
    await call.hears(ann, tone(0.1))
    announce(call, 78, 0)
    await asyncio.sleep(0.3)
    call.emulator.voice.inject(call.user_id, {"op": 22, "d": {"transition_id": 78}})
    await eventually(lambda: call.voice._connection.dave_protocol_version == 0, "the downgrade")
    heard, sent = await plaintext_heard(call, ann, 30_000)
    assert heard >= sent - 1


async def test_someone_who_stays_undecryptable_makes_us_begin_anew_once(call: Call, ann: Person) -> None:
    await meet(call, ann)
    await call.hears(ann, tone(0.1))
    ssrc = call.emulator.voice.keys_of(ann.user.id).ssrc
    for number in range(60):
        header = RtpHeader(30_000 + number, 960 * number, ssrc)
        call.emulator.voice.inject_media(call.user_id, header, bytes(40) + b"\xfa\xfa")
    await eventually(lambda: len(call.told(INVALID_OP)) == 1, "the recovery")
    await asyncio.sleep(0.2)
    assert len(call.told(INVALID_OP)) == 1
    await call.secured_with(ann)
    assert call.voice.counters()["dave_recoveries"] == 1
