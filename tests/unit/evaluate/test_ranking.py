"""Average precision of resampled images."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.contract.records import Record
from mlcore.evaluate.coco import Shape, coco_scores
from mlcore.evaluate.match import ImageMatch, match_image, read_answer, truth_things
from mlcore.evaluate.ranking import AP_NAMES, weighted_ap
from tests.support.answers import SCREW, record, say
from tests.unit.evaluate.test_coco import random_case

SHAPES: tuple[Shape, ...] = ("bbox", "segm")


def wanted(records: list[Record], matches: list[ImageMatch], shape: Shape) -> list[float]:
    """What COCO says of these images."""
    figures = coco_scores(records, matches).figures[shape]
    return [figures[name]["value"] for name in AP_NAMES]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_every_image_once_it_is_the_average_precision_of_coco(shape: Shape, seed: int) -> None:
    records, matches = random_case(seed)
    found = weighted_ap(coco_scores(records, matches).rankings[shape], np.ones((1, len(matches))))
    assert found[0] == pytest.approx(wanted(records, matches, shape), abs=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_drawn_twice_counts_as_two_images(shape: Shape) -> None:
    records, matches = random_case(3)
    weights = np.random.default_rng(0).integers(0, 3, size=(2, len(matches))).astype(float)
    found = weighted_ap(coco_scores(records, matches).rankings[shape], weights)
    for row, values in zip(weights, found, strict=True):
        doubled = [n for n, times in enumerate(row) for _ in range(int(times))]
        told = wanted([records[n] for n in doubled], [matches[n] for n in doubled], shape)
        assert values == pytest.approx(told, abs=1e-12)


def test_a_drawing_without_any_true_object_has_no_value() -> None:
    records = [record("a", SCREW), record("b")]
    matches = [
        match_image(item.id, truth_things(item), read_answer(say([SCREW])), 0.5) for item in records
    ]
    classes = coco_scores(records, matches).rankings["bbox"]
    found = weighted_ap(classes, np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert found[0] == pytest.approx([1.0, 1.0, 1.0])
    assert np.isnan(found[1]).all()
