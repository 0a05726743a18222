"""Which part of a video is looked at, and how closely."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clip:
    """The part of each video that the model looks at, and how closely; times stay those of the whole."""

    start_s: float = 0.0
    end_s: float | None = None
    """None for the end of the video."""
    fps: float | None = None
    """Frames a second that the model looks at; None for its own choice, one."""
