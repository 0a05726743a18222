"""Files on their way through the demo's relay: the bot trusts the relay alone, not what is behind it."""

from pathlib import Path

from google import genai
from google.genai import types

from bot.emulators.gemini.relay import LiveRelay
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority

PHOTO = Path(__file__).parent.parent / "media" / "photo-cat.png"


async def test_a_file_is_uploaded_by_way_of_the_relay(tmp_path: Path, ca: CertificateAuthority) -> None:
    other = CertificateAuthority.create(tmp_path / "other")  # which the client does not know
    async with (
        GeminiEmulator(other) as gemini,
        LiveRelay(ca, gemini.base_url, upstream_tls=other.client_context()) as relay,
    ):
        options = types.HttpOptions(base_url=relay.base_url, api_version="v1beta")
        client = genai.Client(api_key=gemini.api_key, http_options=options)
        file = await client.aio.files.upload(file=PHOTO)
        (stored,) = gemini.files
    assert stored.name == file.name
    assert file.size_bytes == PHOTO.stat().st_size
