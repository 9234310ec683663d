"""Drawing in scene units (pixels of the final image) on a finer canvas."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synth.style import Color

Image = NDArray[np.uint8]
Points = Sequence[tuple[float, float]]
FINE = 2
"""canvas pixels per pixel of the final image, along each axis"""
_SHIFT = 4
_ONE = 1 << _SHIFT


def shade(color: Color, factor: float) -> Color:
    """A colour times a factor, clipped."""
    r, g, b = (min(255, max(0, round(c * factor))) for c in color)
    return r, g, b


class Canvas:
    """An RGB image of FINE x the final size, with anti-aliased primitives in final pixels."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pixels: Image = np.zeros((size * FINE, size * FINE, 3), np.uint8)

    def poly(self, points: Points, color: Color) -> None:
        cv2.fillPoly(self.pixels, [_fixed(points)], color, cv2.LINE_AA, _SHIFT)

    def rect(self, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color)

    def bevel(self, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
        """A plate lit from above: light upper and left edges, dark lower and right ones."""
        self.rect(x0, y0, x1, y1, color)
        self.path([(x0, y1), (x0, y0), (x1, y0)], 1.0, shade(color, 1.28))
        self.path([(x0, y1), (x1, y1), (x1, y0)], 1.0, shade(color, 0.62))

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, color: Color, angle: float = 0.0
    ) -> None:
        centre = (round(x * FINE * _ONE), round(y * FINE * _ONE))
        axes = (round(rx * FINE * _ONE), round(ry * FINE * _ONE))
        cv2.ellipse(self.pixels, centre, axes, angle, 0, 360, color, -1, cv2.LINE_AA, _SHIFT)

    def path(self, points: Points, width: float, color: Color) -> None:
        """A polyline with round joins; width in final pixels."""
        thick = max(1, round(width * FINE))
        cv2.polylines(self.pixels, [_fixed(points)], False, color, thick, cv2.LINE_AA, _SHIFT)

    def darken(self, mask: Mask, strength: float) -> None:
        """Multiply by 1 - strength x the blurred mask: a soft shadow."""
        factor = cv2.resize(
            mask.blurred(), self.pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR
        )
        scale = 256 - (factor.astype(np.uint16) * round(strength * 256) // 255)
        self.pixels = ((self.pixels * scale[..., None]) >> 8).astype(np.uint8)


class Mask:
    """Shapes that cast a shadow, drawn at final resolution, moved by the light's offset."""

    def __init__(self, size: int, dx: float, dy: float, sigma: float) -> None:
        self.pixels: Image = np.zeros((size, size), np.uint8)
        self.dx, self.dy, self.sigma = dx, dy, sigma

    def poly(self, points: Points) -> None:
        cv2.fillPoly(self.pixels, [self._moved(points)], 255, cv2.LINE_8, _SHIFT)

    def path(self, points: Points, width: float) -> None:
        thick = max(1, round(width))
        cv2.polylines(self.pixels, [self._moved(points)], False, 255, thick, cv2.LINE_8, _SHIFT)

    def blurred(self) -> Image:
        return np.asarray(cv2.GaussianBlur(self.pixels, (0, 0), self.sigma), np.uint8)

    def _moved(self, points: Points) -> NDArray[np.int32]:
        moved = [(round((x + self.dx) * _ONE), round((y + self.dy) * _ONE)) for x, y in points]
        return np.array(moved, np.int32)


def box(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    """The corners of a rectangle, clockwise from the top left."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _fixed(points: Points) -> NDArray[np.int32]:
    scale = FINE * _ONE
    return np.array([(round(x * scale), round(y * scale)) for x, y in points], np.int32)
