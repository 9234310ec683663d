"""Drawing the cabinet itself: back panel, rails, blank panels and the devices' bodies."""

from __future__ import annotations

import cv2
import numpy as np

from mlcore.synth.canvas import FINE, Canvas, Mask, box, shade
from mlcore.synth.layout import Device, Layout
from mlcore.synth.style import Style


def draw_back(canvas: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Perforated sheet metal with slow brightness changes, between two rack rails."""
    size = canvas.size
    spacing = round(rng.uniform(*style.perforation) * FINE)
    cell = np.full((spacing, spacing, 3), style.cabinet, np.uint8)
    centre, radius = spacing // 2, max(2, round(spacing * 0.27))
    cv2.circle(cell, (centre, centre + 1), radius, shade(style.cabinet, 1.2), -1, cv2.LINE_AA)
    cv2.circle(cell, (centre, centre), radius, style.hole, -1, cv2.LINE_AA)
    repeat = size * FINE // spacing + 2
    dx, dy = (int(v) for v in rng.integers(0, spacing, 2))
    sheet = np.tile(cell, (repeat, repeat, 1))[dy : dy + size * FINE, dx : dx + size * FINE]
    coarse = rng.normal(1.0, 0.06, (7, 7)).astype(np.float32)
    slow = cv2.resize(coarse, (size * FINE, size * FINE), interpolation=cv2.INTER_CUBIC)
    scale = np.clip(slow * 256, 150, 360).astype(np.uint16)
    canvas.pixels = np.minimum((sheet * scale[..., None]) >> 8, 255).astype(np.uint8)
    canvas.rect(0, 0, size, 5, shade(style.rail, 0.72))
    canvas.rect(0, 5, size, 6.5, shade(style.cabinet, 0.5))


def draw_rails(canvas: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Two vertical rails with square holes in rack spacing, lit from the left."""
    start = rng.uniform(2, 9)
    for x0 in (rng.uniform(3, 7), rng.uniform(169, 173)):
        canvas.bevel(x0, 0, x0 + 14, canvas.size, style.rail)
        canvas.rect(x0 + 11, 0, x0 + 14, canvas.size, shade(style.rail, 0.8))
        for y in np.arange(start, canvas.size, 10.5).tolist():
            canvas.rect(x0 + 4, y, x0 + 8, y + 4.2, shade(style.rail, 0.3))
            canvas.path([(x0 + 4, y + 4.4), (x0 + 8, y + 4.4)], 0.6, shade(style.rail, 1.2))


def cast(layout: Layout, mask: Mask) -> None:
    """Shadows of everything that stands in front of the back panel, cables aside."""
    for d in layout.devices:
        mask.poly(box(d.x0, d.y0, d.x1, d.y1))
    for rect in layout.fillers:
        mask.poly(box(*rect))
    for shield in layout.shields:
        mask.poly(shield.corners)


def draw_filler(canvas: Canvas, rect: tuple[float, float, float, float], style: Style) -> None:
    """A blank panel with two rows of slots: an empty rack place."""
    x0, y0, x1, y1 = rect
    canvas.bevel(x0, y0, x1, y1, style.filler)
    for y in (y0 + 9, y1 - 12):
        for x in np.arange(x0 + 12, x1 - 14, 11).tolist():
            canvas.rect(x, y, x + 7, y + 2.4, shade(style.filler, 0.55))


def draw_device(canvas: Canvas, device: Device, style: Style, rng: np.random.Generator) -> None:
    """Body between two ears: a lit top, vents, a row of boards with ports and lamps."""
    d = device
    body = style.device[d.color]
    canvas.bevel(d.x0, d.y0, d.x1, d.y1, style.ear)
    left, right = d.x0 + d.ear, d.x1 - d.ear
    canvas.bevel(left, d.y0, right, d.y1, body)
    canvas.rect(left + 1, d.y0 + 1, right - 1, d.y0 + 3.4, shade(body, 1.22))
    middle = left + (right - left) * 0.58
    for y in np.arange(d.y0 + 6, d.y1 - 3, 3.4).tolist():
        canvas.path([(left + 4, y), (middle - 5, y)], 1.1, shade(body, 0.6))
    canvas.bevel(middle, d.y0 + 4.5, right - 2, d.y1 - 2.5, style.module)
    half = (d.y0 + d.y1) / 2 - 1
    canvas.path([(middle, half), (right - 2, half)], 0.8, shade(style.module, 0.55))
    for x in np.arange(middle + 2.5, right - 7, 6.4).tolist():
        canvas.rect(x, d.y0 + 8, x + 4.2, d.y0 + 12, style.port)
        canvas.rect(x, half + 4.0, x + 4.2, half + 8.0, shade(style.port, 1.25))
    for x in np.arange(middle + 4, right - 5, 6.4).tolist():
        lamp = (70, 220, 90) if rng.random() < 0.7 else (236, 170, 40)
        canvas.ellipse(x, half - 2.6, 0.8, 0.8, lamp)
    for x, y in d.ports:
        canvas.rect(x - 3.6, y - 3.2, x + 3.6, y + 3.6, shade(style.port, 0.6))
        canvas.path([(x - 3.6, y - 3.4), (x + 3.6, y - 3.4)], 0.7, shade(style.module, 1.3))
