"""The orders in which a record, a prompt's answer and a training target list their objects.

A dataset names its policy once (`object_order` in dataset.json); import, training and prompts all
come here for it. A policy depends on the objects alone and is the same in pixels and in bins:
stretching an image changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Literal, get_args

from mlcore.contract.desc import class_of
from mlcore.contract.records import KINDS, SceneObject
from mlcore.errors import ConfigError
from mlcore.geometry.measure import bounds

Policy = Literal["class_then_rows", "reference_tlbr", "center_tlbr", "as_given"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
Language = Literal["en", "zh"]
ORDER: Policy = "class_then_rows"
"""the policy of datasets that name none"""
ROW_SHARE = 0.1
"""tops that differ by less than this share of the objects' whole vertical extent lie in one row"""
_Placed = tuple[float, float, str, str, tuple[float, ...], int]
"""top edge, left edge, everything else that decides, and which of the given objects it is"""
_Key = Callable[[SceneObject], tuple[float, ...]]


def order_objects(
    objects: Iterable[SceneObject], classes: Sequence[str] = (), *, policy: Policy = ORDER
) -> list[SceneObject]:
    """The objects in the order of a policy; applying it again changes nothing.

    `class_then_rows`: class by class; within a class row by row from the top; within a row from the
    left. `classes` gives the order of the classes. Those it leaves out follow in the order in which
    `objects` first names them, so a record that is in order stays so without it. Other policies
    know no classes.

    `reference_tlbr`: by the reference point (`reference_point`), top first, then left.
    `center_tlbr`: by the centre of the upright box around the object, top first, then left; then
    boxes before polygons before lines, then the reference point.
    `as_given`: as they come.

    Where all of that is equal, the rest of an object decides, never the order of the input.
    """
    given = list(objects)
    return [given[at] for at in order_of(given, classes, policy=policy)]


def order_of(
    given: Sequence[SceneObject],
    classes: Sequence[str] = (),
    *,
    policy: Policy = ORDER,
    around: Iterable[Sequence[float]] | None = None,
) -> list[int]:
    """The same as indices: which of the given objects comes first, which second, and so on.

    `around` are the upright boxes around them, x1, y1, x2, y2, where they are known.
    """
    if policy == "class_then_rows":
        boxes = [bounds(item.points) for item in given] if around is None else around
        return _by_classes(given, classes, boxes)
    everything = range(len(given))
    if policy == "as_given":
        return list(everything)
    key: _Key = _reference_key if policy == "reference_tlbr" else _center_key
    return sorted(everything, key=lambda at: (key(given[at]), *_rest(given[at])))


def read_policy(name: object) -> Policy:
    """A policy by the name that a manifest gives; a manifest without one means ORDER.

    Raises ConfigError for a name that is none.
    """
    if name is None:
        return ORDER
    if name not in POLICIES:
        raise ConfigError(
            f"{name!r} is no order of objects", hint=f"There are: {', '.join(POLICIES)}."
        )
    return name


def reference_point(item: SceneObject) -> tuple[float, float]:
    """x and y of a box's top-left corner, of a polygon's topmost, then leftmost vertex, and of a
    line's leftmost, then topmost point."""
    pairs = zip(item.points[0::2], item.points[1::2], strict=True)
    if item.kind == "bbox_2d":
        return min(item.points[0::2]), min(item.points[1::2])
    if item.kind == "line":
        return min(pairs)
    return min(pairs, key=lambda p: (p[1], p[0]))


SENTENCES: dict[Policy, dict[Language, str]] = {
    "class_then_rows": {
        "en": "List the objects class by class; within a class, row by row from top to bottom and "
        "from left to right within a row.",
        "zh": "对象按类别依次列出；同一类别内按行从上到下，同一行内从左到右。",
    },
    "reference_tlbr": {
        "en": "List the objects from top to bottom, then from left to right, by the top-left "
        "corner of a box, the topmost vertex of a polygon and the leftmost point of a line.",
        "zh": "对象按参考点从上到下、再从左到右列出：矩形框取左上角，多边形取最上方的顶点，"
        "线取最左端的点。",
    },
    "center_tlbr": {
        "en": "List the objects from top to bottom, then from left to right, by the centre of "
        "their bounding boxes.",
        "zh": "对象按外接矩形的中心点从上到下、再从左到右列出。",
    },
    "as_given": {"en": "", "zh": ""},
}
"""what a prompt says of each policy; of no order it says nothing"""


def describe(policy: Policy, language: Language) -> str:
    """The sentence with which a prompt asks for a policy; empty for `as_given`."""
    return SENTENCES[policy][language]


def _reference_key(item: SceneObject) -> tuple[float, ...]:
    x, y = reference_point(item)
    return y, x


def _center_key(item: SceneObject) -> tuple[float, ...]:
    xs, ys = item.points[0::2], item.points[1::2]
    across, down = min(xs) + max(xs), min(ys) + max(ys)
    return down, across, float(KINDS.index(item.kind)), *_reference_key(item)


def _rest(item: SceneObject) -> tuple[str, str, tuple[float, ...]]:
    return item.kind, item.desc, item.points


def _by_classes(
    given: Sequence[SceneObject], classes: Sequence[str], around: Iterable[Sequence[float]]
) -> list[int]:
    if not given:
        return []
    groups: dict[str, list[_Placed]] = {name: [] for name in classes}
    bottoms = []
    for at, (item, (left, top, _, bottom)) in enumerate(zip(given, around, strict=True)):
        bottoms.append(bottom)
        placed = (top, left, item.kind, item.desc, item.points, at)
        groups.setdefault(class_of(item.desc), []).append(placed)
    highest = min([placed[0] for group in groups.values() for placed in group])
    height = ROW_SHARE * (max(bottoms) - highest)
    return [at for group in groups.values() for at in _by_rows(group, height)]


def _by_rows(group: list[_Placed], height: float) -> list[int]:
    """A row begins at the topmost object left and takes those that begin less than a row lower."""
    rows: list[list[_Placed]] = []
    start = -math.inf
    for placed in sorted(group):
        if rows and placed[0] - start < height:
            rows[-1].append(placed)
        else:
            start = placed[0]
            rows.append([placed])
    return [placed[-1] for row in rows for placed in sorted(row, key=_from_left)]


_from_left = itemgetter(1, 0, 2, 3, 4)
"""left edge, top edge, then everything else, so that the input's order never matters"""
