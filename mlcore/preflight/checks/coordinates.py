"""Coordinates: inside their pictures by the contract; here, whether they mean what they should."""

from __future__ import annotations

import numpy as np

from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene

SMALL = 1000.0
"""where bins of 0..999 end"""
LARGE_SIDE = 1250
"""median side in pixels from which on objects that all end before 1000 are suspicious"""
FLAT_SHARE = 0.01
"""largest share of objects without area or length that is nothing to speak of"""
LEAST_OBJECTS = 50
"""fewer objects prove nothing about the space of their coordinates"""
HINT = (
    "The space of coordinates is a field of every record (coord_space). Bins or fractions that "
    "were imported as pixels put every object into the top left corner: import anew."
)


def check(scene: Scene) -> Result:
    """WARN when all coordinates of large pictures end before 1000, or many objects are flat."""
    highest: list[float] = []
    sides: list[int] = []
    objects = flat = most = 0
    for _, record in scene.train():
        sides.append(max(record.width, record.height))
        for item in record.objects:
            xs, ys = item.points[0::2], item.points[1::2]
            width, height = max(xs) - min(xs), max(ys) - min(ys)
            objects += 1
            flat += (width <= 0 and height <= 0) if item.kind == "line" else min(width, height) <= 0
            highest.append(max(item.points))
            most = max(most, len(xs))
    top = max(highest, default=0.0)
    figures = {
        "objects": objects,
        "largest": top,
        "flat": flat,
        "most_points": most,
        "median_side": float(np.median(sides)) if sides else 0.0,
    }
    message = f"{objects:,} objects, coordinates up to {top:g} px, at most {most} points"
    if objects >= LEAST_OBJECTS and top <= 1.0:
        return Result("coordinates", "WARN", f"{message}: these are fractions", figures, HINT)
    if objects >= LEAST_OBJECTS and top <= SMALL and figures["median_side"] >= LARGE_SIDE:
        side = figures["median_side"]
        message = f"{message}, but half of the pictures are {side:g} px or larger: these are bins"
        return Result("coordinates", "WARN", message, figures, HINT)
    if flat > FLAT_SHARE * objects:
        message = f"{flat:,} of {objects:,} objects have no area or length"
        hint = "Look at them with `python -m mlcore data report`; they teach nothing but noise."
        return Result("coordinates", "WARN", message, figures, hint)
    return Result("coordinates", "PASS", message, figures)
