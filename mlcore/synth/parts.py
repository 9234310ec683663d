"""Drawing the inspected things: screws, shields, fibres, labels, and bundles that hide devices."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np

from mlcore.synth.canvas import FINE, Canvas, Mask, shade
from mlcore.synth.layout import Device, Fibre, Label, Layout, Point, Screw, Shield
from mlcore.synth.style import Style


def draw_screw(canvas: Canvas, screw: Screw, style: Style) -> None:
    """Tight: a head flush on its washer. Loose: the head leans out and shows the dark hole."""
    x, y, r = screw.x, screw.y, screw.radius
    if screw.tight:
        canvas.ellipse(x + 0.7, y + 1.0, r, r, shade(style.ear, 0.5))
        canvas.ellipse(x, y, r, r, shade(style.screw, 0.74))
        canvas.ellipse(x, y, r * 0.78, r * 0.78, style.screw)
        canvas.ellipse(x - r * 0.2, y - r * 0.25, r * 0.42, r * 0.36, shade(style.screw, 1.12))
        _recess(canvas, x, y, r * 0.5, screw.angle, style)
        return
    canvas.ellipse(x, y, r, r, shade(style.ear, 0.62))
    canvas.ellipse(x, y, r * 0.86, r * 0.86, style.screw_hole)
    hx, hy = loose_head(screw)
    shank = [(x, y), (hx, hy)]
    canvas.path(shank, 3.6, shade(style.screw, 0.5))
    canvas.ellipse(hx + 0.8, hy + 1.0, r * 0.56, r * 0.42, shade(style.ear, 0.4), screw.angle)
    canvas.ellipse(hx, hy, r * 0.56, r * 0.42, shade(style.screw, 0.92), screw.angle)


def loose_head(screw: Screw) -> Point:
    """Where the head of a loose screw is."""
    angle = math.radians(screw.angle)
    return (
        screw.x + math.cos(angle) * screw.radius * 0.62,
        screw.y - abs(math.sin(angle)) * screw.radius * 0.62,
    )


def screw_box(screw: Screw) -> tuple[Point, Point]:
    """The corners of a screw's extent."""
    x, y, r = screw.x, screw.y, screw.radius
    return (x - r, y - r), (x + r, y + r)


def _recess(canvas: Canvas, x: float, y: float, r: float, angle: float, style: Style) -> None:
    for turn in (0.0, 90.0):
        dx, dy = r * math.cos(math.radians(angle + turn)), r * math.sin(math.radians(angle + turn))
        canvas.path([(x - dx, y - dy), (x + dx, y + dy)], 1.4, shade(style.screw, 0.32))


def draw_shield(canvas: Canvas, shield: Shield, style: Style) -> None:
    """A plate of louvres: along the plate the right way round, across it the wrong way."""
    tl, tr, br, bl = shield.corners
    canvas.poly(shield.corners, style.shield)
    count = shield.slats if shield.right_way else shield.slats * 4
    for i in range(1, count + 1):
        t = i / (count + 1)
        if shield.right_way:
            a, b = (
                _mix(_mix(tl, bl, t), _mix(tr, br, t), 0.04),
                _mix(_mix(tl, bl, t), _mix(tr, br, t), 0.96),
            )
        else:
            a, b = (
                _mix(_mix(tl, tr, t), _mix(bl, br, t), 0.12),
                _mix(_mix(tl, tr, t), _mix(bl, br, t), 0.88),
            )
        canvas.path([a, b], 1.7, style.slat)
        canvas.path(
            [(a[0] + 0.9, a[1] + 1.1), (b[0] + 0.9, b[1] + 1.1)], 0.5, shade(style.shield, 1.3)
        )
    canvas.path([bl, tl, tr], 1.0, shade(style.shield, 1.35))
    canvas.path([tr, br, bl], 1.0, shade(style.shield, 0.55))


def smooth(points: tuple[Point, ...], radius: float = 8.0) -> list[Point]:
    """The path through `points` with its corners rounded by quadratic Bezier arcs."""
    out: list[Point] = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        a = _toward(corner, before, radius)
        b = _toward(corner, after, radius)
        for t in np.linspace(0, 1, 7):
            out.append(_mix(_mix(a, corner, float(t)), _mix(corner, b, float(t)), float(t)))
    out.append(points[-1])
    return out


def draw_fibre(canvas: Canvas, fibre: Fibre, style: Style) -> None:
    """A plug and a bright cord, under a ribbed grey sleeve where it is protected."""
    path = smooth(fibre.points)
    color = style.fibres[fibre.color]
    canvas.path(path, fibre.width, shade(color, 0.66))
    canvas.path(path, fibre.width - 1.6, color)
    if fibre.protected:
        _sleeve(canvas, path, fibre.width + 3.0, style)
    x, y = fibre.points[0]
    canvas.rect(x - 2.8, y - 2.6, x + 2.8, y + 4.5, shade(color, 0.5))
    canvas.rect(x - 1.8, y - 2.2, x + 1.2, y + 3.6, shade(color, 0.8))


def _sleeve(canvas: Canvas, path: list[Point], width: float, style: Style) -> None:
    dense = _resample(path, 2.6)[3:-1]
    canvas.path(dense, width, shade(style.sleeve, 0.6))
    canvas.path(dense, width - 1.2, style.sleeve)
    for (x0, y0), (x1, y1) in itertools.pairwise(dense):
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        nx, ny = -(y1 - y0) / length * width * 0.42, (x1 - x0) / length * width * 0.42
        canvas.path([(x0 - nx, y0 - ny), (x0 + nx, y0 + ny)], 0.9, style.sleeve_rib)


def draw_lead(canvas: Canvas, lead: tuple[Point, ...], style: Style) -> None:
    """A power lead that hangs along the left rail."""
    canvas.path(lead, 5.0, shade(style.bundle, 0.5))
    canvas.path(lead, 3.4, shade(style.bundle, 0.95))
    canvas.path([(x - 0.8, y) for x, y in lead], 0.7, shade(style.bundle, 1.6))


def draw_bundle(canvas: Canvas, device: Device, style: Style) -> None:
    """Dark cables in front of a device, tied twice, coming from beyond the image's edge."""
    assert device.bundle is not None
    for i, points in enumerate(bundle_paths(device)):
        tone = shade(style.bundle, 1.0 + 0.16 * (i % 3))
        canvas.path(points, 5.4, shade(tone, 0.55))
        canvas.path(points, 4.0, tone)
        canvas.path([(x - 0.9, y) for x, y in points], 0.7, shade(tone, 1.7))
    for share in (0.25, 0.75):
        y = device.y0 + (device.y1 - device.y0) * share
        canvas.rect(
            device.bundle - 8.6, y - 1.6, device.bundle + 8.6, y + 1.6, shade(style.paper, 0.8)
        )
        canvas.path(
            [(device.bundle - 8.6, y + 1.8), (device.bundle + 8.6, y + 1.8)], 0.7, (20, 20, 20)
        )


def bundle_paths(device: Device) -> list[tuple[Point, Point, Point]]:
    """Centre lines of the bundle's three cables, from the image's edge past the device."""
    assert device.bundle is not None
    far, near = (-4.0, device.y1 + 2.0) if device.from_top else (196.0, device.y0 - 2.0)
    out: list[tuple[Point, Point, Point]] = []
    for i in range(3):
        x = device.bundle + (i - 1) * 4.9
        out.append(((x + 3.0, far), (x, (far + near) / 2), (x, near)))
    return out


def draw_label(canvas: Canvas, label: Label, style: Style, rng: np.random.Generator) -> None:
    """A sticker: crisp rows of print, or a smear that no one can read."""
    tl, tr, br, bl = label.corners
    canvas.poly([(x + 0.8, y + 1.0) for x, y in label.corners], (18, 18, 20))
    canvas.poly(label.corners, style.paper)
    if not label.readable:
        _smear(canvas, label, style, rng)
        return
    for row in (0.22, 0.5, 0.78):
        a, b = _mix(tl, bl, row), _mix(tr, br, row)
        t = 0.07
        while t < 0.9:
            step = float(rng.uniform(0.03, 0.10))
            canvas.path([_mix(a, b, t), _mix(a, b, min(t + step, 0.93))], 2.2, style.ink)
            t += step + 0.045


def _smear(canvas: Canvas, label: Label, style: Style, rng: np.random.Generator) -> None:
    tl, tr, br, bl = label.corners
    for _ in range(7):
        x, y = _mix(
            _mix(tl, tr, rng.uniform(0.15, 0.85)), _mix(bl, br, rng.uniform(0.15, 0.85)), 0.5
        )
        tone = rng.uniform(0.45, 0.75)
        grey = tuple(
            round(p * tone + i * (1 - tone)) for p, i in zip(style.paper, style.ink, strict=True)
        )
        canvas.ellipse(
            x,
            y + rng.uniform(-4, 4),
            rng.uniform(5, 10),
            rng.uniform(2.5, 4.5),
            (grey[0], grey[1], grey[2]),
            rng.uniform(-20, 20),
        )
    xs, ys = [p[0] for p in label.corners], [p[1] for p in label.corners]
    x0, x1 = round((min(xs) + 2) * FINE), round((max(xs) - 2) * FINE)
    y0, y1 = round((min(ys) + 4) * FINE), round((max(ys) - 4) * FINE)
    region = canvas.pixels[y0:y1, x0:x1]
    canvas.pixels[y0:y1, x0:x1] = cv2.GaussianBlur(region, (0, 0), 3.0)


def cast_cables(mask: Mask, layout: Layout) -> None:
    """Shadows of fibres, bundles and the lead."""
    if layout.lead:
        mask.path(layout.lead, 5)
    for fibre in layout.fibres:
        mask.path(smooth(fibre.points)[1:], fibre.width)
    for device in layout.devices:
        if device.bundle is not None:
            for points in bundle_paths(device):
                mask.path(points, 6)


def _mix(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _toward(a: Point, b: Point, distance: float) -> Point:
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    return _mix(a, b, min(0.5, distance / length)) if length else a


def _resample(path: list[Point], step: float) -> list[Point]:
    """Points along a path at equal distances."""
    xy = np.array(path)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    at = np.arange(0.0, along[-1], step)
    return list(
        zip(
            np.interp(at, along, xy[:, 0]).tolist(),
            np.interp(at, along, xy[:, 1]).tolist(),
            strict=True,
        )
    )
