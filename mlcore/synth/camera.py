"""The camera: where it stands, and what light, lens and sensor do to the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synth.canvas import FINE, Image
from mlcore.synth.style import Style


@dataclass(frozen=True)
class View:
    """A plane-to-plane map of scene points (pixels) to image points (pixels), 3 x 3."""

    matrix: NDArray[np.float64]

    def apply(self, points: list[tuple[float, float]]) -> NDArray[np.float64]:
        """Image points, shape [n, 2]."""
        xy = np.array(points, np.float64).reshape(-1, 2)
        mapped = np.c_[xy, np.ones(len(xy))] @ self.matrix.T
        return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)

    def warp(self, fine: Image) -> Image:
        """The picture seen through this view, at canvas resolution."""
        scale = np.diag([FINE, FINE, 1.0])
        matrix = scale @ self.matrix @ np.linalg.inv(scale)
        size = (fine.shape[1], fine.shape[0])
        out = cv2.warpPerspective(
            fine, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(out, np.uint8)


def draw_view(rng: np.random.Generator, size: int) -> View:
    """A hand-held stance: up to 1 degree of roll, 3 % of zoom, a little off and oblique."""
    angle = np.radians(rng.uniform(-1.0, 1.0))
    zoom = rng.uniform(0.965, 1.01)
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    half = size / 2
    dx, dy = rng.uniform(-2.5, 2.5, 2)
    turn = np.array([[c, -s, dx], [s, c, dy], [0, 0, 1.0]])
    tilt = np.eye(3)
    tilt[2, :2] = rng.uniform(-1.8e-4, 1.8e-4, 2)
    centre = np.array([[1, 0, half], [0, 1, half], [0, 0, 1.0]])
    return View(centre @ tilt @ turn @ np.linalg.inv(centre))


def expose(fine: Image, style: Style, rng: np.random.Generator) -> Image:
    """Reduce to the final size, then light slope, vignette, white balance, blur, sensor noise."""
    size = fine.shape[0] // FINE
    small = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = axis[None, :] * np.float32(np.cos(angle)) + axis[:, None] * np.float32(np.sin(angle))
    radius = axis[None, :] ** 2 + axis[:, None] ** 2
    strength = np.float32(rng.uniform(0.3, 1.0) * style.gradient)
    light = (1 + strength * slope) * (1 - np.float32(style.vignette / 2) * radius)
    light *= np.float32(rng.uniform(*style.gain))
    balance = np.array(style.white_balance, np.float32) * rng.uniform(0.97, 1.03, 3).astype(
        np.float32
    )
    picture = np.asarray(small * light[..., None] * balance, np.float32)
    blur = float(rng.uniform(0.35, 0.65))
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)
    sigma = np.float32(rng.uniform(*style.noise))
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * sigma
    picture += noise * (0.6 + picture / 400)
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)
