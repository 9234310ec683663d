"""Which prediction is which true object."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import Kind, SceneObject
from mlcore.coordjson import CoordObject, render
from mlcore.evaluate.match import ImageMatch, assign, match_image, read_answer, truth_things
from tests.support.answers import FIBRE, LOOSE, SCREW, SHIELD, record, right, say, thing


def matched(truth: list[SceneObject], text: str | None, threshold: float = 0.5) -> ImageMatch:
    return match_image("x", truth_things(record("x", *truth)), read_answer(text), threshold)


def test_a_right_answer_finds_everything() -> None:
    objects = [SCREW, LOOSE, SHIELD, FIBRE]
    match = matched(objects, right(record("x", *objects)))
    assert (match.tp, match.fp, match.fn) == (4, 0, 0)
    assert all(pair.truth == pair.prediction and pair.iou > 0.95 for pair in match.pairs)


@pytest.mark.parametrize("text", [None, "no idea", '{"objects": [', ""])
def test_the_objects_of_an_answer_that_cannot_be_read_are_all_missed(text: str | None) -> None:
    match = matched([SCREW, FIBRE], text)
    assert (match.tp, match.fp, match.fn) == (0, 0, 2)
    assert match.reading.fault is not None
    assert (match.reading.fault.rule == "missing") == (text is None)


def test_the_right_place_with_the_wrong_class_is_a_miss_and_an_invention() -> None:
    other = thing("类别=标签", "bbox_2d", *SCREW.points)
    match = matched([SCREW], say([other]))
    assert (match.tp, match.fp, match.fn) == (0, 1, 1)


def test_the_right_class_with_another_attribute_still_matches() -> None:
    other = thing("类别=螺丝,符合性=不符合", "bbox_2d", *SCREW.points)
    assert matched([SCREW], say([other])).tp == 1


def test_saying_a_thing_twice_finds_it_once() -> None:
    match = matched([SCREW], say([SCREW, SCREW, SCREW]))
    assert (match.tp, match.fp, match.fn) == (1, 2, 0)


def test_a_polygon_may_be_found_by_its_box_but_a_line_only_by_a_line() -> None:
    box = thing(SHIELD.desc, "bbox_2d", 10, 80, 90, 120)
    assert matched([SHIELD], say([box])).tp == 1
    around = thing(FIBRE.desc, "bbox_2d", 20, 140, 180, 170)
    assert matched([FIBRE], say([around])).tp == 0


def test_a_line_drawn_from_the_other_end_is_the_same_line() -> None:
    back = thing(FIBRE.desc, "line", 180, 150, 90, 170, 20, 140)
    assert matched([FIBRE], say([back])).tp == 1


def test_overlap_just_below_the_threshold_does_not_count() -> None:
    half = thing(SCREW.desc, "bbox_2d", 10, 10, 60, 36)
    iou = matched([SCREW], say([half]), threshold=0.1).pairs[0].iou
    assert matched([SCREW], say([half]), threshold=iou).tp == 1
    assert matched([SCREW], say([half]), threshold=iou + 1e-6).tp == 0


def test_one_tempting_pair_never_costs_two() -> None:
    """Greedy pairing takes 0.9 first and leaves the other two things without a partner."""
    overlaps = np.array([[0.9, 0.6], [0.6, 0.0]])
    assert assign(overlaps, 0.5) == [(0, 1), (1, 0)]


def tables() -> st.SearchStrategy[list[list[float]]]:
    overlap = st.sampled_from([0.0, 0.4, 0.5, 0.7, 0.9, 1.0])
    return st.lists(st.lists(overlap, min_size=3, max_size=3), min_size=1, max_size=4)


@given(tables())
def test_no_pairing_has_more_pairs_or_as_many_with_more_overlap(rows: list[list[float]]) -> None:
    overlaps = np.array(rows)
    found = assign(overlaps, 0.5)
    value = (len(found), round(sum(overlaps[i, j] for i, j in found), 6))
    wide = np.pad(overlaps, ((0, 0), (0, len(rows))))
    best = (0, 0.0)
    for columns in itertools.permutations(range(wide.shape[1]), len(rows)):
        good = [wide[i, j] for i, j in enumerate(columns) if wide[i, j] >= 0.5]
        best = max(best, (len(good), round(sum(good), 6)))
    assert value == best
    assert all(overlaps[i, j] >= 0.5 for i, j in found)


def wild_objects() -> st.SearchStrategy[list[CoordObject]]:
    """Valid answers with any geometry at all: collapsed, crossing, doubled back."""
    few = st.sampled_from([0, 1, 500, 998, 999])
    point = st.tuples(few | st.integers(0, 999), few | st.integers(0, 999))

    def path(kind: Kind) -> st.SearchStrategy[CoordObject]:
        pairs = st.lists(point, min_size=2 if kind == "line" else 3, max_size=12)
        return pairs.map(lambda p: CoordObject("类别=螺丝", kind, tuple(v for q in p for v in q)))

    return st.lists(path("line") | path("poly"), max_size=6)


@given(wild_objects(), wild_objects())
def test_no_geometry_that_can_be_said_upsets_the_matching(
    truth: list[CoordObject], said: list[CoordObject]
) -> None:
    things = read_answer(render(truth)).things
    match = match_image("x", things, read_answer(render(said)), 0.5)
    assert match.tp + match.fn == len(truth)
    assert match.tp + match.fp == len(said)
    assert all(0.5 <= pair.iou <= 1.0 for pair in match.pairs)
