"""One scene: its picture and its record. A pure function of (seed, style, split, index)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from mlcore.contract.desc import make_desc
from mlcore.contract.records import COORD_SPACE, Kind, Record, SceneObject
from mlcore.contract.summaries import text_summary
from mlcore.geometry.order import order_objects
from mlcore.synth.cabinet import cast, draw_back, draw_device, draw_filler, draw_rails
from mlcore.synth.camera import View, draw_view, expose
from mlcore.synth.canvas import Canvas, Image, Mask
from mlcore.synth.layout import SIZE, Layout, Point, make_layout
from mlcore.synth.parts import (
    cast_cables,
    draw_bundle,
    draw_fibre,
    draw_label,
    draw_lead,
    draw_screw,
    draw_shield,
    screw_box,
)
from mlcore.synth.style import STYLES, Style

CLASSES = ("BBU设备", "BBU安装螺丝", "挡风板", "光纤", "标签")
"""the classes, in the order in which a record lists them"""


def make_scene(seed: int, style: str, split: str, index: int) -> tuple[Image, Record]:
    """The picture (RGB uint8, 192 x 192 x 3) and its record.

    Objects come by class (CLASSES), then row by row from the top, then from the left
    (`order_objects`). Raises KeyError for an unknown style.
    """
    look = STYLES[style]
    salt = [zlib.crc32(style.encode()), zlib.crc32(split.encode())]
    rng = np.random.default_rng(np.random.SeedSequence([seed, *salt, index]))
    layout = make_layout(rng)
    view = draw_view(rng, SIZE)
    fine = _draw(layout, look, rng)
    picture = expose(view.warp(fine), look, rng)
    identity = f"{style}-{split}-{index:06d}"
    objects = order_objects(scene_objects(layout, view), CLASSES)
    record = Record(
        identity,
        (f"images/{identity}.jpg",),
        SIZE,
        SIZE,
        COORD_SPACE,
        tuple(objects),
        text_summary([o.desc for o in objects]),
        {"style": style},
    )
    return picture, record


def scene_objects(layout: Layout, view: View) -> list[SceneObject]:
    """Every inspected thing of a layout as the view shows it, in pixels."""
    out: list[SceneObject] = []
    for d in layout.devices:
        seen = "部分" if d.bundle is not None else "完整"
        corners = [(d.x0, d.y0), (d.x1, d.y0), (d.x1, d.y1), (d.x0, d.y1)]
        out.append(_object(view, "BBU设备", {"可见性": seen}, "bbox_2d", corners))
        for screw in d.screws:
            words = {"符合性": "符合"} if screw.tight else {"符合性": "不符合", "问题": "未拧紧"}
            (x0, y0), (x1, y1) = screw_box(screw)
            corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
            out.append(_object(view, "BBU安装螺丝", words, "bbox_2d", corners))
    for shield in layout.shields:
        words = {"安装方向": "方向正确" if shield.right_way else "方向错误"}
        out.append(_object(view, "挡风板", words, "poly", shield.corners))
    for fibre in layout.fibres:
        words = {"保护措施": "有保护" if fibre.protected else "无保护"}
        out.append(_object(view, "光纤", words, "line", fibre.points))
    for label in layout.labels:
        words = {"可读性": "可读" if label.readable else "不可读"}
        out.append(_object(view, "标签", words, "poly", label.corners))
    return out


def _object(
    view: View, name: str, words: dict[str, str], kind: Kind, points: Sequence[Point]
) -> SceneObject:
    seen = view.apply(list(points))
    if kind == "bbox_2d":
        seen = np.array([seen.min(axis=0), seen.max(axis=0)])
    flat = np.clip(np.rint(seen), 0, SIZE - 1).astype(int).ravel().tolist()
    return SceneObject(make_desc(name, words), kind, tuple(flat))


def _draw(layout: Layout, style: Style, rng: np.random.Generator) -> Image:
    canvas = Canvas(SIZE)
    draw_back(canvas, style, rng)
    draw_rails(canvas, style, rng)
    solid = Mask(SIZE, 2.5, 4.0, 3.0)
    cast(layout, solid)
    canvas.darken(solid, 0.6)
    for rect in layout.fillers:
        draw_filler(canvas, rect, style)
    for device in layout.devices:
        draw_device(canvas, device, style, rng)
    for label in layout.labels:
        draw_label(canvas, label, style, rng)
    for device in layout.devices:
        for screw in device.screws:
            draw_screw(canvas, screw, style)
    for shield in layout.shields:
        draw_shield(canvas, shield, style)
    cables = Mask(SIZE, 2.0, 3.0, 1.8)
    cast_cables(cables, layout)
    canvas.darken(cables, 0.5)
    if layout.lead:
        draw_lead(canvas, layout.lead, style)
    for device in layout.devices:
        if device.bundle is not None:
            draw_bundle(canvas, device, style)
    for fibre in layout.fibres:
        draw_fibre(canvas, fibre, style)
    return canvas.pixels
