"""Objects of answers, drawn by hypothesis."""
from __future__ import annotations

from hypothesis import strategies as st

from mlcore.coordjson import CoordObject
from mlcore.coordjson.types import MIN_VALUES, Kind
from mlcore.objectjson import PlainObject, Scale


def descriptions() -> st.SearchStrategy[str]:
    letters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
    return st.text(letters, min_size=1).filter(lambda text: bool(text.strip()))


def coord_objects() -> st.SearchStrategy[CoordObject]:
    """Any valid object of CoordJSON."""
    return plain_objects(Scale("norm1000")).map(lambda item: CoordObject(*item))


def plain_objects(scale: Scale) -> st.SearchStrategy[PlainObject]:
    """Any valid object of a scale."""
    last_x, last_y = scale.limits
    point = st.tuples(st.integers(0, last_x), st.integers(0, last_y))
    boxes = st.tuples(point, point).map(
        lambda p: tuple(min(a) for a in zip(*p, strict=True))
        + tuple(max(a) for a in zip(*p, strict=True))
    )

    def path(kind: Kind) -> st.SearchStrategy[PlainObject]:
        points = st.lists(point, min_size=MIN_VALUES[kind] // 2, max_size=9)
        flat = points.map(lambda p: tuple(value for pair in p for value in pair))
        return st.builds(PlainObject, descriptions(), st.just(kind), flat)

    box = st.builds(PlainObject, descriptions(), st.just("bbox_2d"), boxes)
    return box | path("poly") | path("line")
