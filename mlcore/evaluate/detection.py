"""How well objects are found: parse rate, precision, recall, F1, overlap; in all and per class."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlcore.contract.records import KINDS, Record
from mlcore.coordjson.format import AnswerFormat
from mlcore.evaluate.levels import LevelCounts
from mlcore.evaluate.match import ImageMatch, Thing, match_image, read_answer, truth_things
from mlcore.evaluate.statistics import (
    Columns,
    Figure,
    Measure,
    Resampled,
    f1_figure,
    f1_name,
    f1_of,
    figure_at,
    mean,
    ratio,
    share_of,
)


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: resamplings of the images, and their seed."""

    resamples: int
    seed: int


def with_intervals(figures: dict[str, Any], resampled: Resampled) -> dict[str, Any]:
    """The figures, those that were resampled with their intervals as `ci95`."""
    for name in resampled.names:
        figure_at(figures, name)["ci95"] = resampled.interval(name)
    return figures


def detection_measures(
    matches: Sequence[ImageMatch], levels: LevelCounts
) -> dict[str, Measure]:
    """What is resampled, by the path of its figure. Sums over images."""
    counts = f1_columns(matches)
    empty = [m for m in matches if not m.truths]
    clean = np.array(
        [(not m.truths and _clean(m), not m.truths) for m in matches], dtype=np.float64
    ).reshape(-1, 2)
    measures = {
        "parse_rate": Measure(parse_columns(matches), share_of),
        f1_name(levels.primary): Measure(counts, f1_of),
        "precision": Measure(np.stack([counts[:, 0], counts[:, :2].sum(1)], axis=1), share_of),
        "recall": Measure(
            np.stack([counts[:, 0], counts[:, 0] + counts[:, 2]], axis=1), share_of
        ),
        **{f"levels.{name}": measure for name, measure in levels.measures().items()},
    }
    if empty:
        measures["negatives.clean"] = Measure(clean, share_of)
    return measures


def detection_figures(
    matches: Sequence[ImageMatch], threshold: float, levels: LevelCounts
) -> dict[str, Any]:
    """Every detection figure of one system over all its images, also those it could not answer;
    without intervals. `mean_iou` is over all true objects, an unmatched one counting 0;
    `mean_iou_matched` only over the matched."""
    tp, fp, fn = _sums(matches)
    overlaps = [pair.iou for match in matches for pair in match.pairs]
    classes = _groups(matches, lambda thing: thing.name, threshold)
    per_class = [row[f1_name(threshold)]["value"] for row in classes.values() if row["true"]]
    kinds = _groups(matches, lambda thing: thing.kind, threshold)
    return {
        "parse_rate": ratio(sum(m.reading.fault is None for m in matches), len(matches)),
        f1_name(threshold): f1_figure(tp, fp, fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "mean_iou": ratio(sum(overlaps), tp + fn),
        "mean_iou_matched": mean(overlaps),
        "f1_macro_class": mean(per_class),
        "levels": levels.figures(),
        "negatives": negative_scores(matches),
        "salvaged_objects": _salvaged(matches),
        "faults": dict(sorted(_faults(matches).items())),
        "repaired": {
            "truth": sum(t.region.repaired for m in matches for t in m.truths),
            "prediction": sum(p.region.repaired for m in matches for p in m.reading.things),
        },
        "classes": dict(sorted(classes.items())),
        "kinds": {
            kind: kinds.get(kind) or _Group().figures(threshold) for kind in KINDS
        },
    }


def negative_scores(matches: Sequence[ImageMatch]) -> dict[str, Any]:
    """Images with nothing to find: `clean`, readable and naming nothing; `invented`, objects named
    in them for each image; `unreadable`, their share that says nothing at all."""
    empty = [m for m in matches if not m.truths]
    invented = sum(len(m.reading.things) for m in empty)
    return {
        "clean": ratio(sum(_clean(m) for m in empty), len(empty)),
        "invented": {**ratio(invented, len(empty)), "count": invented},
        "unreadable": ratio(sum(m.reading.fault is not None for m in empty), len(empty)),
    }


def _clean(match: ImageMatch) -> bool:
    return match.reading.fault is None and not match.reading.things


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
    rate = ratio(sum(m.reading.fault is None for m in matches), len(matches))
    figures = {"parse_rate": rate["value"], "f1_50": f1_figure(*_sums(matches))["value"]}
    return {name: float(value) for name, value in figures.items() if value is not None}


def f1_columns(matches: Sequence[ImageMatch]) -> Columns:
    """(tp, fp, fn) of each image: shape [images, 3]."""
    return np.array([(m.tp, m.fp, m.fn) for m in matches], dtype=np.float64).reshape(-1, 3)


def parse_columns(matches: Sequence[ImageMatch]) -> Columns:
    """(readable, 1) of each image: shape [images, 2]."""
    rows = [(float(m.reading.fault is None), 1.0) for m in matches]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _sums(matches: Sequence[ImageMatch]) -> tuple[int, int, int]:
    return sum(m.tp for m in matches), sum(m.fp for m in matches), sum(m.fn for m in matches)


def _faults(matches: Sequence[ImageMatch]) -> Counter[str]:
    return Counter(m.reading.fault.rule for m in matches if m.reading.fault is not None)


def _salvaged(matches: Sequence[ImageMatch]) -> Figure:
    """Right objects in refused answers, over all such answers: a count and not a share. No value
    where no answer was refused."""
    refused = [m.reading for m in matches if m.reading.fault and m.reading.fault.rule != "missing"]
    kept = sum(reading.salvaged for reading in refused)
    return {"value": kept if refused else None, "n": len(refused)}


@dataclass
class _Group:
    """Counts of the objects of one class or kind. `found` and `right` are the true and predicted
    objects of pairs: a polygon found by its box counts for both kinds."""

    true: int = 0
    said: int = 0
    found: int = 0
    right: int = 0
    overlaps: list[float] = field(default_factory=list)

    def figures(self, threshold: float) -> dict[str, Any]:
        """Recall over the true ones, precision over the predicted ones."""
        precision, recall = ratio(self.right, self.said), ratio(self.found, self.true)
        return {
            f1_name(threshold): {
                "value": ratio(self.found + self.right, self.true + self.said)["value"],
                "n": self.true,
                "precision": precision["value"],
                "recall": recall["value"],
            },
            "precision": precision,
            "recall": recall,
            "mean_iou": ratio(sum(self.overlaps), self.true),
            "true": self.true,
            "predicted": self.said,
        }


def _groups(
    matches: Sequence[ImageMatch], key: Callable[[Thing], str], threshold: float
) -> dict[str, dict[str, Any]]:
    """Figures of every class or kind that is true or predicted anywhere."""
    groups: dict[str, _Group] = defaultdict(_Group)
    for match in matches:
        for thing in match.truths:
            groups[key(thing)].true += 1
        for thing in match.reading.things:
            groups[key(thing)].said += 1
        for pair in match.pairs:
            group = groups[key(match.truths[pair.truth])]
            group.found += 1
            group.overlaps.append(pair.iou)
            groups[key(match.reading.things[pair.prediction])].right += 1
    return {name: group.figures(threshold) for name, group in groups.items()}
