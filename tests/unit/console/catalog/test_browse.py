"""Filters over the packed index give what a plain look at every record gives."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.api.problems import ApiProblem
from console.catalog import browse
from console.catalog.browse import RecordFilter
from console.catalog.index_build import IndexBuilder, pack, unpack
from console.catalog.models import DatasetVersion
from mlcore.contract.desc import attributes_of, class_of, is_negative
from mlcore.contract.records import Record, SceneObject
from tests.support.many import CLASSES, records, register_many

pytestmark = pytest.mark.django_db
COUNT = 120


@pytest.fixture
def version(project: Any) -> DatasetVersion:
    register_many(project, COUNT)
    return DatasetVersion.objects.get()


def plain(test: Callable[[str, Record], bool]) -> list[int]:
    """Places of the records that pass a test, seen one by one."""
    return [n for n, (split, record) in enumerate(records(COUNT)) if test(split, record)]


def ids(version: DatasetVersion, **wanted: Any) -> list[int]:
    return browse.select(version, RecordFilter(**wanted)).places.tolist()


def has(record: Record, name: str) -> bool:
    return any(class_of(o.desc) == name for o in record.objects)


def test_no_filter_gives_every_place(version: DatasetVersion) -> None:
    assert ids(version) == list(range(COUNT))


def test_by_split(version: DatasetVersion) -> None:
    assert ids(version, split="val") == list(range(108, 120))


def test_by_class_and_several_classes(version: DatasetVersion) -> None:
    assert ids(version, classes=("标签",)) == plain(lambda _s, r: has(r, "标签"))
    both = ids(version, classes=("标签", "BBU设备"))
    assert both == plain(lambda _s, r: has(r, "标签") and has(r, "BBU设备"))
    assert 0 < len(both) < len(ids(version, classes=("标签",)))


def test_by_attribute_value_of_a_class(version: DatasetVersion) -> None:
    found = ids(version, attributes=("标签|问题=松动",))
    assert found == plain(
        lambda _s, r: any(
            class_of(o.desc) == "标签" and attributes_of(o.desc).get("问题") == "松动"
            for o in r.objects
        )
    )


def test_by_geometry_and_negatives(version: DatasetVersion) -> None:
    assert ids(version, geometries=("line",)) == plain(
        lambda _s, r: any(o.kind == "line" for o in r.objects)
    )
    assert ids(version, negatives=("*",)) == plain(
        lambda _s, r: any(is_negative(o.desc) for o in r.objects)
    )
    assert ids(version, negatives=("标签",)) == plain(
        lambda _s, r: any(is_negative(o.desc) and class_of(o.desc) == "标签" for o in r.objects)
    )


def test_by_number_of_objects_and_longest_side(version: DatasetVersion) -> None:
    assert ids(version, min_objects=3, max_objects=5) == plain(
        lambda _s, r: 3 <= len(r.objects) <= 5
    )
    assert ids(version, max_side=512) == plain(lambda _s, r: max(r.width, r.height) <= 512)
    assert ids(version, min_side=641) == plain(lambda _s, r: max(r.width, r.height) > 640)


def test_by_text_in_id_or_summary_whatever_its_case(version: DatasetVersion) -> None:
    assert ids(version, text="CAB-00001") == list(range(10, 20))
    assert ids(version, text="光纤") == plain(lambda _s, r: has(r, "光纤"))
    assert ids(version, text="无关") == plain(lambda _s, r: not r.objects)
    assert ids(version, text="no such text") == []


def test_by_near_duplicates(version: DatasetVersion) -> None:
    found = ids(version, near=True)
    assert len(found) == 24
    assert 119 - 4 in found
    assert ids(version, leaked=True) == []


def test_every_field_narrows_the_others(version: DatasetVersion) -> None:
    found = ids(version, split="train", classes=("标签",), min_objects=2, text="cab-0000")
    assert found == plain(
        lambda s, r: s == "train" and has(r, "标签") and len(r.objects) > 1 and r.id < "cab-0001"
    )


def test_a_value_that_is_not_there_is_refused_with_what_there_is(version: DatasetVersion) -> None:
    with pytest.raises(ApiProblem, match="no split 'test'") as caught:
        ids(version, split="test")
    assert caught.value.errors[0]["parameter"] == "split"
    with pytest.raises(ApiProblem, match="there is: BBU安装螺丝"):
        ids(version, classes=("cat",))


def test_facets_count_the_version_and_the_selection(version: DatasetVersion) -> None:
    counts = browse.facet_counts(version, RecordFilter(split="val"))
    for facet, matching in counts:
        if facet.kind == "class":
            everywhere = plain(lambda _s, r, name=facet.label: has(r, name))
            assert facet.images == len(everywhere)
            assert matching == len([place for place in everywhere if place >= 108])
    assert {f.label for f, _n in counts if f.kind == "class"} <= set(CLASSES)


def test_neighbours_and_position_step_within_the_filter(version: DatasetVersion) -> None:
    wanted = RecordFilter(classes=("标签",))
    places = ids(version, classes=("标签",))
    rows = {row.place: row for row in version.records.all()}
    middle = rows[places[2]]
    assert browse.neighbours(middle, wanted) == (rows[places[1]].pk, rows[places[3]].pk)
    assert browse.position(middle, wanted) == 2
    assert browse.neighbours(rows[places[-1]], wanted)[1] is None
    assert browse.neighbours(rows[places[0]], wanted)[0] is None


def test_a_jump_of_any_depth_asks_for_its_rows_only(
    version: DatasetVersion, django_assert_num_queries: Any
) -> None:
    found = browse.select(version, RecordFilter())
    with django_assert_num_queries(1):
        rows = browse.rows_at(version, found.places[100:110])
    assert [row.place for row in rows] == list(range(100, 110))


@given(st.sets(st.integers(0, 40)), st.integers(41, 60))
def test_packed_places_come_back(places: set[int], count: int) -> None:
    bits = np.unpackbits(unpack(pack(sorted(places), count)), count=count)
    assert set(np.flatnonzero(bits)) == places


DESCS = st.lists(
    st.sampled_from(
        ["类别=a,符合性=不符合", "类别=a,k=1|2", "b/c", "类别=b,备注=x,y", "类别=a,k=2"]
    ),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(DESCS, min_size=1, max_size=30))
def test_facets_hold_exactly_the_records_that_have_them(rows: list[list[str]]) -> None:
    builder = IndexBuilder(["train", "empty"], frozenset(), frozenset())
    for number, descs in enumerate(rows):
        objects = tuple(SceneObject(d, "bbox_2d", (0, 0, 5, 5)) for d in descs)
        builder.add("train", Record(f"r{number}", ("a",), 9, 9, "pixel", objects), ["s"])
    found = {(f["kind"], f["label"]): f for f in builder.facets()}
    assert found["split", "empty"]["images_n"] == 0
    for (kind, label), facet in found.items():
        bits = np.unpackbits(unpack(facet["bits"]), count=len(rows)).astype(bool)
        assert bits.sum() == facet["images_n"]
        if kind == "class":
            assert bits.tolist() == [any(class_of(d) == label for d in descs) for descs in rows]
    if any("类别=a,k=1|2" in descs for descs in rows):
        assert ("attribute", "a|k=1") in found
        assert ("attribute", "a|k=2") in found


def test_an_attribute_with_too_many_values_is_left_to_the_text_filter() -> None:
    builder = IndexBuilder(["train"], frozenset(), frozenset())
    for number in range(201):
        item = SceneObject(f"类别=a,编号={number},状态=好", "bbox_2d", (0, 0, 5, 5))
        builder.add("train", Record(f"r{number}", ("a",), 9, 9, "pixel", (item,)), ["s"])
    assert [f["label"] for f in builder.facets() if f["kind"] == "attribute"] == ["a|状态=好"]
