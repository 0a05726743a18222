"""Where the bytes of a request come from: files that people posted, and videos on YouTube."""

import re
from dataclasses import dataclass

_YOUTUBE = re.compile(
    r"(?:https?://)?(?:(?:www\.|m\.|music\.)?youtube\.com/(?:watch\?(?:[^\s#]*&)?v=|shorts/|live/|embed/)"
    r"|youtu\.be/)(?P<id>[A-Za-z0-9_-]{11})(?![A-Za-z0-9_-])[^\s]*"
)


@dataclass(frozen=True)
class Source:
    """A posted file, as Discord describes it; nothing of this is believed before the bytes were seen."""

    filename: str
    url: str
    size: int
    """Bytes; 0 for a video on YouTube."""
    content_type: str | None

    @property
    def on_youtube(self) -> bool:
        """Whether this is a video that Google has itself, so that there are no bytes to fetch."""
        return youtube(self.url) is not None


def youtube(text: str) -> Source | None:
    """Return the video that a link leads to; None for anything but a link to one video on YouTube."""
    match = _YOUTUBE.fullmatch(text.strip())
    if match is None:
        return None
    return Source(f"youtu.be/{match['id']}", f"https://www.youtube.com/watch?v={match['id']}", 0, None)
