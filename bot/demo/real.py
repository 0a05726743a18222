"""What `--gemini real` takes of the operator's own settings, from the environment and `.env`."""

import ssl
from pathlib import Path

import certifi
from pydantic import SecretStr

from bot.errors import SetupError
from bot.settings import StorageSettings

GOOGLE = "https://generativelanguage.googleapis.com"


class RealGemini(StorageSettings):
    """Where the real Gemini is, and how to talk with it."""

    gemini_api_key: SecretStr
    live_model: str = ""
    live_voice: str = ""
    google_gemini_base_url: str = GOOGLE
    ssl_cert_file: Path | None = None

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts what google-genai would: the CAs of SSL_CERT_FILE, or certifi's.

        Raises SetupError where that file can't be read.
        """
        try:
            return ssl.create_default_context(cafile=str(self.ssl_cert_file or certifi.where()))
        except OSError as error:
            reason = f"no certificates can be read from {self.ssl_cert_file} ({error.strerror or error})"
            raise SetupError(f"SSL_CERT_FILE can't be used: {reason}.") from error

    def bot_environment(self) -> dict[str, str]:
        """Return what the bot's process is given of it; the relay knows the rest."""
        chosen = {
            "GEMINI_API_KEY": self.gemini_api_key.get_secret_value(),
            "LIVE_MODEL": self.live_model,
            "LIVE_VOICE": self.live_voice,
        }
        return {name: value for name, value in chosen.items() if value}
