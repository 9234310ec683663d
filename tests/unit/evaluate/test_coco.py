"""Average precision: by hand, and equal to the reference implementation."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mlcore.contract.records import Kind, Record
from mlcore.errors import DataError
from mlcore.evaluate.coco import Shape, _tables, averages, coco_scores
from mlcore.evaluate.match import (
    ImageMatch,
    Reading,
    Thing,
    _thing,
    match_image,
    read_answer,
    truth_things,
)
from tests.support.answers import SCREW, SHIELD, record, say, thing

NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"),
)
"""our figures in the order in which the reference implementation sums up"""


def random_thing(rng: np.random.Generator, confidence: float | None) -> Thing:
    kind: Kind = "bbox_2d" if rng.random() < 0.5 else "poly"
    centre, size = rng.random(2), rng.choice([0.05, 0.2, 0.6])
    count = 2 if kind == "bbox_2d" else int(rng.integers(3, 9))
    points = np.clip(centre + size * (rng.random((count, 2)) - 0.5), 0, 1) * 999
    if kind == "bbox_2d":
        points = np.sort(points, axis=0)
    return _thing(f"c{rng.integers(3)}", kind, points.ravel().tolist(), 8.0, confidence)


def shaken(item: Thing, rng: np.random.Generator) -> Thing:
    points = np.clip(np.array(item.points) + rng.normal(0, 15, len(item.points)), 0, 999)
    if item.kind == "bbox_2d":
        points = np.sort(points.reshape(2, 2), axis=0).ravel()
    desc = item.desc if rng.random() < 0.9 else "c0"
    return _thing(desc, item.kind, points.tolist(), 8.0, float(rng.random()))


def random_case(seed: int) -> tuple[list[Record], list[ImageMatch]]:
    """Images of many sizes with found, missed and invented objects of three classes."""
    rng = np.random.default_rng(seed)
    records, matches = [], []
    for number in range(30):
        width, height = (int(v) for v in rng.integers(64, 400, 2))
        truth = tuple(random_thing(rng, None) for _ in range(rng.integers(0, 6)))
        said = [shaken(item, rng) for item in truth if rng.random() < 0.8]
        said += [random_thing(rng, float(rng.random())) for _ in range(rng.integers(0, 4))]
        name = f"r{number}"
        records.append(Record(name, (f"{name}.png",), width, height, "pixel", (), None))
        matches.append(match_image(name, truth, Reading(tuple(said), None), 0.5))
    return records, matches


def reference(truth: dict[str, Any], found: list[dict[str, Any]], shape: Shape) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        judged = COCOeval(coco, coco.loadRes(copy.deepcopy(found)), shape)
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return [float(v) for v in judged.stats]


@pytest.mark.parametrize("shape", ["bbox", "segm"])
@pytest.mark.parametrize("seed", [0, 1])
def test_all_figures_are_those_of_pycocotools(shape: Shape, seed: int) -> None:
    records, matches = random_case(seed)
    ids = {name: n for n, name in enumerate(("c0", "c1", "c2"), start=1)}
    wanted = reference(*_tables(records, matches, ids, shape, ranked=True), shape)
    found = averages(records, matches, shape, ranked=True)
    values = [found.figures[name]["value"] for name in NAMES]
    assert [-1.0 if v is None else v for v in values] == pytest.approx(wanted, abs=1e-12)
    per_class = [row["ap"] for row in found.classes.values()]
    assert np.mean(per_class) == pytest.approx(wanted[0])


def test_what_the_system_was_sure_of_comes_first() -> None:
    """One true screw, named second. Sure of it: precision 1 at all recalls; of the other: 1/2."""
    wrong = thing(SCREW.desc, "bbox_2d", 120, 120, 180, 180)
    images = [record("a", SCREW)]

    def ap50(confidences: list[float] | None) -> tuple[float, str]:
        reading = read_answer(say([wrong, SCREW]), confidences=confidences)
        match = match_image("a", truth_things(images[0]), reading, 0.5)
        figure = coco_scores(images, [match]).figures["ap50"]
        return figure["value"], figure["label"]

    assert ap50([0.2, 0.9])[0] == pytest.approx(1.0)
    assert ap50([0.9, 0.2])[0] == pytest.approx(0.5)
    value, label = ap50(None)
    assert value == pytest.approx(0.5)
    assert "score 1 for all" in label


def test_masks_tell_a_triangle_from_its_box() -> None:
    """The triangle fills half its box: found as a box, and at 0.5 but no more as a mask."""
    half = thing(SHIELD.desc, "poly", 10, 80, 90, 80, 90, 160)
    whole = thing(SHIELD.desc, "bbox_2d", 10, 80, 90, 160)
    images = [record("a", half)]
    match = match_image("a", truth_things(images[0]), read_answer(say([whole])), 0.5)
    found = coco_scores(images, [match]).figures
    assert found["bbox"]["ap"]["value"] == pytest.approx(1.0)
    assert found["segm"]["ap75"]["value"] == 0.0
    assert found["ap_classes"]["挡风板"]["bbox"]["ap50"] == pytest.approx(1.0)
    assert found["segm"]["ap50"]["n"] == 1


def test_a_figure_of_a_size_that_nothing_has_has_no_value() -> None:
    images = [record("a", SCREW)]
    match = match_image("a", truth_things(images[0]), read_answer(say([SCREW])), 0.5)
    found = coco_scores(images, [match]).figures["bbox"]
    assert (found["ap_large"]["value"], found["ap_large"]["n"]) == (None, 0)
    assert (found["ap_medium"]["value"], found["ap_medium"]["n"]) == (pytest.approx(1.0), 1)


def test_confidences_that_do_not_fit_their_answer_are_refused() -> None:
    with pytest.raises(DataError, match="1 objects has 2 confidences"):
        read_answer(say([SCREW]), confidences=[0.5, 0.5])
