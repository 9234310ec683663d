"""The orders of objects."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import SceneObject
from mlcore.errors import ConfigError
from mlcore.geometry.order import (
    ORDER,
    POLICIES,
    Policy,
    describe,
    order_objects,
    read_policy,
    reference_point,
)


def box(name: str, x: float, y: float, size: float = 5) -> SceneObject:
    return SceneObject(f"类别={name}", "bbox_2d", (x, y, x + size, y + size))


def places(objects: list[SceneObject]) -> list[tuple[str, float, float]]:
    return [(o.desc[-1], o.points[0], o.points[1]) for o in objects]


def scenes() -> st.SearchStrategy[list[SceneObject]]:
    number = st.integers(0, 100)
    return st.lists(st.builds(box, st.sampled_from("ABC"), number, number), max_size=12)


def test_classes_come_one_after_another_in_the_order_first_named() -> None:
    found = order_objects([box("B", 9, 9), box("A", 0, 0), box("B", 0, 50)])
    assert [o.desc[-1] for o in found] == ["B", "B", "A"]


def test_a_given_order_of_classes_wins_and_the_rest_follow() -> None:
    found = order_objects([box("B", 9, 9), box("C", 0, 0), box("A", 0, 0)], classes=["A", "B"])
    assert [o.desc[-1] for o in found] == ["A", "B", "C"]


def test_left_comes_before_right_in_a_row_that_is_a_little_slanted() -> None:
    found = order_objects([box("A", 90, 0), box("A", 0, 4), box("A", 50, 100), box("A", 10, 104)])
    assert places(found) == [("A", 0, 4), ("A", 90, 0), ("A", 10, 104), ("A", 50, 100)]


def test_top_comes_before_left_when_the_rows_differ() -> None:
    found = order_objects([box("A", 0, 60), box("A", 90, 0), box("A", 0, 100)])
    assert places(found) == [("A", 90, 0), ("A", 0, 60), ("A", 0, 100)]


def test_lines_and_polygons_stand_at_their_topmost_and_leftmost_values() -> None:
    line = SceneObject("类别=A", "line", (80, 90, 5, 3))
    found = order_objects([box("A", 10, 40), box("A", 20, 3), line])
    assert found == [line, box("A", 20, 3), box("A", 10, 40)]


def test_nothing_stays_nothing() -> None:
    assert order_objects([]) == []


@given(scenes())
def test_ordering_again_changes_nothing(objects: list[SceneObject]) -> None:
    once = order_objects(objects)
    assert order_objects(once) == once
    assert sorted(map(repr, once)) == sorted(map(repr, objects))


@given(scenes(), st.randoms(use_true_random=False))
def test_the_input_order_does_not_matter_when_the_classes_are_given(
    objects: list[SceneObject], random: object
) -> None:
    shuffled = list(objects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert order_objects(shuffled, "ABC") == order_objects(objects, "ABC")


@given(scenes(), st.sampled_from([2, 8, 64]), st.sampled_from([2, 8, 64]))
def test_stretching_the_image_changes_nothing(
    objects: list[SceneObject], across: int, down: int
) -> None:
    def stretch(item: SceneObject) -> SceneObject:
        by = (across, down, across, down)
        points = tuple(v * f for v, f in zip(item.points, by, strict=True))
        return SceneObject(item.desc, item.kind, points)

    stretched = [stretch(item) for item in objects]
    assert order_objects(stretched) == [stretch(item) for item in order_objects(objects)]


policies = st.sampled_from(POLICIES)


@given(policies, scenes())
def test_ordering_by_a_policy_again_changes_nothing(
    policy: Policy, objects: list[SceneObject]
) -> None:
    once = order_objects(objects, policy=policy)
    assert order_objects(once, policy=policy) == once
    assert sorted(map(repr, once)) == sorted(map(repr, objects))


@given(st.sampled_from(["reference_tlbr", "center_tlbr"]), scenes(), st.randoms())
def test_the_input_order_never_matters_to_the_policies_by_place(
    policy: Policy, objects: list[SceneObject], random: object
) -> None:
    shuffled = list(objects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert order_objects(shuffled, policy=policy) == order_objects(objects, policy=policy)


def test_as_given_leaves_everything_where_it_is() -> None:
    objects = [box("B", 9, 9), box("A", 0, 0), box("B", 0, 50)]
    assert order_objects(objects, policy="as_given") == objects


def test_reference_points_are_a_corner_a_topmost_vertex_and_a_leftmost_point() -> None:
    poly = SceneObject("a", "poly", (5, 9, 9, 2, 3, 2, 1, 8))
    line = SceneObject("a", "line", (9, 1, 2, 8, 2, 5, 7, 0))
    assert reference_point(box("A", 3, 4)) == (3, 4)
    assert reference_point(poly) == (3, 2)
    assert reference_point(line) == (2, 5)


def test_the_same_polygon_has_one_reference_point_wherever_it_starts() -> None:
    """The anchor is not (min y, min x) of all vertices and not merely the first one."""
    first = SceneObject("a", "poly", (5, 0, 9, 9, 0, 9, 2, 4))
    turned = SceneObject("a", "poly", (0, 9, 2, 4, 5, 0, 9, 9))
    assert reference_point(first) == reference_point(turned) == (5, 0)


def test_reference_and_centre_disagree_on_a_tall_object() -> None:
    tall = SceneObject("类别=A", "bbox_2d", (50, 0, 60, 100))
    low = SceneObject("类别=A", "bbox_2d", (0, 10, 10, 20))
    assert order_objects([low, tall], policy="reference_tlbr") == [tall, low]
    assert order_objects([low, tall], policy="center_tlbr") == [low, tall]


def test_on_one_centre_boxes_come_before_polygons_before_lines() -> None:
    poly = SceneObject("a", "poly", (0, 0, 10, 0, 10, 10, 0, 10))
    line = SceneObject("a", "line", (0, 0, 10, 10))
    square = SceneObject("a", "bbox_2d", (0, 0, 10, 10))
    assert order_objects([line, poly, square], policy="center_tlbr") == [square, poly, line]


def test_a_manifest_names_its_policy_or_means_the_default() -> None:
    assert read_policy(None) == ORDER == "class_then_rows"
    assert read_policy("center_tlbr") == "center_tlbr"
    with pytest.raises(ConfigError, match="center"):
        read_policy("center")


@given(policies, st.sampled_from(["en", "zh"]))
def test_every_policy_but_as_given_has_a_sentence_for_prompts(
    policy: Policy, language: str
) -> None:
    sentence = describe(policy, language)  # type: ignore[arg-type]
    assert (sentence == "") == (policy == "as_given")
    assert not sentence or sentence[-1] in ".。"
