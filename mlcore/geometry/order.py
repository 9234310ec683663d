"""The one order in which a record, a prompt's answer and a training target list their objects.

Class by class; within a class row by row from the top; within a row from the left. It depends on
the objects alone and is the same in pixels and in bins: stretching an image changes nothing.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlcore.contract.desc import class_of
from mlcore.contract.records import SceneObject

ORDER = "class_then_rows"
ROW_SHARE = 0.1
"""tops that differ by less than this share of the objects' whole vertical extent lie in one row"""


def order_objects(
    objects: Iterable[SceneObject], classes: Sequence[str] = ()
) -> list[SceneObject]:
    """The objects in their order; applying it again changes nothing.

    `classes` gives the order of the classes. Those it leaves out follow in the order in which
    `objects` first names them, so a record that is in order stays so without it.
    """
    given = list(objects)
    groups: dict[str, list[SceneObject]] = {name: [] for name in classes}
    for item in given:
        groups.setdefault(class_of(item.desc), []).append(item)
    height = _row_height(given)
    return [item for group in groups.values() for item in _by_rows(group, height)]


def _row_height(objects: Sequence[SceneObject]) -> float:
    ys = [y for item in objects for y in item.points[1::2]]
    return ROW_SHARE * (max(ys) - min(ys)) if ys else 0.0


def _by_rows(group: Sequence[SceneObject], height: float) -> list[SceneObject]:
    """A row begins at the topmost object left and takes those that begin less than a row lower."""
    rows: list[list[SceneObject]] = []
    for item in sorted(group, key=lambda item: (_top(item), _rank(item))):
        if rows and _top(item) - _top(rows[-1][0]) < height:
            rows[-1].append(item)
        else:
            rows.append([item])
    return [item for row in rows for item in sorted(row, key=_rank)]


def _top(item: SceneObject) -> float:
    return min(item.points[1::2])


def _rank(item: SceneObject) -> tuple[float, float, str, str, tuple[float, ...]]:
    """Left edge, then everything else, so that the input's order never matters."""
    return min(item.points[0::2]), _top(item), item.kind, item.desc, item.points
