"""How well objects are found: parse rate, precision, recall, F1, overlap; in all and per class."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlcore.contract.records import KINDS, Record
from mlcore.coordjson.format import AnswerFormat
from mlcore.evaluate.match import ImageMatch, Thing, match_image, read_answer, truth_things
from mlcore.evaluate.statistics import (
    Columns,
    Figure,
    bootstrap,
    f1_figure,
    f1_of,
    mean,
    ratio,
    share_of,
)


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: resamplings of the images, and their seed."""

    resamples: int
    seed: int


def f1_name(threshold: float) -> str:
    """The name of F1 at an overlap threshold: `f1_50` at 0.5."""
    return f"f1_{100 * threshold:g}".replace(".", "_")


def detection_scores(
    matches: Sequence[ImageMatch], threshold: float, resampling: Resampling
) -> dict[str, Any]:
    """Every detection figure of one system over all its images, also those it could not answer.

    `mean_iou` is over all true objects, an unmatched one counting 0; `mean_iou_matched` only over
    the matched. Intervals are 95 %, over images.
    """
    parsed = parse_columns(matches)
    tp, fp, fn = (int(v) for v in f1_columns(matches).sum(axis=0)) if matches else (0, 0, 0)
    overlaps = [pair.iou for match in matches for pair in match.pairs]
    f1 = f1_figure(tp, fp, fn)
    f1["ci95"] = bootstrap(f1_columns(matches), f1_of, resampling.resamples, resampling.seed)
    rate = ratio(sum(m.reading.fault is None for m in matches), len(matches))
    rate["ci95"] = bootstrap(parsed, share_of, resampling.resamples, resampling.seed)
    return {
        "parse_rate": rate,
        f1_name(threshold): f1,
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "mean_iou": ratio(sum(overlaps), tp + fn),
        "mean_iou_matched": mean(overlaps),
        "salvaged_objects": _salvaged(matches),
        "faults": dict(sorted(_faults(matches).items())),
        "repaired": {
            "truth": sum(t.region.repaired for m in matches for t in m.truths),
            "prediction": sum(p.region.repaired for m in matches for p in m.reading.things),
        },
        "classes": {
            name: _group(matches, _of_class(name), threshold) for name in _classes(matches)
        },
        "kinds": {kind: _group(matches, _of_kind(kind), threshold) for kind in KINDS},
    }


def quick_scores(
    records: Sequence[Record], texts: Sequence[str], format: AnswerFormat
) -> dict[str, float]:
    """`parse_rate` and `f1_50` without intervals; a figure without a denominator is left out."""
    matches = [
        match_image(
            record.id,
            truth_things(record),
            read_answer(text, format, width=record.width, height=record.height),
            0.5,
        )
        for record, text in zip(records, texts, strict=True)
    ]
    tp, fp, fn = (int(v) for v in f1_columns(matches).sum(axis=0)) if matches else (0, 0, 0)
    rate = ratio(sum(m.reading.fault is None for m in matches), len(matches))
    figures = {"parse_rate": rate["value"], "f1_50": f1_figure(tp, fp, fn)["value"]}
    return {name: float(value) for name, value in figures.items() if value is not None}


def f1_columns(matches: Sequence[ImageMatch]) -> Columns:
    """(tp, fp, fn) of each image: shape [images, 3]."""
    return np.array([(m.tp, m.fp, m.fn) for m in matches], dtype=np.float64).reshape(-1, 3)


def parse_columns(matches: Sequence[ImageMatch]) -> Columns:
    """(readable, 1) of each image: shape [images, 2]."""
    rows = [(float(m.reading.fault is None), 1.0) for m in matches]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _faults(matches: Sequence[ImageMatch]) -> Counter[str]:
    return Counter(m.reading.fault.rule for m in matches if m.reading.fault is not None)


def _salvaged(matches: Sequence[ImageMatch]) -> Figure:
    """Right objects in refused answers, over all such answers: a count and not a share. No value
    where no answer was refused."""
    refused = [m.reading for m in matches if m.reading.fault and m.reading.fault.rule != "missing"]
    kept = sum(reading.salvaged for reading in refused)
    return {"value": kept if refused else None, "n": len(refused)}


def _classes(matches: Sequence[ImageMatch]) -> list[str]:
    """Every class that is true or predicted anywhere, sorted."""
    true = {t.name for m in matches for t in m.truths}
    return sorted(true | {p.name for m in matches for p in m.reading.things})


def _of_class(name: str) -> Callable[[Thing], bool]:
    return lambda thing: thing.name == name


def _of_kind(kind: str) -> Callable[[Thing], bool]:
    return lambda thing: thing.kind == kind


def _group(
    matches: Sequence[ImageMatch], belongs: Callable[[Thing], bool], threshold: float
) -> dict[str, Any]:
    """Figures of some objects: recall over the true ones, precision over the predicted ones."""
    true = sum(belongs(t) for m in matches for t in m.truths)
    said = sum(belongs(p) for m in matches for p in m.reading.things)
    found = [p.iou for m in matches for p in m.pairs if belongs(m.truths[p.truth])]
    right = sum(belongs(m.reading.things[p.prediction]) for m in matches for p in m.pairs)
    precision, recall = ratio(right, said), ratio(len(found), true)
    return {
        f1_name(threshold): {
            "value": ratio(len(found) + right, true + said)["value"],
            "n": true,
            "precision": precision["value"],
            "recall": recall["value"],
        },
        "precision": precision,
        "recall": recall,
        "mean_iou": ratio(sum(found), true),
        "predicted": said,
    }
