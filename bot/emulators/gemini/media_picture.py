"""Seeing: what is measured in a picture, from all of its bytes."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, ImageOps
from scipy import ndimage

from bot.emulators.gemini.media_colours import Rgb, dominant
from bot.emulators.gemini.media_facts import PictureFacts, Region, UnreadableError

UNREADABLE = "Unable to process input image."

_FORMATS = ("PNG", "JPEG", "WEBP", "HEIF")
_EXIF_ORIENTATION = 0x0112
_SIDE = 128  # pixels of the copy that colours and regions are measured in
_BORDER = 4  # pixels of the copy that count as background
_BLUR = 1.5  # pixels: grain makes no regions
_SMALLEST = 0.005  # share of the area; smaller regions are specks
_MOST_REGIONS = 6
_FLAT = 24.0  # largest distance from the background, of 441, in a picture in which nothing stands out

Floats = npt.NDArray[np.float64]

pillow_heif.register_heif_opener()


def look(source: Path | bytes) -> PictureFacts:
    """Return what a PNG, JPEG, WebP or HEIF shows; raise UnreadableError for all else."""
    try:
        with Image.open(
            source if isinstance(source, Path) else io.BytesIO(source), formats=_FORMATS
        ) as image:
            name = image.format or ""
            orientation = int(image.getexif().get(_EXIF_ORIENTATION, 1))
            image.load()
            # pillow-heif turns the picture itself, as the standard demands of decoders.
            seen = ImageOps.exif_transpose(image)
            width, height = seen.size
            small = _small(seen)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        # Pillow's readers raise all of these for broken bytes.
        raise UnreadableError(UNREADABLE) from None
    return PictureFacts(name, width, height, orientation, dominant(small), regions(small), small)


def _small(image: Image.Image) -> Rgb:
    """Return a copy, shape (height, width, 3), of at most _SIDE pixels a side; transparent is white."""
    image = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    return np.asarray(image, dtype=np.uint8)


def regions(pixels: Rgb) -> tuple[Region, ...]:
    """Return what differs from the colour of the border, the largest first.

    The distance to the median colour of the border is blurred and cut by Otsu's threshold; what hangs
    together is a region.
    """
    distance = ndimage.gaussian_filter(_from_border(pixels), _BLUR)
    if float(distance.max()) < _FLAT:
        return ()
    labels, _ = ndimage.label(distance > _otsu(distance))
    found = [
        _region(pixels, labels == number, window)
        for number, window in enumerate(ndimage.find_objects(labels), start=1)
    ]
    large = [region for region in found if region.share >= _SMALLEST]
    return tuple(sorted(large, key=lambda region: (-region.share, region.box))[:_MOST_REGIONS])


def _from_border(pixels: Rgb) -> Floats:
    border = np.ones(pixels.shape[:2], dtype=bool)
    border[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    background = np.median(pixels[border].astype(np.float64), axis=0)
    distance: Floats = np.sqrt(np.sum(np.square(pixels.astype(np.float64) - background), axis=2))
    return distance


def _otsu(values: Floats) -> float:
    """Return the threshold that parts the values into the two classes that differ most (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        between = np.where((below > 0) & (above > 0), below * above * np.square(gap), 0.0)
    return float(edges[int(np.argmax(between)) + 1])


def _region(pixels: Rgb, mask: npt.NDArray[np.bool_], window: tuple[slice, slice]) -> Region:
    height, width = mask.shape
    rows, columns = window
    box = (
        round(rows.start * 1000 / height),
        round(columns.start * 1000 / width),
        round(rows.stop * 1000 / height),
        round(columns.stop * 1000 / width),
    )
    named = dominant(pixels[mask], most=1)
    return Region(box, named[0].name, round(float(mask.mean()), 3))
