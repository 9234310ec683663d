"""COCO average precision of boxes, and of polygons as the boxes around them.

Lines have no box and are left out. Answers carry no confidence, so every prediction has score 1
and the order decides: images in the order of the split, objects in the order of the answer. That
makes AP comparable between such systems, and not with detectors that rank what they find.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from mlcore.contract.records import Record
from mlcore.evaluate.match import ImageMatch, Thing
from mlcore.evaluate.statistics import Figure
from mlcore.geometry.spaces import LAST_BIN

LABEL = "boxes, and polygons as the boxes around them; lines left out; score 1 for all"
PER_IMAGE = 100
"""predictions per image and class that count, the first of the answer, as COCO defines it"""


def coco_scores(records: Sequence[Record], matches: Sequence[ImageMatch]) -> dict[str, Figure]:
    """`ap` (mean over IoU 0.50 to 0.95), `ap50` and `ap75`; n is the number of true boxes.

    Classes are those with a true box; predictions of other classes cost nothing here, but do in
    F1. No value without a true box.
    """
    names = sorted({t.name for m in matches for t in m.truths if t.kind != "line"})
    ids = {name: number for number, name in enumerate(names, start=1)}
    truth, found = _tables(records, matches, ids)
    boxes = len(truth["annotations"])
    figures: dict[str, float | None] = {"ap": None, "ap50": None, "ap75": None}
    if boxes:
        figures = _evaluate(truth, found)
    return {name: {"value": v, "n": boxes, "label": LABEL} for name, v in figures.items()}


def _tables(
    records: Sequence[Record], matches: Sequence[ImageMatch], ids: dict[str, int]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The truth as a COCO data set and the predictions as COCO results."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, (record, match) in enumerate(zip(records, matches, strict=True), start=1):
        images.append({"id": number, "width": record.width, "height": record.height})
        for thing in match.truths:
            if thing.kind != "line":
                box = _box(thing, record)
                row = {"image_id": number, "category_id": ids[thing.name], "bbox": box}
                extra = {"id": len(annotations) + 1, "area": box[2] * box[3], "iscrowd": 0}
                annotations.append({**row, **extra})
        for thing in match.reading.things:
            if thing.kind != "line" and thing.name in ids:
                row = {"image_id": number, "category_id": ids[thing.name]}
                results.append({**row, "bbox": _box(thing, record), "score": 1.0})
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def _box(thing: Thing, record: Record) -> list[float]:
    """x, y, width, height in pixels."""
    xs = [x * (record.width - 1) / LAST_BIN for x in thing.points[0::2]]
    ys = [y * (record.height - 1) / LAST_BIN for y in thing.points[1::2]]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _evaluate(truth: dict[str, Any], found: list[dict[str, Any]]) -> dict[str, float | None]:
    """AP from the precision table [IoU, recall, class, area, detections]; -1 marks absence."""
    reference = COCO(truth)
    judged = COCOeval_faster(reference, reference.loadRes(found), "bbox", print_function=_quiet)
    judged.params.maxDets = [1, 10, PER_IMAGE]
    judged.evaluate()
    judged.accumulate()
    precision = np.asarray(judged.eval["precision"])[:, :, :, 0, -1]
    return {
        "ap": _average(precision),
        "ap50": _average(precision[0]),
        "ap75": _average(precision[5]),
    }


def _average(precision: Any) -> float | None:
    present = precision[precision > -1]
    return float(present.mean()) if present.size else None


def _quiet(*_: object) -> None:
    """The library reports its timings through a print function; they are not wanted."""
