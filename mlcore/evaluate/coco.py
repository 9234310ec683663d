"""COCO average precision and recall, of boxes and of masks, in order of the system's confidence.

`bbox` compares boxes, and polygons as the boxes around them; `segm` compares masks, filled by the
even-odd rule, and boxes as filled rectangles. Lines have neither and are left out. Classes are
those with a true area; predictions of other classes cost nothing here, but do in F1. A hundred
predictions count for each image and class, the surest first.

A system that tells no confidences has score 1 for every prediction, and the order decides: images
in the order of the split, objects in the order of the answer. Where some of its answers have them
and others have not, those others come last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval.core import mask

from mlcore.contract.records import Record
from mlcore.evaluate.match import ImageMatch, Thing
from mlcore.evaluate.ranking import Overlaps, Ranking, rankings
from mlcore.evaluate.statistics import Figure
from mlcore.geometry.spaces import LAST_BIN

Shape = Literal["bbox", "segm"]
UNRANKED = "score 1 for all, in the order of the answer"
RANKED = "by the confidence of each object"
LABELS = {
    "bbox": "boxes, and polygons as the boxes around them; lines left out",
    "segm": "masks, and boxes as rectangles; lines left out",
}
MOST = (1, 10, 100)
"""predictions per image and class that count, for the figures ar1, ar10 and all others"""
SIZES = ("all", "small", "medium", "large")
"""areas in pixels: below 32 x 32, below 96 x 96, and above, as COCO has them"""


class Averages(NamedTuple):
    """Figures by name, `ap` and `ap50` of each class, and the overlaps that they come from."""

    figures: dict[str, Figure]
    classes: dict[str, dict[str, float | None]]
    overlaps: Overlaps


class CocoScores(NamedTuple):
    """The figures of the report, and per shape what resampling their images needs."""

    figures: dict[str, Any]
    rankings: dict[Shape, list[Ranking]]


def coco_scores(records: Sequence[Record], matches: Sequence[ImageMatch]) -> CocoScores:
    """`ap` (mean over IoU 0.50 to 0.95), `ap50` and `ap75` of boxes; n is the number of true ones.

    `bbox` and `segm` have these and `ap_small`, `ap_medium`, `ap_large`, `ar1`, `ar10`, `ar100`,
    `ar_small`, `ar_medium` and `ar_large`; `ap_classes` has the two of each class for both. No
    value without a true area (of that size).
    """
    ranked = any(t.confidence is not None for m in matches for t in m.reading.things)
    boxes = averages(records, matches, "bbox", ranked=ranked)
    masks = averages(records, matches, "segm", ranked=ranked)
    figures = {
        **{name: boxes.figures[name] for name in ("ap", "ap50", "ap75")},
        "bbox": boxes.figures,
        "segm": masks.figures,
        "ap_classes": {
            name: {"bbox": row, "segm": masks.classes[name]} for name, row in boxes.classes.items()
        },
    }
    return CocoScores(
        figures,
        {
            "bbox": rankings(matches, boxes.overlaps, ranked=ranked),
            "segm": rankings(matches, masks.overlaps, ranked=ranked),
        },
    )


def averages(
    records: Sequence[Record], matches: Sequence[ImageMatch], shape: Shape, *, ranked: bool
) -> Averages:
    """Average precision and recall of one kind of shape."""
    names = sorted({t.name for m in matches for t in m.truths if t.kind != "line"})
    ids = {name: number for number, name in enumerate(names, start=1)}
    truth, found = _tables(records, matches, ids, shape, ranked=ranked)
    areas = np.array([row["area"] for row in truth["annotations"]])
    label = f"{LABELS[shape]}; {RANKED if ranked else UNRANKED}"
    precision, recall, ious = _evaluate(truth, found, shape) if areas.size else _nothing()
    figures = {
        name: {"value": value, "n": _count(areas, name), "label": label}
        for name, value in _named(precision, recall).items()
    }
    classes = {
        name: {
            "ap": _average(precision[:, :, number, 0, -1]),
            "ap50": _average(precision[0, :, number, 0, -1]),
        }
        for number, name in enumerate(names)
    }
    overlaps = {
        (image - 1, names[category - 1]): table
        for (image, category), table in ious.items()
        if len(table)
    }
    return Averages(figures, classes, overlaps)


def _named(precision: Any, recall: Any) -> dict[str, float | None]:
    """Figures from precision [IoU, recall, class, size, most] and recall without its second."""
    out = {
        "ap": _average(precision[:, :, :, 0, -1]),
        "ap50": _average(precision[0, :, :, 0, -1]),
        "ap75": _average(precision[5, :, :, 0, -1]),
    }
    for size, name in enumerate(SIZES[1:], start=1):
        out[f"ap_{name}"] = _average(precision[:, :, :, size, -1])
    for place, most in enumerate(MOST):
        out[f"ar{most}"] = _average(recall[:, :, 0, place])
    for size, name in enumerate(SIZES[1:], start=1):
        out[f"ar_{name}"] = _average(recall[:, :, size, -1])
    return out


_AREAS = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, np.inf)}


def _count(areas: npt.NDArray[np.float64], name: str) -> int:
    """How many true areas a figure is about; the bounds count for both sides, as in COCO."""
    low, high = _AREAS.get(name.partition("_")[2], (0.0, np.inf))
    return int(((areas >= low) & (areas <= high)).sum())


def _nothing() -> tuple[Any, Any, dict[tuple[int, int], Any]]:
    return -np.ones((10, 1, 0, 4, 3)), -np.ones((10, 0, 4, 3)), {}


def _tables(
    records: Sequence[Record],
    matches: Sequence[ImageMatch],
    ids: dict[str, int],
    shape: Shape,
    *,
    ranked: bool,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The truth as a COCO data set and the predictions as COCO results."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, (record, match) in enumerate(zip(records, matches, strict=True), start=1):
        images.append({"id": number, "width": record.width, "height": record.height})
        for thing in match.truths:
            if thing.kind != "line":
                row = {"image_id": number, "category_id": ids[thing.name], "iscrowd": 0}
                place = _place(thing, record, shape)
                if shape == "segm":
                    place["area"] = float(mask.area(place["segmentation"]))
                annotations.append({"id": len(annotations) + 1, **row, **place})
        for thing in match.reading.things:
            if thing.kind != "line" and thing.name in ids:
                score = thing.confidence if ranked else 1.0
                row = {"image_id": number, "category_id": ids[thing.name]}
                results.append({"score": score or 0.0, **row, **_place(thing, record, shape)})
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def _place(thing: Thing, record: Record, shape: Shape) -> dict[str, Any]:
    """A box as x, y, width, height in pixels and its area, or a mask as run lengths."""
    xs = [x * (record.width - 1) / LAST_BIN for x in thing.points[0::2]]
    ys = [y * (record.height - 1) / LAST_BIN for y in thing.points[1::2]]
    low, high = (min(xs), min(ys)), (max(xs), max(ys))
    sides = (high[0] - low[0], high[1] - low[1])
    if shape == "bbox":
        return {"bbox": [*low, *sides], "area": sides[0] * sides[1]}
    ring = [v for point in zip(xs, ys, strict=True) for v in point]
    if thing.kind == "bbox_2d":
        ring = [*low, high[0], low[1], *high, low[0], high[1]]
    runs = mask.frPyObjects([ring], record.height, record.width)[0]
    return {"segmentation": runs}


def _evaluate(
    truth: dict[str, Any], found: list[dict[str, Any]], shape: Shape
) -> tuple[Any, Any, dict[tuple[int, int], Any]]:
    """Precision [IoU, recall, class, size, most] and recall [IoU, class, size, most], -1 where
    there is nothing to be found; and by image and class the overlaps of every prediction, the
    surest first, with every true object."""
    reference = COCO(truth)
    judged = COCOeval_faster(reference, reference.loadRes(found), shape, print_function=_quiet)
    judged.params.maxDets = list(MOST)
    judged.evaluate()
    judged.accumulate()
    precision, recall = np.asarray(judged.eval["precision"]), np.asarray(judged.eval["recall"])
    return precision, recall, judged.ious


def _average(values: Any) -> float | None:
    present = values[values > -1]
    return float(present.mean()) if present.size else None


def _quiet(*_: object) -> None:
    """The library reports its timings through a print function; they are not wanted."""
