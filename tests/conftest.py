"""The loopback world of the tests: one throw-away CA, trusted before anything makes a TLS context."""

import os
import tempfile
from pathlib import Path

import pytest

from bot.emulators.tls import CertificateAuthority

# Before numpy and aiohttp are imported: BLAS threads would fight the media threads for the cores, and
# aiohttp makes its default TLS context, with the CAs of SSL_CERT_FILE, at import.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
_FOLDER = tempfile.TemporaryDirectory(prefix="earshot-ca-")
_CA = CertificateAuthority.create(Path(_FOLDER.name))
os.environ["SSL_CERT_FILE"] = str(_CA.ca_file)


@pytest.fixture(scope="session")
def ca() -> CertificateAuthority:
    return _CA
