"""Boxes in space, as the model gives them, seen in the picture.

[x, y, z of the centre, x, y, z sizes, roll, pitch, yaw]: metres and degrees in the frame of the camera, whose
x goes right, y away from it and z up. The picture is what a lens sees that takes in 60 degrees from left to
right. From Google's notebook Spatial_understanding_3d.ipynb in github.com/google-gemini/cookbook.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

from bot.media.drawing_boxes import numbers_of

FIELD_OF_VIEW = math.radians(60)
NEAR_M = 0.05  # what is nearer, or behind the lens, is not seen; also keeps the division by depth sane
LARGEST = 1e6  # metres or degrees; a number beyond is no measurement

BOX_3D: dict[str, Any] = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 9,
    "maxItems": 9,
    "description": "[x_center, y_center, z_center, x_size, y_size, z_size, roll, pitch, yaw]: metres and "
    "degrees in the frame of the camera.",
}
"""The JSON Schema of a box in space."""

Point = tuple[float, float]
Vector = tuple[float, float, float]

# Corners are counted in binary, x first: two that differ in one bit share an edge along that axis.
_BITS = (4, 2, 1)
_EDGES = [(corner, axis) for axis in range(3) for corner in range(8) if not corner & _BITS[axis]]


@dataclass(frozen=True)
class Edge:
    """A visible piece of an edge, in pixels."""

    start: Point
    end: Point
    hidden: bool
    """Whether the box itself would hide it."""


@dataclass(frozen=True)
class Solid:
    """A box in space."""

    centre: Vector
    size: Vector
    angles: Vector
    """Roll, pitch and yaw, in degrees."""

    @property
    def distance_m(self) -> float:
        """From the lens to the centre."""
        return math.hypot(*self.centre)

    def corners(self) -> list[Vector]:
        """Return the eight corners, in metres in the frame of the camera."""
        axes = self._axes()
        halves = [(-each / 2, each / 2) for each in self.size]
        return [_moved(self.centre, axes, lengths) for lengths in itertools.product(*halves)]

    def pixels(self, size: tuple[int, int]) -> list[Point | None]:
        """Return where the corners are in a picture of that size; None for one that the lens can't see."""
        return [_project(each, size) if each[1] >= NEAR_M else None for each in self.corners()]

    def edges(self, size: tuple[int, int], beyond: float) -> list[Edge]:
        """Return what is seen of the twelve edges in a picture of that size, and so many pixels around it."""
        corners = self.corners()
        faces = self._faces_seen()
        found = []
        for corner, axis in _EDGES:
            before = _before_lens(corners[corner], corners[corner | _BITS[axis]])
            if before is None:
                continue
            piece = _clip(_project(before[0], size), _project(before[1], size), size, beyond)
            if piece is not None:
                beside = ((other, bool(corner & _BITS[other])) for other in range(3) if other != axis)
                found.append(Edge(*piece, hidden=faces.isdisjoint(beside)))
        return found

    def _axes(self) -> tuple[Vector, Vector, Vector]:
        """Return where the box's own x, y and z point."""
        return _rotation(*(math.radians(each) for each in self.angles))

    def _faces_seen(self) -> set[tuple[int, bool]]:
        """Return the faces that are turned to the camera: the axis, and whether at its upper end."""
        found = set()
        for index, axis in enumerate(self._axes()):
            to_centre = sum(a * b for a, b in zip(axis, self.centre, strict=True))
            for upper, sign in ((False, -1), (True, 1)):
                if sign * to_centre + self.size[index] / 2 < 0:
                    found.add((index, upper))
        return found


def solid_of(value: Any) -> Solid | None:
    """Read a box in space; None for what is not nine sane numbers."""
    numbers = numbers_of(value, 9)
    if numbers is None or any(abs(each) > LARGEST for each in numbers):
        return None
    x, y, z, across, deep, tall, roll, pitch, yaw = numbers
    return Solid((x, y, z), (abs(across), abs(deep), abs(tall)), (roll, pitch, yaw))


def solid_fault_of(value: Any) -> str | None:
    """Return what is wrong with a box in space, fit to be told to the model."""
    solid = solid_of(value)
    if solid is None:
        return "is not nine numbers, in metres and degrees"
    if any(each <= 0 for each in value[3:6]):
        return "has a size that is not more than 0"
    if solid.centre[1] < NEAR_M:
        return "has its centre (y_center) not before the camera"
    return None


def _rotation(roll: float, pitch: float, yaw: float) -> tuple[Vector, Vector, Vector]:
    """Return what becomes of x, y and z: turned about x by roll, then about y by pitch, about z by yaw."""
    (sr, cr), (sp, cp), (sy, cy) = ((math.sin(each), math.cos(each)) for each in (roll, pitch, yaw))
    return (
        (cy * cp, sy * cp, -sp),
        (cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, cp * sr),
        (cy * sp * cr + sy * sr, sy * sp * cr - cy * sr, cp * cr),
    )


def _moved(start: Vector, axes: tuple[Vector, Vector, Vector], lengths: tuple[float, ...]) -> Vector:
    """Return where one comes to along axes."""
    x, y, z = (
        start[index] + sum(axis[index] * length for axis, length in zip(axes, lengths, strict=True))
        for index in range(3)
    )
    return x, y, z


def _project(point: Vector, size: tuple[int, int]) -> Point:
    """Return the pixel at which a point before the lens is seen."""
    x, y, z = point
    focal = size[0] / (2 * math.tan(FIELD_OF_VIEW / 2))
    return size[0] / 2 + focal * x / y, size[1] / 2 - focal * z / y


def _before_lens(first: Vector, second: Vector) -> tuple[Vector, Vector] | None:
    """Return the part of an edge that is before the lens."""
    if first[1] < NEAR_M and second[1] < NEAR_M:
        return None
    if first[1] < NEAR_M:
        return _cut_near(second, first), second
    if second[1] < NEAR_M:
        return first, _cut_near(first, second)
    return first, second


def _cut_near(seen: Vector, unseen: Vector) -> Vector:
    share = (seen[1] - NEAR_M) / (seen[1] - unseen[1])
    return seen[0] + share * (unseen[0] - seen[0]), NEAR_M, seen[2] + share * (unseen[2] - seen[2])


def _clip(start: Point, end: Point, size: tuple[int, int], beyond: float) -> tuple[Point, Point] | None:
    """Return the part of a line that is in the picture or so near to it (Liang and Barsky, 1984)."""
    enter, leave = 0.0, 1.0
    way = (end[0] - start[0], end[1] - start[1])
    for axis in (0, 1):
        for step, room in (
            (-way[axis], start[axis] + beyond),
            (way[axis], size[axis] + beyond - start[axis]),
        ):
            if step == 0:
                if room < 0:
                    return None
            elif step < 0:
                enter = max(enter, room / step)
            else:
                leave = min(leave, room / step)
    if enter > leave:
        return None
    return _at(start, way, enter), _at(start, way, leave)


def _at(start: Point, way: Point, share: float) -> Point:
    return start[0] + share * way[0], start[1] + share * way[1]
