"""The most usual answer of a dataset, the same for every image.

For each class: its most frequent number of objects per image, its most frequent description, and
the mean place of the first, second, ... object among the images that have that number. It
shows what a score is worth without looking at the image.
"""
from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from mlcore.chat.answers import coord_objects
from mlcore.contract.desc import class_of
from mlcore.contract.records import Record, SceneObject
from mlcore.coordjson import CoordObject, render
from mlcore.errors import DataError
from mlcore.geometry.order import order_objects

Item = TypeVar("Item", bound=Hashable)


def constant_dense(records: Sequence[Record]) -> str:
    """The most usual dense answer as CoordJSON text. Raises DataError without records."""
    if not records:
        raise DataError("the train split is empty: there is no most usual answer")
    per_image = [_by_class(coord_objects(record)) for record in records]
    objects: list[CoordObject] = []
    for name in dict.fromkeys(name for image in per_image for name in image):
        objects += _usual_objects([image.get(name, []) for image in per_image])
    return render(_in_order(objects))


def constant_summary(records: Sequence[Record]) -> str:
    """The most frequent summary. Raises DataError when no record has one."""
    summaries = [record.summary for record in records if record.summary]
    if not summaries:
        raise DataError(
            "no record of the train split has a summary",
            hint="Take `summary` out of `modes`.",
        )
    return most_frequent(summaries)


def most_frequent(items: Iterable[Item]) -> Item:
    """The most frequent item; among equals the one whose text sorts first."""
    counts = Counter(items)
    return min(counts, key=lambda item: (-counts[item], repr(item)))


def _by_class(objects: Sequence[CoordObject]) -> dict[str, list[CoordObject]]:
    found: dict[str, list[CoordObject]] = defaultdict(list)
    for item in objects:
        found[class_of(item.desc)].append(item)
    return found


def _usual_objects(images: Sequence[Sequence[CoordObject]]) -> list[CoordObject]:
    """The usual objects of one class, from its objects in each image."""
    count = most_frequent(len(objects) for objects in images)
    desc = most_frequent(item.desc for objects in images for item in objects)
    typical = [objects for objects in images if len(objects) == count]
    return [_mean(desc, [objects[rank] for objects in typical]) for rank in range(count)]


def _mean(desc: str, objects: Sequence[CoordObject]) -> CoordObject:
    """Usual shape and mean bins of objects that stand for each other."""
    kind, size = most_frequent((item.kind, len(item.bins)) for item in objects)
    same = [item for item in objects if (item.kind, len(item.bins)) == (kind, size)]
    mean = np.mean([item.bins for item in same], axis=0)
    # Halves go up: rounding to even could make a box that is one bin wide collapse.
    bins = tuple(math.floor(value + 0.5) for value in mean)
    return CoordObject(desc, kind, bins)


def _in_order(objects: Sequence[CoordObject]) -> list[CoordObject]:
    scene = [SceneObject(o.desc, o.kind, tuple(float(b) for b in o.bins)) for o in objects]
    return [
        CoordObject(o.desc, o.kind, tuple(int(point) for point in o.points))
        for o in order_objects(scene)
    ]
