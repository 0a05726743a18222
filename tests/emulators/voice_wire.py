"""A bare client of the voice server: a websocket, a UDP socket, and the two transport ciphers."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dave_clients import DaveyClient
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)

from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice import VoiceGrant, VoiceServer
from bot.emulators.discord.voice.messages import Op

GUILD, CHANNEL = 7, 4242
PATIENCE_S = 10.0


def seal(mode: str, key: bytes, counter: int, header: bytes, plaintext: bytes) -> bytes:
    tail = struct.pack(">I", counter)
    if mode == "aead_aes256_gcm_rtpsize":
        return header + AESGCM(key).encrypt(tail.ljust(12, b"\0"), plaintext, header) + tail
    nonce = tail.ljust(24, b"\0")
    return header + crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, header, nonce, key) + tail


def unseal(mode: str, key: bytes, datagram: bytes) -> tuple[bytes, bytes]:
    """Return the clear header and the payload without extension and padding."""
    size = 12 + 4 * (datagram[0] & 0x0F) + (4 if datagram[0] & 0x10 else 0)
    header, sealed, tail = datagram[:size], datagram[size:-4], datagram[-4:]
    if mode == "aead_aes256_gcm_rtpsize":
        plain = AESGCM(key).decrypt(tail.ljust(12, b"\0"), sealed, header)
    else:
        plain = crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, header, tail.ljust(24, b"\0"), key)
    if datagram[0] & 0x10:
        plain = plain[4 * struct.unpack(">H", header[-2:])[0] :]
    return header, plain[: -plain[-1]] if datagram[0] & 0x20 else plain


class UdpSocket(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.got: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.put_nowait(data)


class BareClient:
    """Speaks as told; `messages` has everything that came, binary ones as (op, body)."""

    def __init__(self, house: "VoiceHouse", user_id: int, dave_version: int = 0) -> None:
        self.house = house
        self.user_id = user_id
        self.mls = DaveyClient(user_id, dave_version)
        self.messages: list[dict[str, Any]] = []
        self.seq = -1
        self.ssrc = 0
        self.mode = ""
        self.key = b""
        self.udp = UdpSocket()
        self.grant: VoiceGrant
        self.ws: aiohttp.ClientWebSocketResponse
        self._counter = 0

    async def open(self, grant: VoiceGrant | None = None) -> None:
        self.grant = grant or self.house.issue(self.user_id)
        self.ws = await self.house.session.ws_connect(self.house.url, compress=15)

    async def identify(self, **changes: Any) -> None:
        await self.send(
            Op.IDENTIFY,
            {
                "server_id": str(GUILD),
                "user_id": str(self.user_id),
                "session_id": f"session {self.user_id}",
                "token": self.grant.token,
                "max_dave_protocol_version": self.mls.max_version,
            }
            | changes,
        )

    async def connect(self, mode: str = "aead_xchacha20_poly1305_rtpsize") -> "BareClient":
        """Go all the way to a session description, and say op 5."""
        await self.open()
        await self.identify()
        ready = (await self.until(Op.READY))["d"]
        self.ssrc = ready["ssrc"]
        loop = asyncio.get_running_loop()
        address = (ready["ip"], ready["port"])
        await loop.create_datagram_endpoint(lambda: self.udp, remote_addr=address)
        self.udp.transport.sendto(struct.pack(">HHI66x", 1, 70, self.ssrc))
        reply = await asyncio.wait_for(self.udp.got.get(), PATIENCE_S)
        assert struct.unpack_from(">HHI", reply) == (2, 70, self.ssrc)
        port = struct.unpack_from(">H", reply, 72)[0]
        assert (reply[8:].split(b"\0")[0], port) == (
            b"127.0.0.1",
            self.udp.transport.get_extra_info("sockname")[1],
        )
        await self.send(
            Op.SELECT_PROTOCOL,
            {"protocol": "udp", "data": {"address": "127.0.0.1", "port": port, "mode": mode}},
        )
        description = (await self.until(Op.SESSION_DESCRIPTION))["d"]
        self.mode, self.key = description["mode"], bytes(description["secret_key"])
        await self.send(Op.SPEAKING, {"speaking": 0, "delay": 0, "ssrc": self.ssrc})
        return self

    async def send(self, op: int, data: Any) -> None:
        await self.ws.send_str(json.dumps({"op": int(op), "d": data}))

    async def receive(self) -> dict[str, Any]:
        """Take one message, and do what MLS needs with it."""
        message = await asyncio.wait_for(self.ws.receive(), PATIENCE_S)
        if message.type is aiohttp.WSMsgType.BINARY:
            seq, op = struct.unpack_from(">HB", message.data)
            got = {"op": op, "d": message.data[3:], "seq": seq}
        elif message.type is aiohttp.WSMsgType.TEXT:
            got = json.loads(message.data)
        else:
            raise ConnectionError(self.ws.close_code)
        if "seq" in got:
            assert got["seq"] == (self.seq + 1) % 65536
            self.seq = got["seq"]
        self.messages.append(got)
        op = Op(got["op"])
        replies = self.mls.receive(op, got["d"])
        if op is Op.SESSION_DESCRIPTION:
            replies = self.mls.session_description(got["d"]["dave_protocol_version"])
        for reply_op, data in replies:
            if isinstance(data, bytes):
                await self.ws.send_bytes(bytes((reply_op,)) + data)
            else:
                await self.send(reply_op, data)
        return got

    async def until(self, op: Op) -> dict[str, Any]:
        while True:
            got = await self.receive()
            if got["op"] == op:
                return got

    async def closed(self) -> int:
        """Read on until the websocket ends, and return its code."""
        try:
            while True:
                await self.receive()
        except ConnectionError:
            return int(self.ws.close_code or 0)

    async def drain(self) -> None:
        """Take what has come and what follows from it, until a heartbeat comes back."""
        await self.send(Op.HEARTBEAT, {"t": len(self.messages), "seq_ack": self.seq})
        await self.until(Op.HEARTBEAT_ACK)

    def speak(self, sequence: int, payload: bytes, header: bytes = b"") -> None:
        header = header or struct.pack(">BBHII", 0x80, 120, sequence, sequence * 960, self.ssrc)
        self._counter += 1
        self.udp.transport.sendto(seal(self.mode, self.key, self._counter, header, payload))

    async def hear(self) -> tuple[int, bytes]:
        """Return sequence number and payload of the next datagram."""
        datagram = await asyncio.wait_for(self.udp.got.get(), PATIENCE_S)
        header, payload = unseal(self.mode, self.key, datagram)
        return struct.unpack_from(">H", header, 2)[0], payload

    async def hear_all(self) -> list[tuple[int, bytes]]:
        """Return everything that came before an echo of a keepalive did."""
        self.udp.transport.sendto(b"\0" * 8)
        heard = []
        while len(datagram := await asyncio.wait_for(self.udp.got.get(), PATIENCE_S)) != 8:
            header, payload = unseal(self.mode, self.key, datagram)
            heard.append((struct.unpack_from(">H", header, 2)[0], payload))
        return heard


class VoiceHouse:
    """A voice server on a loopback HTTP port, without TLS or a main half."""

    def __init__(self) -> None:
        self.trace, self.knobs = Trace(), Knobs()
        self.knobs.dave.required = False  # most of these clients look at what lies below it
        self.server = VoiceServer(trace=self.trace, knobs=self.knobs)
        self.url = ""
        self.session: aiohttp.ClientSession
        self.clients: list[BareClient] = []

    def issue(self, user_id: int, **changes: Any) -> VoiceGrant:
        parts: dict[str, Any] = {"guild_id": GUILD, "channel_id": CHANNEL, "user_id": user_id}
        return self.server.issue(**parts | {"session_id": f"session {user_id}"} | changes)

    def client(self, user_id: int, dave_version: int = 0) -> BareClient:
        self.clients.append(BareClient(self, user_id, dave_version))
        return self.clients[-1]


@asynccontextmanager
async def voice_house() -> AsyncIterator[VoiceHouse]:
    house = VoiceHouse()
    app = web.Application()
    app.router.add_get("/", house.server.websocket)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await house.server.start()
    house.url = f"http://127.0.0.1:{runner.addresses[0][1]}/?v=8"
    async with aiohttp.ClientSession() as house.session:
        try:
            yield house
        finally:
            for client in house.clients:
                if hasattr(client.udp, "transport"):
                    client.udp.transport.close()
            sockets = [client.ws.close() for client in house.clients if hasattr(client, "ws")]
            await asyncio.gather(house.server.close(), *sockets)
            await runner.cleanup()
