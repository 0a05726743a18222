"""Links to YouTube, as far as the server takes them for videos that Google has itself.

Other hosts of YouTube, such as that for music, are pages of the web to it, and refused.
"""

import re

MOST_VIDEOS = 10  # in a request
_VIDEO = re.compile(
    r"https?://(?:(?:www\.|m\.)?youtube\.com/(?:watch\?(?:[^#]*&)?v=|shorts/|live/|embed/)|youtu\.be/)"
    r"([A-Za-z0-9_-]+)(?:[&?#/].*)?"
)


def video_id(uri: str) -> str | None:
    """Return the id of the video that a link leads to; None if it leads to none."""
    found = _VIDEO.fullmatch(uri)
    return found[1] if found else None
