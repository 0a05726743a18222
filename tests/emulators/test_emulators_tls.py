"""The throw-away authority is believed by who trusts it, for each emulated host, and by no other."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from bot.emulators.tls import CertificateAuthority


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> str | None:
    """Run a handshake in memory and return the protocol agreed on."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    serving = server.wrap_bio(to_server, to_client, server_side=True)
    asking = client.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(4):
        for side in (asking, serving):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return asking.version()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("authority"))


HOSTS = (
    "discord.com",
    "gateway.discord.gg",
    "cdn.discordapp.com",
    "media.discordapp.net",
    "loopback1.discord.media",
    "generativelanguage.googleapis.com",
    "localhost",
    "127.0.0.1",
)


@pytest.mark.parametrize("host", HOSTS)
def test_trusted_for_every_emulated_host(authority: CertificateAuthority, host: str) -> None:
    agreed = shake_hands(authority.server_context(), authority.client_context(), host)
    assert agreed == "TLSv1.3"


def test_not_trusted_for_other_hosts(authority: CertificateAuthority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(authority.server_context(), authority.client_context(), "example.org")


def test_another_authority_is_not_trusted(authority: CertificateAuthority, tmp_path: Path) -> None:
    other = CertificateAuthority.create(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(authority.server_context(), other.client_context(), "discord.com")


def test_strict_verification_accepts_the_chain(authority: CertificateAuthority) -> None:
    client = authority.client_context()
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert shake_hands(authority.server_context(), client, "discord.com") == "TLSv1.3"


def test_the_key_is_readable_by_its_owner_only(authority: CertificateAuthority) -> None:
    if sys.platform != "win32":
        assert authority.key_file.stat().st_mode & 0o077 == 0


def test_importing_it_does_not_import_aiohttp() -> None:
    code = "import sys, bot.emulators.tls; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
