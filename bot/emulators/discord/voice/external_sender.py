"""The one external sender of a DAVE group: it proposes who is added and who is removed (RFC 9420, 12.1.8)."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.emulators.discord.voice import mls
from bot.emulators.discord.voice.wire import u16, u32, u64, vec

_ADD, _REMOVE = 1, 3
_PROPOSAL = 2  # content type
_IDENTITY = b"loopback voice gateway"  # any: clients only compare it with what op 25 said


@dataclass(frozen=True, slots=True)
class SignedProposal:
    """A proposal as it goes out."""

    ref: bytes
    message: bytes
    """The whole MLSMessage."""


class ExternalSender:
    """An ECDSA P-256 key and the proposals signed with it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def package(self) -> bytes:
        """Return the body of op 25: signature key and basic credential."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return vec(point) + u16(mls.BASIC) + vec(_IDENTITY)

    def add(self, group_id: bytes, epoch: int, key_package: bytes) -> SignedProposal:
        """Propose to add the owner of the key package."""
        return self._sign(group_id, epoch, u16(_ADD) + key_package)

    def remove(self, group_id: bytes, epoch: int, leaf: int) -> SignedProposal:
        """Propose to remove the member at that leaf."""
        return self._sign(group_id, epoch, u16(_REMOVE) + u32(leaf))

    def _sign(self, group_id: bytes, epoch: int, proposal: bytes) -> SignedProposal:
        sender = bytes((mls.EXTERNAL,)) + u32(0)
        content = vec(group_id) + u64(epoch) + sender + vec(b"") + bytes((_PROPOSAL,)) + proposal
        framed = u16(mls.PUBLIC_MESSAGE) + content
        # An external sender signs no group context: it has none.
        signed = mls.to_sign("FramedContentTBS", u16(mls.VERSION) + framed)
        authenticated = framed + vec(self._key.sign(signed, ec.ECDSA(SHA256())))
        ref = mls.ref_hash("Proposal Reference", authenticated)
        return SignedProposal(ref, u16(mls.VERSION) + authenticated)
