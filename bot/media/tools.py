"""What the media service has for all requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from google import genai

from bot.media.contexts import Contexts
from bot.media.fetch import Fetcher
from bot.media.fit import Fitter
from bot.media.leases import RemoteFiles
from bot.storage.media import MediaStore


@dataclass(frozen=True)
class Tools:
    """Made at the start, closed at the end."""

    client: genai.Client
    models: Sequence[str]
    fetcher: Fetcher
    fitter: Fitter
    remote: RemoteFiles
    storage: MediaStore
    contexts: Contexts

    @property
    def vertex(self) -> bool:
        """Whether requests go to Vertex AI."""
        return bool(self.client.vertexai)
