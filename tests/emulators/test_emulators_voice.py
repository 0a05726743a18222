"""The emulated voice server over real websockets and real UDP."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from voice_wire import CHANNEL, GUILD, BareClient, VoiceHouse, unseal, voice_house

from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.voice.messages import Op
from bot.emulators.discord.voice.rtp import RtpHeader
from bot.emulators.discord.voice.transport import MODES

SILENCE = b"\xf8\xff\xfe"


@pytest.fixture
async def house() -> AsyncIterator[VoiceHouse]:
    async with voice_house() as opened:
        yield opened


async def settle(*clients: BareClient) -> None:
    """Let messages go to and fro until an MLS group has had time to form."""
    for _ in range(4):
        await asyncio.gather(*(client.drain() for client in clients))


def ops(client: BareClient) -> list[int]:
    return [message["op"] for message in client.messages]


# --- the gateway ---


async def test_hello_ready_and_the_order_of_what_follows(house: VoiceHouse) -> None:
    first = await house.client(1, dave_version=1).connect()
    second = await house.client(2, dave_version=1).connect()
    await settle(first, second)
    assert first.messages[0] == {"op": 8, "d": {"v": 8, "heartbeat_interval": 13_750.0}}
    got = [op for op in ops(second) if op not in (Op.HEARTBEAT_ACK, Op.CLIENT_FLAGS, Op.CLIENT_PLATFORM)]
    assert got[:6] == [8, 2, 4, 11, 25, 27]
    assert second.messages[3]["d"] == {"user_ids": ["1"]}
    assert ops(first).index(Op.CLIENTS_CONNECT) < ops(first).index(Op.PROPOSALS)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "stolen"}, 4004),
        ({"server_id": "8"}, 4004),
        ({"user_id": "99"}, 4004),
        ({"session_id": "older"}, 4006),
        ({"server_id": None}, 4002),
    ],
)
async def test_a_false_identify_closes_with_its_code(
    house: VoiceHouse, changes: dict[str, Any], code: int
) -> None:
    client = house.client(1)
    await client.open()
    await client.identify(**changes)
    assert await client.closed() == code


@pytest.mark.parametrize(
    ("op", "code"), [(Op.SELECT_PROTOCOL, 4003), (Op.SPEAKING, 4003), (99, 4001), (Op.RESUME, 4002)]
)
async def test_what_comes_too_early_or_is_unknown(house: VoiceHouse, op: int, code: int) -> None:
    client = house.client(1)
    await client.open()
    await client.send(op, {})
    assert await client.closed() == code


async def test_garbage_and_a_second_identify(house: VoiceHouse) -> None:
    client = house.client(1)
    await client.open()
    await client.identify()
    await client.identify()
    assert await client.closed() == 4005
    await client.open()
    await client.ws.send_str("[")
    assert await client.closed() == 4002


async def test_a_mode_that_is_not_offered(house: VoiceHouse) -> None:
    house.knobs.voice_mode = MODES[0]
    client = house.client(1)
    await client.open()
    await client.identify()
    assert (await client.until(Op.READY))["d"]["modes"] == [MODES[0]]
    data = {"address": "127.0.0.1", "port": 1, "mode": MODES[1]}
    await client.send(Op.SELECT_PROTOCOL, {"protocol": "udp", "data": data})
    assert await client.closed() == 4016


async def test_a_client_without_encryption_is_refused_as_by_discord(house: VoiceHouse) -> None:
    house.knobs.dave.required = Knobs().dave.required
    client = house.client(1)
    await client.open()
    await client.identify()
    assert await client.closed() == 4017


async def test_no_heartbeat_closes_with_4009(house: VoiceHouse) -> None:
    house.knobs.voice_heartbeat_ms = 200.0
    client = await house.client(1).connect()
    assert await client.closed() == 4009
    assert house.server.room(CHANNEL) is None


async def test_resume_replays_what_was_missed(house: VoiceHouse) -> None:
    client = await house.client(1).connect()
    await client.drain()
    house.server.close_socket(1, 4015)
    assert await client.closed() == 4015
    house.server.inject(1, {"op": 18, "d": {"user_id": "5", "flags": 0}})
    house.server.inject(1, bytes((25,)) + b"abc")
    await client.open(client.grant)
    data = {"token": client.grant.token, "server_id": str(GUILD), "session_id": "session 1"}
    await client.send(Op.RESUME, data | {"seq_ack": client.seq})
    await client.until(Op.RESUMED)
    assert (await client.receive())["d"] == {"user_id": "5", "flags": 0}
    assert (await client.receive())["d"] == b"abc"
    assert house.server.keys_of(1).secret_key == client.key


async def test_a_resume_takes_over_from_a_websocket_that_is_still_open(house: VoiceHouse) -> None:
    client = await house.client(1).connect()
    await client.drain()
    old = client.ws
    await client.open(client.grant)
    data = {"token": client.grant.token, "server_id": str(GUILD), "session_id": "session 1"}
    await client.send(Op.RESUME, data | {"seq_ack": client.seq})
    await client.until(Op.RESUMED)
    await old.send_str("[")  # too late to harm the session
    assert (await old.receive()).data == 1000
    await client.drain()
    assert house.server.room(CHANNEL)


@pytest.mark.parametrize("how", ["crash", "final", "not kept", "too late"])
async def test_resume_of_what_is_gone_fails_with_4006(house: VoiceHouse, how: str) -> None:
    client = await house.client(1).connect()
    seq = client.seq
    if how == "crash":
        house.server.crash()
    elif how == "final":
        house.server.close_socket(1, 4009)
    elif how == "too late":
        house.knobs.voice_resume_window_s = 0.0
        house.server.close_socket(1, 1006)
    else:
        house.server.close_socket(1, 4015)
        for _ in range(300):
            house.server.inject(1, {"op": 18, "d": {}})
    await client.closed()
    if how == "too late":
        await asyncio.sleep(0.5)  # ten times as long as a time-out may go unnoticed
    await client.open(client.grant)
    data = {"token": client.grant.token, "server_id": str(GUILD), "session_id": "session 1"}
    await client.send(Op.RESUME, data | {"seq_ack": seq})
    assert await client.closed() == 4006


async def test_revoke_tells_the_others_and_voids_the_token(house: VoiceHouse) -> None:
    first, second = await house.client(1).connect(), await house.client(2).connect()
    house.server.revoke(guild_id=GUILD, user_id=2)
    assert await second.closed() == 4014
    assert (await first.until(Op.CLIENT_DISCONNECT))["d"] == {"user_id": "2"}
    await second.open(second.grant)
    await second.identify()
    assert await second.closed() == 4004


async def test_a_client_that_closes_has_left(house: VoiceHouse) -> None:
    first, second = await house.client(1).connect(), await house.client(2).connect()
    await second.ws.close(code=1000)
    assert (await first.until(Op.CLIENT_DISCONNECT))["d"] == {"user_id": "2"}


async def test_a_cut_socket_leaves_the_session_for_a_while(house: VoiceHouse) -> None:
    first, second = await house.client(1).connect(), await house.client(2).connect()
    house.server.close_socket(2, 1006)
    assert await second.closed() == 1006
    await first.drain()
    assert Op.CLIENT_DISCONNECT not in ops(first)
    house.knobs.voice_resume_window_s = 0.0
    assert (await first.until(Op.CLIENT_DISCONNECT))["d"] == {"user_id": "2"}


async def test_a_client_that_does_not_read_is_cut(house: VoiceHouse) -> None:
    client = await house.client(1).connect()
    for _ in range(1100):  # more than the queue takes, before the writer gets to run
        house.server.inject(1, {"op": 18, "d": {}})
    assert await client.closed() == 1006


# --- UDP ---


@pytest.mark.parametrize("speaker_mode", MODES)
@pytest.mark.parametrize("listener_mode", MODES)
async def test_every_frame_arrives_through_padding_and_extensions(
    house: VoiceHouse, speaker_mode: str, listener_mode: str
) -> None:
    house.knobs.udp.padding = 0.5
    house.knobs.udp.extension_words = (0, 3, -1, 1)
    speaker = await house.client(1).connect(speaker_mode)
    listener = await house.client(2).connect(listener_mode)
    await speaker.drain()
    frames = [(seq, random.Random(seq).randbytes(60)) for seq in range(60)]
    shapes = set()
    for seq, frame in frames:
        speaker.speak(seq, frame)
        datagram = await listener.udp.got.get()
        header, payload = unseal(listener.mode, listener.key, datagram)
        assert (struct.unpack_from(">HII", header, 2), payload) == ((seq, seq * 960, speaker.ssrc), frame)
        shapes.add((header[0] & 0x30, header[14:] if header[0] & 0x10 else b""))
    assert len(shapes) == 8  # padded or not, times four kinds of extension
    entries = house.trace.of("udp.out")
    assert [(each.fields["seq"], each.fields["payload"]) for each in entries] == frames
    assert {each.fields["to"] for each in entries} == {2}


async def test_what_a_speaker_pads_and_extends_is_stripped(house: VoiceHouse) -> None:
    speaker, listener = await house.client(1).connect(), await house.client(2).connect()
    await speaker.drain()
    header = struct.pack(">BBHIIIHH", 0xB1, 120, 5, 960, speaker.ssrc, 77, 0xBEDE, 2)
    speaker.speak(5, b"extended" + b"frame" + b"\0\0\3", header)
    assert await listener.hear() == (5, b"frame")


@pytest.mark.parametrize(
    ("header", "plaintext"),
    [
        (b"\xa0\x78", b"frame\x07"),  # padding longer than the packet
        (b"\xa0\x78", b"frame\x00"),
        (b"\x80\x65", b"video"),
        (b"\x80\xc9", b"a receiver report"),
    ],
)
async def test_what_is_not_forwarded(house: VoiceHouse, header: bytes, plaintext: bytes) -> None:
    speaker, listener = await house.client(1).connect(), await house.client(2).connect()
    await speaker.drain()
    speaker.speak(1, plaintext, header + struct.pack(">HII", 1, 960, speaker.ssrc))
    speaker.speak(2, b"good")
    assert await listener.hear() == (2, b"good")
    assert [e.fields["decision"] for e in house.trace.of("udp.in")[-2:]] == ["dropped", "forwarded"]


async def test_forged_datagrams_and_a_speaker_that_never_said_op_5(house: VoiceHouse) -> None:
    speaker, listener = await house.client(1).connect(), await house.client(2).connect()
    await speaker.drain()
    key, speaker.key = speaker.key, bytes(32)
    speaker.speak(1, b"forged")
    speaker.key = key
    house.server.sessions_of(1)[0].spoke = False
    speaker.speak(2, b"unannounced")
    speaker.udp.transport.sendto(b"\x80\x78short")
    assert await speaker.hear_all() == await listener.hear_all() == []
    house.server.sessions_of(1)[0].spoke = True
    speaker.speak(3, b"good")
    assert await listener.hear() == (3, b"good")


async def test_op_5_comes_once_and_late(house: VoiceHouse) -> None:
    speaker, listener = await house.client(1).connect(), await house.client(2).connect()
    await speaker.drain()
    for seq in range(5):
        speaker.speak(seq, SILENCE)
        await listener.hear()
        await listener.drain()
        assert ops(listener).count(Op.SPEAKING) == (seq >= 1)
    told = next(message["d"] for message in listener.messages if message["op"] == Op.SPEAKING)
    assert told == {"user_id": "1", "ssrc": speaker.ssrc, "speaking": 1}


async def lossy_run(house: VoiceHouse, user_ids: tuple[int, int], count: int) -> list[int]:
    speaker, listener = await house.client(user_ids[0]).connect(), await house.client(user_ids[1]).connect()
    await speaker.drain()
    heard: list[int] = []
    for seq in range(count):
        speaker.speak(seq, b"frame")
        if seq % 20 == 19:
            await speaker.hear_all()  # so that the server has seen it before the socket's buffer is full
            heard += [each[0] for each in await listener.hear_all()]
    return heard


async def test_loss_and_duplicates_repeat_with_the_seed() -> None:
    runs = []
    for seed in (3, 3, 4):
        async with voice_house() as house:
            house.knobs.udp.loss, house.knobs.udp.duplicate, house.knobs.udp.seed = 0.1, 0.1, seed
            runs.append(await lossy_run(house, (1, 2), 400))
    assert runs[0] == runs[1] != runs[2]
    assert 20 < 400 - len(set(runs[0])) < 60
    assert 20 < len(runs[0]) - len(set(runs[0])) < 60


async def test_delay_and_reorder(house: VoiceHouse) -> None:
    house.knobs.udp.reorder, house.knobs.udp.reorder_ms = 0.2, 30.0
    speaker, listener = await house.client(1).connect(), await house.client(2).connect()
    await speaker.drain()
    heard: list[int] = []
    for seq in range(40):
        speaker.speak(seq, b"frame")
        await asyncio.sleep(0.005)
    while len(heard) < 40:
        heard.append((await listener.hear())[0])
    assert sorted(heard) == list(range(40)) != heard


async def test_a_listener_that_sends_nothing_goes_deaf(house: VoiceHouse) -> None:
    speaker, listener = await house.client(1).connect(), await house.client(2).connect()
    await speaker.drain()
    house.server.sessions_of(2)[0].datagram_at -= 59.0
    speaker.speak(1, b"heard")
    assert await listener.hear() == (1, b"heard")
    house.server.sessions_of(2)[0].datagram_at -= 2.0
    speaker.speak(2, b"missed")
    assert await speaker.hear_all() == []
    assert await listener.hear_all() == []  # asking sent a keepalive
    speaker.speak(3, b"again")
    assert await listener.hear() == (3, b"again")


async def test_discovery_can_be_lost_and_datagrams_injected(house: VoiceHouse) -> None:
    client = await house.client(1).connect()
    house.server.drop_discovery(1)
    request = struct.pack(">HHI66x", 1, 70, client.ssrc)
    client.udp.transport.sendto(request)
    assert await client.hear_all() == []
    client.udp.transport.sendto(request)
    assert (await client.udp.got.get())[:4] == b"\0\2\0\x46"
    house.server.inject_datagram(1, b"noise")
    assert await client.udp.got.get() == b"noise"
    house.server.inject_media(1, RtpHeader(9, 960, 12345), b"forged")
    assert await client.hear() == (9, b"forged")


# --- end to end ---


async def test_members_hear_each_other_encrypted_while_a_third_joins_and_leaves(house: VoiceHouse) -> None:
    first = await house.client(1, dave_version=1).connect()
    second = await house.client(2, dave_version=1).connect()
    await settle(first, second)
    first.speak(0, first.mls.encrypt(b"only two"))
    assert second.mls.decrypt(1, (await second.hear())[1]) == b"only two"
    third = await house.client(3, dave_version=1).connect()
    await settle(first, second, third)
    sealed = third.mls.encrypt(b"all three")
    third.speak(0, sealed)
    for listener in (first, second):
        heard = (await listener.hear())[1]
        assert heard == sealed
        assert listener.mls.decrypt(3, heard) == b"all three"
    house.server.revoke(guild_id=GUILD, user_id=3)
    assert await third.closed() == 4014
    await settle(first, second)
    assert first.mls.authenticator() == second.mls.authenticator() != third.mls.authenticator()
    second.speak(1, second.mls.encrypt(b"two again"))
    assert first.mls.decrypt(2, (await first.hear())[1]) == b"two again"
    assert all(entry.fields["encrypted"] for entry in house.trace.of("udp.out"))


async def test_a_stage_has_no_end_to_end_encryption(house: VoiceHouse) -> None:
    client = house.client(1, dave_version=1)
    client.grant = house.issue(1, e2ee=False)
    await client.open(client.grant)
    await client.identify()
    await client.until(Op.READY)
    data = {"address": "127.0.0.1", "port": 1, "mode": MODES[0]}
    await client.send(Op.SELECT_PROTOCOL, {"protocol": "udp", "data": data})
    assert (await client.until(Op.SESSION_DESCRIPTION))["d"]["dave_protocol_version"] == 0


async def test_encrypted_frames_do_not_go_to_clients_that_know_no_encryption(house: VoiceHouse) -> None:
    speaker = await house.client(1, dave_version=1).connect()
    listener = await house.client(2, dave_version=0).connect()
    await settle(speaker, listener)
    assert speaker.mls.version == 0
    speaker.speak(1, b"looks encrypted\xfa\xfa")
    speaker.speak(2, b"clear")
    assert await listener.hear() == (2, b"clear")


async def test_nothing_is_left_after_closing() -> None:
    before = asyncio.all_tasks()
    async with voice_house() as house:
        await house.client(1, dave_version=1).connect()
        await house.client(2, dave_version=1).connect()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
