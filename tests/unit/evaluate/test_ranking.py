"""Average precision of resampled images."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.evaluate.coco import averages
from mlcore.evaluate.match import match_image, read_answer, truth_things
from mlcore.evaluate.ranking import rankings, weighted_ap50
from tests.support.answers import SCREW, record, say
from tests.unit.evaluate.test_coco import random_case


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_every_image_once_it_is_the_average_precision_of_coco(seed: int) -> None:
    records, matches = random_case(seed)
    wanted = averages(records, matches, "bbox", ranked=True).figures["ap50"]["value"]
    found = weighted_ap50(rankings(matches), np.ones((1, len(matches))))
    assert found[0] == pytest.approx(wanted, abs=1e-12)


def test_an_image_drawn_twice_counts_as_two_images() -> None:
    records, matches = random_case(3)
    weights = np.random.default_rng(0).integers(0, 3, size=(2, len(matches))).astype(float)
    found = weighted_ap50(rankings(matches), weights)
    for row, value in zip(weights, found, strict=True):
        doubled = [n for n, times in enumerate(row) for _ in range(int(times))]
        wanted = averages(
            [records[n] for n in doubled], [matches[n] for n in doubled], "bbox", ranked=True
        ).figures["ap50"]["value"]
        assert value == pytest.approx(wanted, abs=1e-12)


def test_a_drawing_without_any_true_object_has_no_value() -> None:
    matches = [
        match_image(name, truth_things(record(name, *things)), read_answer(say([SCREW])), 0.5)
        for name, things in (("a", [SCREW]), ("b", []))
    ]
    found = weighted_ap50(rankings(matches), np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert found[0] == pytest.approx(1.0)
    assert np.isnan(found[1])
