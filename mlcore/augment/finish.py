"""From the scene back to a record: descriptions, canonical geometry, order, summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlcore.augment.completeness import as_partial
from mlcore.augment.scene import Mark, Scene
from mlcore.augment.telemetry import Step, Telemetry
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.summaries import resummarise
from mlcore.geometry import affine
from mlcore.geometry.canonical import canonical
from mlcore.geometry.order import Policy, order_objects

DIGITS = 2
"""coordinates are rounded to a hundredth of a pixel, as everywhere in datasets"""


def finish(
    record: Record, scene: Scene, steps: Sequence[Step], policy: Policy, classes: Sequence[str]
) -> tuple[Record, Telemetry]:
    """The new record and what was done."""
    objects = _objects(scene, moved=not affine.is_identity(scene.matrix))
    marks = {id(made): mark for made, mark in zip(objects, scene.marks, strict=True)}
    ordered = order_objects(objects, classes, policy=policy)
    new = replace(record, width=scene.width, height=scene.height, objects=tuple(ordered))
    if record.summary is not None:
        same = sorted(o.desc for o in ordered) == sorted(o.desc for o in record.objects)
        new = new if same else replace(new, summary=resummarise(new))
    return new, _telemetry(scene, steps, [marks[id(made)] for made in ordered], ordered)


def _objects(scene: Scene, *, moved: bool) -> list[SceneObject]:
    """What was not moved keeps its very numbers; all else is rounded and canonical."""
    marks, kinds = scene.marks, scene.shapes.kinds
    descs = [as_partial(mark.desc) if mark.partial else mark.desc for mark in marks]
    points = [
        row if kind == "bbox_2d" else canonical(kind, row)
        for kind, row in zip(kinds, scene.shapes.flats(DIGITS), strict=True)
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
    items: Sequence[Mark],
    ordered: Sequence[SceneObject],
) -> Telemetry:
    partial = [
        at
        for at, (item, made) in enumerate(zip(items, ordered, strict=True))
        if item.partial and item.desc != made.desc
    ]
    sources = [item.source for item in items]
    coverages = [1.0 if item.coverage == 1.0 else round(item.coverage, 6) for item in items]
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
        degenerate=tuple([at for at, item in enumerate(items) if item.degenerate]),
        became_poly=tuple([at for at, item in enumerate(items) if item.became_poly]),
        pasted=tuple(
            [
                {"position": at, **item.origin}
                for at, item in enumerate(items)
                if item.origin is not None
            ]
        ),
    )
