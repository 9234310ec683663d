"""From the scene back to a record: descriptions, canonical geometry, order, summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mlcore.augment.completeness import as_partial
from mlcore.augment.scene import Scene
from mlcore.augment.shapes import Shapes
from mlcore.augment.telemetry import Step, Telemetry
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.summaries import resummarise
from mlcore.geometry import affine
from mlcore.geometry.canonical import canonical
from mlcore.geometry.order import Policy, order_of

DIGITS = 2
"""coordinates are rounded to a hundredth of a pixel, as everywhere in datasets"""


def finish(
    record: Record, scene: Scene, steps: Sequence[Step], policy: Policy, classes: Sequence[str]
) -> tuple[Record, Telemetry]:
    """The new record and what was done."""
    moved = not affine.is_identity(scene.matrix)
    rounded = scene.shapes.rounded(DIGITS)
    objects = _objects(scene, rounded, moved=moved)
    around = None
    if moved and objects:
        around = np.concatenate(rounded.bounds(), axis=1).tolist()
    order = order_of(objects, classes, policy=policy, around=around)
    ordered = tuple([objects[at] for at in order])
    new = replace(record, width=scene.width, height=scene.height, objects=ordered)
    if record.summary is not None:
        same = sorted(o.desc for o in ordered) == sorted(o.desc for o in record.objects)
        new = new if same else replace(new, summary=resummarise(new))
    return new, _telemetry(scene, steps, order, ordered)


def _objects(scene: Scene, rounded: Shapes, *, moved: bool) -> list[SceneObject]:
    """What was not moved keeps its very numbers; all else is rounded and canonical."""
    marks, kinds = scene.marks, scene.shapes.kinds
    descs = [
        as_partial(mark.desc) if partial else mark.desc
        for mark, partial in zip(marks, scene.seen.partial.tolist(), strict=True)
    ]
    points = [
        row if kind == "bbox_2d" else canonical(kind, row)
        for kind, row in zip(kinds, rounded.flats(), strict=True)
    ]
    if not moved:
        exact = scene.shapes.flats()
        points = [
            new if mark.source is None else old
            for mark, new, old in zip(marks, points, exact, strict=True)
        ]
    return list(map(SceneObject, descs, kinds, points))


def _telemetry(
    scene: Scene,
    steps: Sequence[Step],
    order: Sequence[int],
    ordered: Sequence[SceneObject],
) -> Telemetry:
    """`order` says of each object of the new record which of the scene's it is."""
    marks = [scene.marks[at] for at in order]
    partial = [
        at
        for at, (mark, made) in enumerate(zip(marks, ordered, strict=True))
        if mark.desc is not made.desc and mark.desc != made.desc
    ]
    sources = [mark.source for mark in marks]
    shares = scene.seen.coverage.tolist()
    coverages = [1.0 if shares[at] == 1.0 else round(shares[at], 6) for at in order]
    degenerate = scene.seen.degenerate.tolist()
    lost: list[Mapping[str, Any]] = [
        {"source": one.source, "reason": one.reason} for one in scene.lost
    ]
    return Telemetry(
        bypassed=False,
        steps=tuple(steps),
        matrix=tuple(tuple(row) for row in scene.matrix.tolist()),
        width=scene.width,
        height=scene.height,
        padding_ratio=round(scene.padding_ratio, 6),
        origin=tuple(sources),
        coverages=tuple(coverages),
        kept=tuple(sorted([source for source in sources if source is not None])),
        lost=tuple(lost),
        partial=tuple(partial),
        degenerate=tuple([new for new, at in enumerate(order) if degenerate[at]]),
        became_poly=tuple([at for at, mark in enumerate(marks) if mark.became_poly]),
        pasted=tuple(
            [
                {"position": at, **mark.origin}
                for at, mark in enumerate(marks)
                if mark.origin is not None
            ]
        ),
    )
