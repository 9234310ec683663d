"""Outlines of foreign formats as the contract's geometries. Units: pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlcore.contract.records import Kind
from mlcore.contract.transform import Points
from mlcore.geometry.affine import apply, box_corners, rotate_about
from mlcore.geometry.measure import bounds
from mlcore.geometry.simplify import pad_triangle


def polygon(points: Sequence[float], changed: Counter[str]) -> Points:
    """A polygon without its doubled closing point, a triangle with a fourth point.

    The fourth point is counted as `triangle_to_four_points`.
    """
    given = tuple(points)
    if len(given) >= 4 and given[:2] == given[-2:]:
        given = given[:-2]
    if len(given) == 6:
        changed["triangle_to_four_points"] += 1
        return pad_triangle(given)
    return given


def capped(points: Points, cap: int, changed: Counter[str]) -> tuple[Kind, Points]:
    """A polygon, or its box where it has more points than the cap (0 for none); counted as
    `polygon_over_cap_to_box`."""
    if cap and len(points) // 2 > cap:
        changed["polygon_over_cap_to_box"] += 1
        return "bbox_2d", bounds(points)
    return "poly", points


def turned_box(box: Points, degrees: float, centre: tuple[float, float]) -> Points:
    """The four corners of a box turned clockwise on the screen about a centre, from the one that
    was top-left, to a hundredth of a pixel."""
    corners = apply(rotate_about(degrees, *centre), box_corners(box))
    return tuple(round(float(value), 2) for value in corners.reshape(-1))
