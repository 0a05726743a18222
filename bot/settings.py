"""Settings: the environment and `.env` become one frozen, validated object, or one sentence.

The environment wins over `.env`. Two of the variables are read by libraries (`SSL_CERT_FILE` by OpenSSL,
`GOOGLE_GEMINI_BASE_URL` by google-genai), so `export` hands on what stood in `.env`.
"""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from yarl import URL

from bot.env_file import ENCODING, check_env_file, unknown_names
from bot.errors import SetupError

ENV_FILE = Path(".env")

_HOW_TO_GET = {
    "discord_token": "copy the bot's token from https://discord.com/developers/applications",
    "gemini_api_key": "make a key at https://aistudio.google.com/apikey",
}

# What Discord's pages also show, an application's id, its public key and its client secret, has no dot.
_DOTS = 2
_RESET = (
    "choose Bot, then Reset Token, at https://discord.com/developers/applications, and copy what it shows"
)
_QUOTES = ('"', "'")

# Where pydantic's own words speak of Python's types.
_HOW_TO_WRITE = {
    "gemini_paid": "write true or false",
    "metrics_port": "write a port's number, 1 to 65535, or 0 for none",
}


def _secret(value: SecretStr) -> SecretStr:
    """Strip a secret; refuse what could never be sent in an HTTP header."""
    text = value.get_secret_value().strip()
    # A shell and `.env` take quotes away; `docker run --env-file` and systemd may not.
    if text[:1] in _QUOTES or text[-1:] in _QUOTES:
        raise ValueError("it stands in quotation marks; leave them out")
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError("it holds spaces or characters that no token or key has; copy it again")
    return SecretStr(text)


def _token(value: SecretStr) -> SecretStr:
    """Refuse what people copy in a token's place, before Discord does without saying what it is."""
    text = value.get_secret_value().strip()
    if text.lower().startswith("bot "):
        raise ValueError('leave out the word "Bot" before the token')
    secret = _secret(value)
    if text.isdecimal():
        raise ValueError(f"that is an application's id, no token; {_RESET}")
    if text.count(".") != _DOTS:
        raise ValueError(f"a bot's token has two dots in it, and this has not; {_RESET}")
    return secret


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
        url = make_url(value)
    except ArgumentError:
        url = None
    if url is None or url.drivername != "sqlite+aiosqlite" or url.database in (None, "", ":memory:"):
        raise ValueError("it must name a file, like sqlite+aiosqlite:///earshot.db")
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

    discord_token: Annotated[SecretStr, AfterValidator(_token)]
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
    check_env_file(ENV_FILE)
    try:
        return kind()
    except ValidationError as error:
        # Without the cause: pydantic's own text quotes the values, secrets too.
        raise SetupError(_sentence(error)) from None


def oversights() -> Iterator[str]:
    """Yield a sentence on each name in `.env` that is no setting: whoever wrote it counts on it."""
    for name, meant in _unknown().items():
        what = f"{ENV_FILE} has {name}, which is no setting and does nothing"
        yield f"{what}{f': did you mean {meant}?' if meant else '; .env.example has what there is.'}"


def _unknown() -> dict[str, str | None]:
    return unknown_names(ENV_FILE, [name.upper() for name in Settings.model_fields])


def _sentence(error: ValidationError) -> str:
    """Say what is missing and what is wrong, without quoting any value."""
    problems = error.errors(include_input=False, include_url=False)
    missing = [str(problem["loc"][0]) for problem in problems if problem["type"] == "missing"]
    if missing:
        return _missing(missing)
    wrong = problems[0]
    return f"{str(wrong['loc'][0]).upper()} can't be used: {_advice(wrong)}."


def _missing(names: list[str]) -> str:
    """Say where to get what is missing, and what it may stand under in `.env`."""
    known = [name.upper() for name in names]
    verb, it = ("is", "it") if len(names) == 1 else ("are", "them")
    advice = ", ".join(_HOW_TO_GET[name] for name in names)
    called = "".join(
        f"; {ENV_FILE} has {name}, which is no setting: call it {meant} if you meant that"
        for name, meant in _unknown().items()
        if meant in known
    )
    return (
        f"{' and '.join(known)} {verb} not set: {advice}, and put {it} into .env or the environment{called}."
    )


def _advice(wrong: ErrorDetails) -> str:
    name = str(wrong["loc"][0])
    if name in _HOW_TO_WRITE:
        return _HOW_TO_WRITE[name]
    if wrong["type"] == "literal_error":  # pydantic quotes as Python does: 'discord' or 'model'
        return "write " + str(wrong["ctx"]["expected"]).replace("'", "")
    text = wrong["msg"].removeprefix("Value error, ")
    return f"{text[0].lower()}{text[1:]}"
