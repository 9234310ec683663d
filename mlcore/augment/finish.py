"""From the scene back to a record: descriptions, canonical geometry, order, summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlcore.augment.completeness import as_partial
from mlcore.augment.scene import Flat, Item, Scene
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
    moved = not affine.is_identity(scene.matrix)
    objects = [_object(item, rounded=moved or item.source is None) for item in scene.items]
    place = {id(made): item for made, item in zip(objects, scene.items, strict=True)}
    ordered = order_objects(objects, classes, policy=policy)
    items = [place[id(made)] for made in ordered]
    new = replace(
        record, width=scene.width, height=scene.height, objects=tuple(ordered)
    )
    same = sorted(o.desc for o in ordered) == sorted(o.desc for o in record.objects)
    if record.summary is not None and not same:
        new = replace(new, summary=resummarise(new))
    return new, _telemetry(record, scene, steps, items, ordered)


def _object(item: Item, *, rounded: bool) -> SceneObject:
    desc = as_partial(item.desc) if item.partial else item.desc
    points: Flat = item.points
    if rounded:
        points = canonical(item.kind, tuple(round(v, DIGITS) for v in points))
    return SceneObject(desc, item.kind, points)


def _telemetry(
    record: Record,
    scene: Scene,
    steps: Sequence[Step],
    items: Sequence[Item],
    ordered: Sequence[SceneObject],
) -> Telemetry:
    partial = [
        at
        for at, (item, made) in enumerate(zip(items, ordered, strict=True))
        if item.desc != made.desc
    ]
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
        origin=tuple(item.source for item in items),
        coverages=tuple(round(item.coverage, 6) for item in items),
        kept=tuple(sorted(item.source for item in items if item.source is not None)),
        lost=tuple(lost),
        partial=tuple(partial),
        degenerate=tuple(at for at, item in enumerate(items) if item.degenerate),
        became_poly=tuple(at for at, item in enumerate(items) if item.became_poly),
        pasted=tuple(
            {"position": at, **item.origin}
            for at, item in enumerate(items)
            if item.origin is not None
        ),
    )
