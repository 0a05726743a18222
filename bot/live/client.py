"""The one client of google-genai, with the defaults that a long call needs, and the check of its key."""

import asyncio
import logging
import os
import socket
from urllib.parse import urlsplit

import aiohttp
from google import genai
from google.auth.exceptions import GoogleAuthError
from google.genai import errors, types
from websockets.asyncio.client import ClientConnection

from bot.errors import SetupError

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # a burst of an answer passes websockets' own limit of 1 MiB
CLOSE_S = 1.0  # what the other end gets to say goodbye; leaving a call must end within 2 s
REST_TIMEOUT_MS = 120_000  # a long video is summarized in about a minute; the SDK itself waits for ever
REST_ATTEMPTS = 3
VERIFY_TIMEOUT_MS = 4_000  # a wrong key or address must end the start within 5 s

# What the kernels at both ends tell each other, however late the server is with pongs. A connection on which
# nobody speaks is probed after 5 s, and then each second; three probes without an answer end it. So do bytes
# that are not acknowledged for 8 s, or that the server has no room for. Linux takes the user time-out in
# place of the count of probes, and from what was heard last, not from the first probe: were it shorter than
# the two together, one lost probe would end a good connection. As speech is kept for 10 s, it is no longer.
# Not every system has each of these; without them a dead end shows as a model that does not answer.
_TCP_OPTIONS = {"TCP_USER_TIMEOUT": 8000, "TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}


class LiveSocket(ClientConnection):
    """A websocket that soon notices a network in which nothing passes any more, and closes in a bounded time.

    websockets bounds the wait for the answer to its close frame, but not that for room to write the frame.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and have the kernel look whether the other end is there."""
        super().connection_made(transport)
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _TCP_OPTIONS.items():
            if hasattr(socket, name):
                raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close politely for a second, then abort."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await super().close(code, reason)
        except TimeoutError:
            self.transport.abort()


def make_client(api_key: str) -> genai.Client:
    """Return a client for the Developer API, or for Vertex AI where the SDK's environment variables say so.

    It goes to GOOGLE_GEMINI_BASE_URL where that is set, and trusts the CAs of SSL_CERT_FILE.
    """
    vertex = _uses_vertex()
    options = types.HttpOptions(
        api_version=None if vertex else "v1beta",  # the SDK's v1 has no Live
        timeout=REST_TIMEOUT_MS,
        retry_options=types.HttpRetryOptions(attempts=REST_ATTEMPTS),
        # The SDK passes on to websockets.connect, and to aiohttp's and httpx's requests, what each has a
        # parameter for: these are for websockets only.
        async_client_args={
            "ping_interval": None,  # pongs of 8 to 30 s are normal, and would end a good connection
            "max_size": MAX_MESSAGE_BYTES,
            "close_timeout": CLOSE_S,
            "compression": None,  # base64 of speech shrinks by a third, for twice the work of a send
            "create_connection": LiveSocket,
        },
    )
    return genai.Client(api_key=None if vertex else api_key, http_options=options)


async def verify(client: genai.Client) -> None:
    """Make one cheap request; raise SetupError where the key is refused or Gemini can't be reached.

    A busy or broken Gemini is no reason not to start: calls are retried.
    """
    options = types.HttpOptions(timeout=VERIFY_TIMEOUT_MS, retry_options=types.HttpRetryOptions(attempts=1))
    try:
        await client.aio.models.list(config=types.ListModelsConfig(page_size=1, http_options=options))
    except errors.APIError as error:
        if error.code == 400 and "location" in (error.message or ""):
            raise SetupError(
                "Gemini is not offered where this machine is: run the bot elsewhere or use Vertex AI."
            ) from error
        if error.code in (400, 401, 403):
            raise SetupError(
                "Gemini refused GEMINI_API_KEY: make a key at https://aistudio.google.com/apikey and put it"
                " into .env or the environment."
            ) from error
        if error.code == 404:
            raise SetupError(
                "There is no Gemini at GOOGLE_GEMINI_BASE_URL: correct or remove that setting."
            ) from error
        logger.warning("Gemini answered %s to the check of the key; starting all the same", error.code)
    except GoogleAuthError as error:
        raise SetupError(
            "There are no credentials for Vertex AI: set GOOGLE_APPLICATION_CREDENTIALS or run"
            " gcloud auth application-default login."
        ) from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise SetupError(
            f"The certificate of {error.host} is not trusted: check SSL_CERT_FILE and GOOGLE_GEMINI_BASE_URL."
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise SetupError(
            f"Gemini can't be reached at {_host()}: check the network and GOOGLE_GEMINI_BASE_URL."
        ) from error


def _uses_vertex() -> bool:
    """Read what the SDK reads, in its order."""
    for name in ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI"):
        if name in os.environ:
            return os.environ[name].lower() in ("true", "1")
    return False


def _host() -> str:
    address = os.environ.get("GOOGLE_GEMINI_BASE_URL", "")
    return urlsplit(address).netloc or "generativelanguage.googleapis.com"
