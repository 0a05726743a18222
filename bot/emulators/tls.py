"""A throw-away certificate authority: unmodified clients speak real TLS to an emulator on loopback."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST_NAMES = (
    "discord.com",
    "*.discord.com",
    "gateway.discord.gg",
    "*.discord.gg",
    "cdn.discordapp.com",
    "*.discordapp.com",
    "media.discordapp.net",
    "*.discord.media",
    "generativelanguage.googleapis.com",
    "*.googleapis.com",
    "localhost",
)
LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
LIFETIME = timedelta(days=30)  # longer than any test or demo runs; a lost key is worthless soon
BACKDATED = timedelta(hours=1)  # a container's clock may lag behind the one that signed


@dataclass(frozen=True)
class CertificateAuthority:
    """The files of one authority and of the one certificate that it signed, for every emulated host."""

    ca_file: Path
    certificate_file: Path
    key_file: Path

    @classmethod
    def create(cls, folder: Path) -> "CertificateAuthority":
        """Make an authority and a leaf certificate in `folder`; the authority's own key is not kept."""
        folder.mkdir(parents=True, exist_ok=True)
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(authority_key)
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(leaf_key, authority, authority_key)
        made = cls(folder / "ca.pem", folder / "leaf.pem", folder / "leaf.key")
        made.ca_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        made.certificate_file.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        made.key_file.touch(mode=0o600)
        made.key_file.write_bytes(_pem(leaf_key))
        return made

    def server_context(self) -> ssl.SSLContext:
        """Return a context that serves every emulated host."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate_file, self.key_file)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a verifying context that trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Earshot loopback authority")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Earshot loopback")])
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in HOST_NAMES]
    names.append(x509.IPAddress(LOOPBACK))
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        _builder(name, authority.subject, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issued_by, critical=False)  # Python 3.13 verifies strictly and asks for it
        .sign(signer, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    public_key = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
