"""Videos whose frames are larger than anybody needs are refused before one of them is decoded."""

import io
import threading
from pathlib import Path

import av
import pytest

from bot.media.errors import MediaError
from bot.media.recordings import BROKEN, MAX_FRAME_PIXELS, SIZELESS, probe


def film(width: int, height: int) -> bytes:
    """Return a video that says that it is of this size, and holds nothing that could be decoded."""
    out = io.BytesIO()
    with av.open(out, "w", format="mov") as made:
        stream = made.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        packet = av.Packet(bytes(100))
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        made.start_encoding()
        made.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize(("width", "height", "told"), [(6_000, 6_001, SIZELESS), (6_000, 6_000, BROKEN)])
def test_a_size_that_is_too_much_is_told(tmp_path: Path, width: int, height: int, told: str) -> None:
    assert MAX_FRAME_PIXELS == 6_000 * 6_000
    (tmp_path / "0").write_bytes(film(width, height))
    with pytest.raises(MediaError) as refused:
        probe(tmp_path / "0", "mov", "bomb.mov", threading.Event())
    assert str(refused.value) == told.format(name="bomb.mov")


def test_a_large_video_that_its_codec_gives_up_first_is_not_called_damaged(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "0"), "w", format="mp4") as made:
        stream = made.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 8192, 4608, "yuv420p"
        made.mux(stream.encode(av.VideoFrame(8192, 4608, "yuv420p")))
        made.mux(stream.encode(None))
    with pytest.raises(MediaError) as refused:
        probe(tmp_path / "0", "mp4", "wall.mp4", threading.Event())
    assert str(refused.value) == SIZELESS.format(name="wall.mp4")
