"""Affine maps of the plane as 3x3 matrices, and what they make of a box, a polygon and a line.

Coordinates are pixels of edges: 0 is the left edge of the first pixel and `width` the right edge of
the last one, so a mirrored picture maps x to width - x and no pixel is lost at a border.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlcore.contract.records import Kind

Matrix = npt.NDArray[np.float64]
"""a 3x3 matrix whose last row is 0, 0, 1; it maps column vectors (x, y, 1)"""
Points = npt.NDArray[np.float64]
"""points as rows: shape [n, 2]"""
EPSILON = 1e-9
"""a matrix entry smaller than this is zero"""
_EYE = np.eye(3)
_IDENTITY = _EYE.ravel().tolist()


def identity() -> Matrix:
    """The map that changes nothing."""
    return _EYE.copy()


def translate(dx: float, dy: float) -> Matrix:
    """Moves by (dx, dy) pixels."""
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])


def scale(sx: float, sy: float) -> Matrix:
    """Stretches from the origin. Raises ValueError for a factor that is not positive."""
    if sx <= 0 or sy <= 0:
        raise ValueError(f"a scale of {sx} by {sy} is not positive")
    return np.array([[sx, 0.0, 0.0], [0.0, sy, 0.0], [0.0, 0.0, 1.0]])


def scale_about(sx: float, sy: float, x: float, y: float) -> Matrix:
    """Stretches and leaves the point (x, y) where it is."""
    return compose(translate(x, y), scale(sx, sy), translate(-x, -y))


def rotate_about(degrees: float, x: float, y: float) -> Matrix:
    """Turns about the point (x, y), clockwise as seen on a screen, whose y points down."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return compose(translate(x, y), turn, translate(-x, -y))


def hflip(width: float) -> Matrix:
    """Mirrors left and right in an image of this width."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def vflip(height: float) -> Matrix:
    """Mirrors top and bottom in an image of this height."""
    return np.array([[1.0, 0.0, 0.0], [0.0, -1.0, height], [0.0, 0.0, 1.0]])


def compose(*maps: Matrix) -> Matrix:
    """The product: `compose(a, b)` does b first, then a. Of nothing, the identity."""
    out = identity()
    for matrix in maps:
        out = out @ matrix
    return out


def invert(matrix: Matrix) -> Matrix:
    """The map back. Raises ValueError for one that flattens the plane."""
    if abs(np.linalg.det(matrix[:2, :2])) < EPSILON:
        raise ValueError("the matrix flattens the plane and has no inverse")
    out: Matrix = np.linalg.inv(matrix).astype(np.float64)
    out[2] = (0.0, 0.0, 1.0)
    return out


def apply(matrix: Matrix, points: Points) -> Points:
    """The images of points, shape [n, 2] to [n, 2]."""
    moved: Points = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def is_identity(matrix: Matrix) -> bool:
    """True where the map moves nothing."""
    flat = matrix.ravel().tolist()
    return flat == _IDENTITY or all(
        abs(a - b) < EPSILON for a, b in zip(flat, _IDENTITY, strict=True)
    )


def is_axis_aligned(matrix: Matrix) -> bool:
    """True where upright boxes stay upright: stretching, mirroring and quarter turns."""
    a, b, c, d = np.abs(matrix[:2, :2]).ravel().tolist()
    return bool((b < EPSILON and c < EPSILON) or (a < EPSILON and d < EPSILON))


def index_map(matrix: Matrix) -> Matrix:
    """The same map between indices of pixels, which stand at their centres: x - 0.5.

    It is what `cv2.warpAffine` takes.
    """
    return compose(translate(-0.5, -0.5), matrix, translate(0.5, 0.5))


@dataclass(frozen=True)
class Moved:
    """A geometry under a map. `points` is flat; `became_poly` is true for a box that turned."""

    kind: Kind
    points: tuple[float, ...]
    became_poly: bool = False


def move(kind: Kind, points: Sequence[float], matrix: Matrix) -> Moved:
    """A geometry under an affine map; `points` is flat: x1, y1, x2, y2, ...

    A box stays a box under an axis-aligned map, with its corners in order again. Under any other it
    becomes the polygon of its four corners, clockwise from what was the top-left one.
    """
    became_poly = kind == "bbox_2d" and not is_axis_aligned(matrix)
    pairs = box_corners(points) if became_poly else as_pairs(points)
    moved = apply(matrix, pairs)
    if became_poly:
        return Moved("poly", flat(moved), became_poly=True)
    if kind == "bbox_2d":
        moved = np.array([moved.min(axis=0), moved.max(axis=0)])
    return Moved(kind, flat(moved))


def as_pairs(points: Sequence[float]) -> Points:
    """A flat list of coordinates as rows, shape [n, 2]."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


def flat(points: Points) -> tuple[float, ...]:
    """Rows of points as the flat tuple that a record holds."""
    return tuple(points.ravel().tolist())


def box_corners(points: Sequence[float]) -> Points:
    """The four corners of a box x1, y1, x2, y2, clockwise from the top-left one: shape [4, 2]."""
    x1, y1, x2, y2 = points
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], dtype=np.float64)
