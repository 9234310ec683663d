"""F1 at every level of agreement and every threshold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.evaluate.levels import SWEEP, LevelCounts, _most
from mlcore.evaluate.match import LEVELS, ImageMatch, match_image, read_answer, truth_things
from tests.support.answers import (
    FIBRE,
    LOOSE,
    SCREW,
    SHIELD,
    four_records,
    record,
    right,
    say,
    thing,
)


def matches(*pairs: tuple[list, list]) -> list[ImageMatch]:
    return [
        match_image(str(n), truth_things(record(str(n), *truth)), read_answer(say(said)), 0.5)
        for n, (truth, said) in enumerate(pairs)
    ]


def test_each_level_asks_for_more_than_the_one_before() -> None:
    as_class = thing(LOOSE.desc, "bbox_2d", *SCREW.points)
    as_other = thing("类别=标签", "bbox_2d", *SCREW.points)
    found = LevelCounts(
        matches(([SCREW], [SCREW]), ([SCREW], [as_class]), ([SCREW], [as_other])), 0.5
    ).figures()
    assert [found[level]["f1_50"]["tp"] for level in LEVELS] == [3, 2, 1]
    assert found["full"]["f1_50"]["value"] == pytest.approx(1 / 3)
    assert found["full"]["f1_50"]["n"] == 3


def test_the_sweep_falls_with_the_overlap_and_its_mean_is_over_ten() -> None:
    """Two boxes that share two thirds: found at 0.50 to 0.65 and no higher."""
    wide = thing(SCREW.desc, "bbox_2d", 10, 10, 70, 60)
    narrow = thing(SCREW.desc, "bbox_2d", 10, 10, 50, 60)
    found = LevelCounts(matches(([wide], [narrow])), 0.5).figures()["class"]
    assert [found[f"f1_{round(100 * t)}"]["value"] for t in SWEEP] == [1.0] * 4 + [0.0] * 6
    assert found["f1_mean"]["value"] == pytest.approx(0.4)
    assert found["f1_mean"]["n"] == 1


def test_the_mean_of_images_is_of_those_that_have_an_f1() -> None:
    found = LevelCounts(
        matches(([SCREW, LOOSE], [SCREW, LOOSE]), ([SHIELD], []), ([], [])), 0.5
    ).figures()["class"]
    assert found["f1_macro_image"] == {"value": 0.5, "n": 2}
    assert found["f1_50"]["value"] == pytest.approx(4 / 5)


def test_areas_and_lines_are_never_paired_even_in_the_same_place() -> None:
    box = thing(FIBRE.desc, "bbox_2d", 20, 140, 180, 170)
    counts = LevelCounts(matches(([FIBRE], [box])), 0.5)
    assert counts.tp.sum() == 0


def test_another_primary_threshold_is_added_to_the_sweep() -> None:
    counts = LevelCounts(matches(([SCREW], [SCREW])), 0.525)
    assert "f1_52_5" in counts.figures()["located"]
    assert len(counts.thresholds) == 11
    assert counts.columns("class", 0.525).tolist() == [[1.0, 0.0, 0.0]]


def test_the_class_level_at_the_primary_threshold_is_the_pairing_itself() -> None:
    records = four_records()
    found = [match_image(r.id, truth_things(r), read_answer(right(r)), 0.5) for r in records]
    counts = LevelCounts(found, 0.5)
    assert counts.columns("class", 0.5)[:, 0].tolist() == [m.tp for m in found]


def tables() -> st.SearchStrategy[list[list[bool]]]:
    return st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=4)


@given(tables())
def test_the_pairing_is_as_large_as_any(rows: list[list[bool]]) -> None:
    allowed = np.array(rows)
    best = max(
        sum(bool(allowed[i, j]) for i, j in zip(range(len(rows)), order, strict=False))
        for order in itertools.permutations(range(4))
    )
    assert _most(allowed) == best
