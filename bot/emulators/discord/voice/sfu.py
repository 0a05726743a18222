"""The forwarding unit: one UDP socket that decrypts each speaker's datagrams and encrypts them per listener.

Trace entries "udp.in" and "udp.out" have the speaker's user_id, ssrc, seq and timestamp, the datagram's size,
the payload after transport decryption (end-to-end encrypted as a rule: `encrypted` says if its marker is
there), `silence`, and a decision with its reason; "udp.out" also has `to`, the listener's user id.
"""

import ipaddress
import os
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice.delays import Delays
from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.messages import Op
from bot.emulators.discord.voice.port import Address, UdpPort
from bot.emulators.discord.voice.room import Room
from bot.emulators.discord.voice.rtp import OPUS, RtpHeader
from bot.emulators.discord.voice.session import VoiceSession

SILENCE = b"\xf8\xff\xfe"
MARKER = b"\xfa\xfa"  # ends every frame that DAVE encrypted
_DISCOVERY = struct.Struct(">HHI64sH")
_REQUEST, _REPLY, _DISCOVERY_BODY = 1, 2, 70
_KEEPALIVE_BYTES = 8
_RTCP = range(200, 208)  # the second byte of an RTCP packet


class Sfu:
    """Knows sessions by their SSRC, and by the address that IP discovery or media came from."""

    def __init__(
        self,
        room_of: Callable[[VoiceSession], Room | None],
        trace: Trace,
        knobs: Knobs,
        may_speak: Callable[[int, int], bool],
    ) -> None:
        self.discoveries_to_drop = 0
        self.echoes = True
        """Whether keepalives are answered; some of Discord's servers don't (discord.js issue 9185)."""
        self.dead: set[Address] = set()
        """Clients' addresses that the network lost: nothing comes from there or gets there."""
        self.blocked: set[int] = set()
        """Users to and from whom no datagram gets through, whatever socket they use."""
        self._room_of = room_of
        self._trace = trace
        self._knobs = knobs
        self._may_speak = may_speak
        self._by_ssrc: dict[int, VoiceSession] = {}
        self._by_address: dict[Address, VoiceSession] = {}
        self._port: UdpPort | None = None
        self._delays: Delays | None = None

    def open(self, host: str) -> UdpPort:
        """Open the port, on the running loop."""
        self._port, self._delays = UdpPort(host, self._take), Delays()
        return self._port

    def late_to(self, user_id: int) -> int:
        """How many datagrams were sent to a listener later than the knobs say, since the machine is busy."""
        return self._delays.late[user_id] if self._delays is not None else 0

    def close(self) -> None:
        """Close the port; what is on its way to somebody is lost."""
        if self._delays is not None:
            self._delays.close()
        if self._port is not None:
            self._port.close()

    def add(self, session: VoiceSession) -> None:
        """Serve a session."""
        self._by_ssrc[session.ssrc] = session

    def remove(self, session: VoiceSession) -> None:
        """Serve it no more."""
        self._by_ssrc.pop(session.ssrc, None)
        if session.address is not None and self._by_address.get(session.address) is session:
            del self._by_address[session.address]

    def send_raw(self, session: VoiceSession, datagram: bytes) -> None:
        """Send a client any datagram at all; on any thread."""
        if session.address in self.dead or session.user_id in self.blocked:
            return
        if self._port is not None and session.address is not None:
            self._port.send(datagram, session.address)

    def _take(self, data: bytes, addr: Address) -> None:
        if addr in self.dead:
            self._trace.add("udp.in", size=len(data), decision="dropped", reason="a dead path")
        elif len(data) == _DISCOVERY.size and data[:4] == struct.pack(">HH", _REQUEST, _DISCOVERY_BODY):
            self._discover(data, addr)
        elif len(data) == _KEEPALIVE_BYTES:
            self._keep_alive(data, addr)
        elif len(data) > 1 and data[1] in _RTCP:
            self._trace.add("udp.in", size=len(data), decision="dropped", reason="RTCP")
        else:
            try:
                self._media(data, addr)
            except RefusedError as error:
                self._trace.add("udp.in", size=len(data), decision="dropped", reason=str(error))

    def _discover(self, data: bytes, addr: Address) -> None:
        session = self._by_ssrc.get(_DISCOVERY.unpack(data)[2])
        blocked = session is not None and session.user_id in self.blocked
        drop = session is None or blocked or self.discoveries_to_drop > 0
        self._trace.add("udp.in", size=len(data), discovery=True, decision="dropped" if drop else "answered")
        if session is None or drop:
            self.discoveries_to_drop = max(0, self.discoveries_to_drop - 1)
            return
        self._place(session, addr)
        host = str(ipaddress.ip_address(addr[0])).encode()
        self.send_raw(session, _DISCOVERY.pack(_REPLY, _DISCOVERY_BODY, session.ssrc, host, addr[1]))

    def _keep_alive(self, data: bytes, addr: Address) -> None:
        session = self._by_address.get(addr)
        user_id = session.user_id if session else None
        lost = session is None or user_id in self.blocked
        decision = "dropped" if lost else "answered" if self.echoes else "taken"
        self._trace.add("udp.in", user_id=user_id, size=len(data), keepalive=True, decision=decision)
        if session is None or lost:
            return
        session.datagram_at = time.monotonic()
        if self.echoes:
            self.send_raw(session, data)

    def _place(self, session: VoiceSession, addr: Address) -> None:
        session.datagram_at = time.monotonic()
        if session.address != addr:
            if session.address is not None:
                self._by_address.pop(session.address, None)
            session.address = addr
            self._by_address[addr] = session

    def _media(self, data: bytes, addr: Address) -> None:
        header = RtpHeader.parse(data)
        speaker = self._by_ssrc.get(header.ssrc)
        if speaker is None or speaker.media is None:
            raise RefusedError("an SSRC that no session has, or one without a key")
        if speaker.user_id in self.blocked:
            raise RefusedError("a blocked path")
        payload = header.payload_of(speaker.media.inbound.open(data, header.size))
        self._place(speaker, addr)  # it decrypted: whoever sent it has the key, as behind a NAT that moved
        reason = "" if speaker.spoke else "no op 5 yet"
        if not self._may_speak(speaker.user_id, speaker.permit.guild_id):
            reason = "may not speak"
        if header.payload_type != OPUS:
            reason = "not audio"
        decision = "dropped" if reason else "forwarded"
        self._record("udp.in", speaker, header, payload, size=len(data), decision=decision, reason=reason)
        room = self._room_of(speaker)
        if reason or room is None:
            return
        for listener in room.sessions.values():
            if listener is not speaker and listener.media is not None:
                self._forward(speaker, listener, header, payload)
                self._announce(speaker, listener)

    def _forward(
        self, speaker: VoiceSession, listener: VoiceSession, header: RtpHeader, payload: bytes
    ) -> None:
        fate = listener.stream_of(speaker).link.fate(self._knobs.udp)
        reason = self._refusal(listener, payload) or ("lost" if fate.decision == "dropped" else "")
        decision = "dropped" if reason else fate.decision
        datagram = b"" if reason else self.seal(listener, header, payload, fate.padding)
        fields = {"size": len(datagram), "to": listener.user_id, "decision": decision, "reason": reason}
        self._record("udp.out", speaker, header, payload, **fields)
        for delay_s in fate.delays_s if datagram else ():
            self._send_later(listener, datagram, delay_s)

    def _refusal(self, listener: VoiceSession, payload: bytes) -> str:
        """Say why this listener gets nothing, or "" ."""
        if listener.address is None:
            return "no address"
        if time.monotonic() - listener.datagram_at > self._knobs.udp.deaf_after_s:
            return "the listener sent nothing for too long"
        if payload.endswith(MARKER) and not listener.max_dave_version:
            return "the listener knows no end-to-end encryption"
        return ""

    def seal(self, listener: VoiceSession, header: RtpHeader, payload: bytes, padding: int = 0) -> bytes:
        """Return a datagram for this listener, with a header extension whose length differs in turn."""
        if listener.media is None:
            raise RefusedError("a listener without a key")
        choices = self._knobs.udp.extension_words
        words = choices[listener.datagrams_to % len(choices)]
        listener.datagrams_to += 1
        extension_words = None if words < 0 else words
        out = replace(header, padding=padding > 0, csrcs=b"", extension_words=extension_words)
        tail = bytes(padding - 1) + bytes((padding,)) if padding else b""
        body = os.urandom(4 * (extension_words or 0)) + payload + tail
        return listener.media.outbound.seal(out.serialize(), body)

    def _send_later(self, listener: VoiceSession, datagram: bytes, delay_s: float) -> None:
        if delay_s <= 0.0:
            self.send_raw(listener, datagram)
        elif self._delays is not None:
            self._delays.later(delay_s, listener.user_id, lambda: self.send_raw(listener, datagram))

    def _announce(self, speaker: VoiceSession, listener: VoiceSession) -> None:
        """Tell a listener once whose SSRC this is."""
        stream, after = listener.stream_of(speaker), self._knobs.speaking_after_packets
        stream.forwarded += 1
        if after is None or stream.announced or stream.forwarded < after:
            return
        stream.announced = True
        data = {"user_id": str(speaker.user_id), "ssrc": speaker.ssrc, "speaking": 1}
        listener.send(Op.SPEAKING, data)

    def _record(
        self, kind: str, speaker: VoiceSession, header: RtpHeader, payload: bytes, **fields: Any
    ) -> None:
        self._trace.add(
            kind,
            user_id=speaker.user_id,
            ssrc=header.ssrc,
            seq=header.sequence,
            timestamp=header.timestamp,
            payload=payload,
            encrypted=payload.endswith(MARKER),
            silence=payload == SILENCE,
            **fields,
        )
