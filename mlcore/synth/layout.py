"""What stands where in a cabinet, drawn from a random generator. Units: pixels of a 192 image.

Two rack slots, each a device or a blank panel. Beneath a device: a lane where a wind shield may
hang and fibres run to the right rail and down. The label sticks on a device's front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Point = tuple[float, float]
SIZE = 192
CLEAN_SHARE = 0.35
"""share of scenes where nothing is wrong"""
FAULT_SHARE = 0.45
"""share of faulty things in the other scenes"""


@dataclass(frozen=True)
class Screw:
    x: float
    y: float
    radius: float
    tight: bool
    angle: float
    """degrees: of the recess when tight, of the lean when loose"""


@dataclass(frozen=True)
class Label:
    corners: tuple[Point, Point, Point, Point]
    readable: bool


@dataclass(frozen=True)
class Shield:
    corners: tuple[Point, Point, Point, Point]
    right_way: bool
    slats: int


@dataclass(frozen=True)
class Fibre:
    points: tuple[Point, Point, Point, Point]
    protected: bool
    width: float
    color: int


@dataclass(frozen=True)
class Device:
    """A BBU with its mounting ears; `bundle` is the x of cables that hide part of it, or None."""

    x0: float
    y0: float
    x1: float
    y1: float
    ear: float
    color: int
    ports: tuple[Point, ...]
    screws: tuple[Screw, Screw]
    bundle: float | None
    from_top: bool


@dataclass(frozen=True)
class Layout:
    devices: tuple[Device, ...]
    fillers: tuple[tuple[float, float, float, float], ...]
    shields: tuple[Shield, ...]
    fibres: tuple[Fibre, ...]
    labels: tuple[Label, ...]
    lead: tuple[Point, ...]
    """a power lead along the left side, or nothing: not an inspected thing"""


def make_layout(rng: np.random.Generator) -> Layout:
    """One arrangement. All of its randomness comes from `rng`, in a fixed order."""
    fault = 0.0 if rng.random() < CLEAN_SHARE else FAULT_SHARE
    left, right = rng.uniform(24, 30), rng.uniform(155, 163)
    slots = [(rng.uniform(9, 16), rng.uniform(37, 41)), (rng.uniform(93, 99), rng.uniform(37, 41))]
    used = (
        [True, True]
        if rng.random() < 0.55
        else ([True, False] if rng.random() < 0.5 else [False, True])
    )
    devices, fillers = [], []
    for i, (top, height) in enumerate(slots):
        rect = (left + rng.uniform(-2, 2), top, right + rng.uniform(-2, 2), top + height)
        if used[i]:
            devices.append(_device(rng, rect, fault, from_top=i == 0))
        else:
            fillers.append(rect)
    shields = _shields(rng, devices, fault)
    fibres = _fibres(rng, devices, fault)
    label = _label(rng, devices[int(rng.integers(len(devices)))], fault)
    return Layout(tuple(devices), tuple(fillers), shields, fibres, (label,), _lead(rng))


def _lead(rng: np.random.Generator) -> tuple[Point, ...]:
    if rng.random() >= 0.6:
        return ()
    x, phase, sway = rng.uniform(8, 17), rng.uniform(0, 6.28), rng.uniform(1.5, 4)
    ys = np.linspace(-6, SIZE + 6, 15)
    return tuple((float(x + sway * np.sin(phase + y / 31)), float(y)) for y in ys)


def _device(
    rng: np.random.Generator,
    rect: tuple[float, float, float, float],
    fault: float,
    *,
    from_top: bool,
) -> Device:
    x0, y0, x1, y1 = rect
    ear = rng.uniform(19, 21)
    ports = ((x1 - ear - 18.0, y1 - 9.0), (x1 - ear - 7.0, y1 - 9.0))
    screws = (
        _screw(rng, x0 + ear / 2, (y0 + y1) / 2 + rng.uniform(-6, 6), fault),
        _screw(rng, x1 - ear / 2, (y0 + y1) / 2 + rng.uniform(-6, 6), fault),
    )
    bundle = x0 + ear + rng.uniform(52.5, 54.5) if rng.random() < 0.35 else None
    return Device(x0, y0, x1, y1, ear, int(rng.integers(3)), ports, screws, bundle, from_top)


def _screw(rng: np.random.Generator, x: float, y: float, fault: float) -> Screw:
    tight = bool(rng.random() >= fault)
    angle = rng.uniform(0, 90) if tight else rng.choice([35.0, 145.0]) + rng.uniform(-12, 12)
    return Screw(x + rng.uniform(-1, 1), y, rng.uniform(7.8, 8.8), tight, float(angle))


def _shields(rng: np.random.Generator, devices: list[Device], fault: float) -> tuple[Shield, ...]:
    if rng.random() >= 0.70:
        return ()
    device = devices[int(rng.integers(len(devices)))]
    x0 = device.x0 + rng.uniform(0, 14)
    x1 = x0 + rng.uniform(88, 112)
    y0 = device.y1 + rng.uniform(3, 5)
    height, skew, lean = rng.uniform(17, 20), rng.uniform(3.2, 5.5), rng.uniform(-4, 4)
    corners = ((x0, y0), (x1, y0 + skew), (x1 + lean, y0 + skew + height), (x0 + lean, y0 + height))
    return (Shield(corners, bool(rng.random() >= fault), int(rng.integers(4, 6))),)


def _fibres(rng: np.random.Generator, devices: list[Device], fault: float) -> tuple[Fibre, ...]:
    plans = [(d, p) for d in range(len(devices)) for p in range(2)]
    count = 1 if rng.random() < 0.5 else 2
    chosen = sorted(rng.permutation(len(plans))[:count].tolist())
    return tuple(_fibre(rng, devices[plans[i][0]], plans[i][1], fault) for i in chosen)


def _fibre(rng: np.random.Generator, device: Device, port: int, fault: float) -> Fibre:
    """Port, down to the lane, right to the rail, down. The right-hand port takes the upper lane."""
    px, py = device.ports[port]
    px += rng.uniform(-1.2, 1.2)
    inner = port == 0
    lane = device.y1 + (rng.uniform(34, 37) if inner else rng.uniform(20, 23.5))
    turn = rng.uniform(160, 165) if inner else rng.uniform(175, 181)
    end = min(lane + rng.uniform(14, 34), 188.5)
    points = (
        (px, py),
        (px + rng.uniform(-3, 3), lane - rng.uniform(0, 2)),
        (turn, lane + rng.uniform(-2, 2)),
        (turn + rng.uniform(-2, 2), end),
    )
    return Fibre(points, bool(rng.random() >= fault), rng.uniform(4.0, 5.0), int(rng.integers(2)))


def _label(rng: np.random.Generator, device: Device, fault: float) -> Label:
    x0 = device.x0 + device.ear + rng.uniform(1.5, 3.5)
    y0 = device.y0 + rng.uniform(5, 11)
    width, height = rng.uniform(41.5, 44), rng.uniform(19, 22)
    skew, lean = rng.uniform(1.8, 3.5), rng.uniform(-1.5, 1.5)
    corners = (
        (x0, y0),
        (x0 + width, y0 + skew),
        (x0 + width + lean, y0 + skew + height),
        (x0 + lean, y0 + height),
    )
    return Label(corners, bool(rng.random() >= fault))
