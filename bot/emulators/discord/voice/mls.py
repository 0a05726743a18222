"""What a DAVE delivery service reads of MLS messages (RFC 9420), without being in the group.

DAVE 1 is MLS 1.0 with cipher suite 2: P-256, AES-128-GCM, SHA-256, ECDSA with DER signatures.
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from bot.emulators.discord.voice.errors import MalformedError, RefusedError
from bot.emulators.discord.voice.wire import Reader, vec

VERSION = 1  # MLS 1.0
SUITE = 2  # MLS_128_DHKEMP256_AES128GCM_SHA256_P256
PUBLIC_MESSAGE = 1
BASIC = 1  # the only credential type of DAVE
COMMIT = 3
MEMBER, EXTERNAL = 1, 2  # sender types
FOREVER = (0, 2**64 - 1)  # DAVE's only lifetime of a key package


def ref_hash(label: str, value: bytes) -> bytes:
    """Return RefHash of RFC 9420, section 5.2: 32 bytes."""
    return hashlib.sha256(vec(f"MLS 1.0 {label}".encode()) + vec(value)).digest()


def to_sign(label: str, content: bytes) -> bytes:
    """Return SignContent of RFC 9420, section 5.1.2: the bytes under a signature."""
    return vec(f"MLS 1.0 {label}".encode()) + vec(content)


@dataclass(frozen=True, slots=True)
class LeafNode:
    """The parts of a leaf that a delivery service checks."""

    signature_key: bytes
    identity: bytes
    lifetime: tuple[int, int] | None
    """Only in a key package's leaf."""

    @classmethod
    def read(cls, reader: Reader) -> "LeafNode":
        """Take a LeafNode (section 7.2) off the reader."""
        reader.vec()  # encryption_key
        signature_key = reader.vec()
        reader.expect(2, BASIC, "the credential type")
        identity = reader.vec()
        for _ in range(5):  # capabilities: versions, suites, extensions, proposals, credentials
            reader.vec()
        source, lifetime = reader.uint(1), None
        if source == 1:
            lifetime = (reader.uint(8), reader.uint(8))
        elif source == 3:
            reader.vec()  # parent_hash
        elif source != 2:
            raise MalformedError(f"a leaf node source is {source}")
        reader.vec()  # extensions
        reader.vec()  # signature
        return cls(signature_key, identity, lifetime)


@dataclass(frozen=True, slots=True)
class KeyPackage:
    """A bare KeyPackage (section 10), as op 26 carries it."""

    raw: bytes
    leaf: LeafNode
    ref: bytes
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "KeyPackage":
        """Parse all of the bytes."""
        reader = Reader(raw)
        reader.expect(2, VERSION, "the MLS version")
        reader.expect(2, SUITE, "the cipher suite")
        reader.vec()  # init_key
        leaf = LeafNode.read(reader)
        reader.vec()  # extensions
        signed = reader.since(0)
        signature = reader.vec()
        if not reader.done:
            raise MalformedError("bytes after a key package")
        return cls(raw, leaf, ref_hash("KeyPackage Reference", raw), signed, signature)

    def verify(self, user_id: int) -> None:
        """Check what the protocol has the gateway check; raises `RefusedError`."""
        if self.leaf.identity != user_id.to_bytes(8, "big"):
            raise RefusedError("a key package of another user")
        if self.leaf.lifetime != FOREVER:
            raise RefusedError(f"a key package with the lifetime {self.leaf.lifetime}")
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.leaf.signature_key)
            key.verify(self.signature, to_sign("KeyPackageTBS", self.signed), ec.ECDSA(SHA256()))
        except (ValueError, InvalidSignature) as error:
            raise RefusedError("a key package with a false signature") from error


@dataclass(frozen=True, slots=True)
class Commit:
    """An MLSMessage that is a PublicMessage with a commit (sections 6 and 12.4)."""

    raw: bytes
    group_id: bytes
    epoch: int
    sender_leaf: int
    refs: tuple[bytes, ...]
    path_leaf: LeafNode | None

    @classmethod
    def read(cls, reader: Reader) -> "Commit":
        """Take a commit off the reader; what follows it is the Welcome, if there is one."""
        start = reader.at
        reader.expect(2, VERSION, "the MLS version")
        reader.expect(2, PUBLIC_MESSAGE, "the wire format")
        group_id, epoch = reader.vec(), reader.uint(8)
        reader.expect(1, MEMBER, "the sender type")
        sender_leaf = reader.uint(4)
        reader.vec()  # authenticated_data
        reader.expect(1, COMMIT, "the content type")
        refs = _refs(reader.vec())
        path_leaf = _path(reader) if reader.uint(1) else None
        for _ in range(3):  # signature, confirmation_tag, membership_tag
            reader.vec()
        return cls(reader.since(start), group_id, epoch, sender_leaf, refs, path_leaf)


def _refs(proposals: bytes) -> tuple[bytes, ...]:
    reader, refs = Reader(proposals), []
    while not reader.done:
        reader.expect(1, 2, "the kind of a committed proposal (only references are allowed)")
        refs.append(reader.vec())
    return tuple(refs)


def _path(reader: Reader) -> LeafNode:
    leaf = LeafNode.read(reader)
    reader.vec()  # the path's nodes
    return leaf


@dataclass(frozen=True, slots=True)
class Welcome:
    """A bare Welcome (section 12.4.3.1)."""

    secrets: dict[bytes, bytes]
    """Key package reference -> its EncryptedGroupSecrets as they came."""
    group_info: bytes

    @classmethod
    def read(cls, reader: Reader) -> "Welcome":
        """Take a Welcome off the reader."""
        reader.expect(2, SUITE, "the cipher suite")
        inner, secrets = Reader(reader.vec()), {}
        while not inner.done:
            start = inner.at
            ref = inner.vec()
            inner.vec()  # kem_output
            inner.vec()  # ciphertext
            secrets[ref] = inner.since(start)
        return cls(secrets, reader.vec())

    def cut(self, ref: bytes) -> bytes:
        """Return the Welcome with the secrets for this one key package."""
        return SUITE.to_bytes(2, "big") + vec(self.secrets[ref]) + vec(self.group_info)


def parse_commit_welcome(body: bytes) -> tuple[Commit, Welcome | None]:
    """Split what op 28 carries: the two stand one after the other, without a length between."""
    reader = Reader(body)
    commit = Commit.read(reader)
    welcome = None if reader.done else Welcome.read(reader)
    if not reader.done:
        raise MalformedError("bytes after a welcome")
    return commit, welcome
