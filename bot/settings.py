"""Settings: the environment and `.env` become one frozen, validated object, or one sentence.

The environment wins over `.env`. Two of the variables are read by libraries (`SSL_CERT_FILE` by OpenSSL,
`GOOGLE_GEMINI_BASE_URL` by google-genai), so `export` hands on what stood in `.env`.
"""

import os
import ssl
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from yarl import URL

from bot.errors import SetupError

ENV_FILE = Path(".env")
ENCODING = "utf-8-sig"  # UTF-8, with or without the mark that Windows editors put first

_HOW_TO_GET = {
    "discord_token": "copy the bot's token from https://discord.com/developers/applications",
    "gemini_api_key": "make a key at https://aistudio.google.com/apikey",
}


def _secret(value: SecretStr) -> SecretStr:
    """Strip a secret; refuse what could never be sent in an HTTP header."""
    text = value.get_secret_value().strip()
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError("it holds spaces or characters that no token or key has; copy it again")
    return SecretStr(text)


def _url(value: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(value)
        # By yarl's reading too, which is aiohttp's.
        usable = parts.scheme in schemes and bool(parts.hostname and URL(value).host) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"it must be an address such as {schemes[0]}://host:port")
    return value


def _proxy(value: str) -> str:
    return _url(value, ("http", "https"))


def _passwords(proxy: str) -> tuple[str, ...]:
    """Return the password as it was typed, as aiohttp writes it in an address, and as it is."""
    url = URL(proxy)
    ways = {urlsplit(proxy).password, url.raw_password, url.password}
    return tuple(password for password in ways if password)


def _https(value: str) -> str:
    # Live is always wss, and the key goes along with every request.
    return _url(value, ("https",))


def _certificates(value: Path) -> Path:
    try:
        ssl.create_default_context(cafile=str(value))
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"no certificates can be read from {value} ({error.strerror or error})") from None
    return value


def _database(value: str) -> str:
    try:
        driver = make_url(value).drivername
    except ArgumentError:
        driver = ""
    if driver != "sqlite+aiosqlite":
        raise ValueError("it must look like sqlite+aiosqlite:///earshot.db")
    return value


class StorageSettings(BaseSettings):
    """What every command needs, also those that talk to nobody."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding=ENCODING, env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[str, AfterValidator(_database)] = "sqlite+aiosqlite:///earshot.db"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(StorageSettings):
    """What the bot needs; see `.env.example` for what each setting means."""

    discord_token: Annotated[SecretStr, AfterValidator(_secret)]
    gemini_api_key: Annotated[SecretStr, AfterValidator(_secret)]
    gemini_paid: bool = False

    live_model: str = "gemini-3.8-live"
    live_voice: str = "Kore"
    turns: Literal["discord", "model"] = "discord"
    rate_path: Literal["native", "resample"] = "native"

    media_model: str = "gemini-3.8-flash"
    media_fallback_model: str = "gemini-3.5-flash-lite"

    discord_proxy: Annotated[str, AfterValidator(_proxy)] | None = None
    google_gemini_base_url: Annotated[str, AfterValidator(_https)] | None = None
    ssl_cert_file: Annotated[Path, AfterValidator(_certificates)] | None = None

    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0

    def export(self) -> None:
        """Put into the environment what libraries read there; call it before aiohttp is imported.

        What is not set is removed: to OpenSSL an empty SSL_CERT_FILE is not the default but no certificates.
        """
        for name, value in (
            ("SSL_CERT_FILE", self.ssl_cert_file),
            ("GOOGLE_GEMINI_BASE_URL", self.google_gemini_base_url),
        ):
            os.environ.pop(name, None)
            if value:
                os.environ[name] = str(value)

    def secrets(self) -> tuple[str, ...]:
        """Return what must never be logged."""
        known = (self.discord_token.get_secret_value(), self.gemini_api_key.get_secret_value())
        return known + (_passwords(self.discord_proxy) if self.discord_proxy else ())


AnySettings = TypeVar("AnySettings", bound=StorageSettings)


def load(kind: type[AnySettings]) -> AnySettings:
    """Return the settings of `kind` from the environment and `.env`; raise SetupError with one sentence."""
    _check_env_file(ENV_FILE)
    try:
        return kind()
    except ValidationError as error:
        # Without the cause: pydantic's own text quotes the values, secrets too.
        raise SetupError(_sentence(error)) from None


def _check_env_file(path: Path) -> None:
    """Raise SetupError when `.env` is there and can't be read; pydantic would pass over half of these."""
    if not os.path.lexists(path):
        return
    try:
        with path.open(encoding=ENCODING) as lines:
            broken = [binding.original.line for binding in parse_stream(lines) if binding.error]
    except UnicodeDecodeError:
        raise SetupError(f"{path} is not UTF-8 text: save it again as UTF-8.") from None
    except OSError as error:
        raise SetupError(f"{path} can't be read ({error.strerror}): mend or remove it.") from None
    if broken:
        raise SetupError(f"{path} is not understood in line {broken[0]}: write NAME=value there.")


def _sentence(error: ValidationError) -> str:
    """Say what is missing and what is wrong, without quoting any value."""
    problems = error.errors(include_input=False, include_url=False)
    missing = [str(problem["loc"][0]) for problem in problems if problem["type"] == "missing"]
    if missing:
        names = " and ".join(name.upper() for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        advice = ", ".join(_HOW_TO_GET[name] for name in missing)
        return f"{names} {verb} not set: {advice}, and put it into .env or the environment."
    wrong = problems[0]
    text = wrong["msg"].removeprefix("Value error, ")
    return f"{str(wrong['loc'][0]).upper()} can't be used: {text[0].lower()}{text[1:]}."
