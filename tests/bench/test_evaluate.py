"""Intervals of average precision beside the average precision itself."""

from __future__ import annotations

import time

import numpy as np

from mlcore.contract.records import Record
from mlcore.evaluate.coco import coco_scores
from mlcore.evaluate.match import ImageMatch, Reading, match_image
from mlcore.evaluate.ranking import weighted_ap
from mlcore.evaluate.statistics import drawn_weights
from tests.bench.figures import Figures
from tests.unit.evaluate.test_coco import random_thing, shaken

IMAGES = 5000
RESAMPLES = 1000


def case(images: int) -> tuple[list[Record], list[ImageMatch]]:
    """About 4.5 true and 5 predicted objects in each image, of three classes."""
    rng = np.random.default_rng(0)
    records, matches = [], []
    for number in range(images):
        truth = tuple(random_thing(rng, None) for _ in range(rng.integers(0, 10)))
        said = [shaken(item, rng) for item in truth if rng.random() < 0.8]
        said += [random_thing(rng, float(rng.random())) for _ in range(rng.integers(0, 4))]
        records.append(Record(f"r{number}", ("x.png",), 640, 480, "pixel", (), None))
        matches.append(match_image(f"r{number}", truth, Reading(tuple(said), None), 0.5))
    return records, matches


def test_intervals_of_six_average_precisions_cost_less_than_their_values(figures: Figures) -> None:
    records, matches = case(IMAGES)
    began = time.process_time()
    scored = coco_scores(records, matches)
    values = time.process_time() - began
    began = time.process_time()
    for weights in drawn_weights(IMAGES, RESAMPLES, 0):
        for shape in ("bbox", "segm"):
            weighted_ap(scored.rankings[shape], weights)
    intervals = time.process_time() - began
    figures("evaluation: COCO of 5,000 images, boxes and masks", values, "s", 1)
    figures("evaluation: 1,000 resamplings of six AP", intervals, "s", 1, "<= the figures")
    assert intervals <= values
