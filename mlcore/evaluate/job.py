"""The `evaluate` job: every system's answers against the truth, written so that every figure can
be computed again from the rows beside it.

    evaluation/report.json     all figures, each with its n
    evaluation/matches.jsonl   one row per system, image and mode, with the raw answer
    evaluation/per_image.jsonl counts of each system and image
    evaluation/per_class.json  figures of each system and class, also as per_class.csv
    evaluation/resampled.json  the headline's figures in every drawing, so that two evaluations
                               of the same images can be compared on the same drawings
    evaluation/overlays/       truth and prediction of the reference system, drawn
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.errors import DataError
from mlcore.evaluate.artifacts import write_artifacts
from mlcore.evaluate.config import EvaluateConfig
from mlcore.evaluate.load import SystemAnswers, load_system
from mlcore.evaluate.match import truth_things
from mlcore.evaluate.scored import Scored, score
from mlcore.evaluate.showing import announce, show
from mlcore.evaluate.statistics import differences, f1_name
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json

SCHEMA = "evaluation/1"
NOTES = {
    "parse_rate": "answers that the strict grammar accepts; a missing answer counts as refused",
    "salvaged_objects": "right objects in answers that are refused as a whole; n is the number of "
    "these answers; no score counts them",
    "f1": "over all true boxes, polygons and lines; one prediction of the same class each, at or "
    "above the overlap threshold; objects of refused answers count as missed",
    "levels": "located: the place alone; class: also the class, as f1 and all figures by class; "
    "full: also the whole description; f1_mean is over thresholds 0.50 to 0.95, f1_macro_image the "
    "mean of each image's own F1",
    "overlap": "filled areas for boxes and polygons, tubes for lines, in the space 0..999; an area "
    "and a line never overlap",
    "ap": "predictions in order of their confidence, the probability of their tokens; where a "
    "system tells none, score 1 for all in the order of the answer, as the label says",
    "negatives": "images without a true object: clean is readable and names nothing",
    "diff": "what became of objects: missed as a share of true ones, duplicate, wrong_class, "
    "misplaced and invented as shares of predicted ones",
    "oracle": "the best of the first K answers to each image, and what any of them finds",
    "majority_baseline": "always the most frequent true description of the class",
    "ci95": "percentile bootstrap over images; of a difference on the same drawn images; in every "
    "drawing average precision is that of COCO with each image as often as it was drawn",
}
COMPARED = ("mean_iou", "description_accuracy", "negative_recall")
"""figures that systems are compared by besides those that are resampled"""


def run(config: EvaluateConfig, ctx: RunContext) -> dict[str, Any]:
    """Score all systems and return the report. Raises DataError when answers and truth do not
    belong together."""
    dataset = open_dataset(ctx.resolve(config.dataset))
    records = dataset.split(config.split)
    if not records:
        raise DataError(f"the split {config.split!r} is empty", where=str(dataset.folder))
    systems = [
        load_system(name, ctx.resolve(ref), dataset, config.split, records, config.confidence)
        for name, ref in config.predictions.items()
    ]
    truths = [truth_things(record, config.line_half_width) for record in records]
    scored: dict[str, Scored] = {}
    for index, system in enumerate(systems):
        ctx.check_stop()
        ctx.events.status("running", f"scoring {system.name} on {len(records)} images")
        _warn_of_gaps(ctx, system, records)
        scored[system.name] = score(config, records, truths, system)
        ctx.events.progress(index + 1, len(systems), "systems")
    output = ctx.output("evaluation")
    for path in write_artifacts(output, scored, records, config.iou_threshold):
        announce(ctx, path, path.name)
    drawn = _drawn(config, dataset, len(records), scored[config.reference])
    write_json(output / "resampled.json", drawn)
    report = _report(config, dataset, records, scored)
    write_json(output / "report.json", report)
    show(config, ctx, dataset, records, scored[config.reference])
    return report


def _warn_of_gaps(ctx: RunContext, system: SystemAnswers, records: Sequence[Record]) -> None:
    for mode, answers in system.answers.items():
        expected = [r for r in records if mode == "dense" or r.summary is not None]
        missing = sum(record.id not in answers for record in expected)
        if missing:
            message = f"{system.name}: {missing} of {len(expected)} {mode} answers are missing"
            ctx.events.warning("answers_missing", f"{message}; they count as unreadable")


def _drawn(config: EvaluateConfig, dataset: Dataset, images: int, system: Scored) -> dict[str, Any]:
    """The reference system's main figures in every drawing, null where one has no value. Drawings
    are the same wherever `images_of` is."""
    return {
        "schema": "resampled/1",
        "images_of": {
            "dataset_fingerprint": dataset.fingerprint,
            "split": config.split,
            "images": images,
            "resamples": config.bootstrap,
            "seed": config.seed,
        },
        "values": {
            name: [float(value) if np.isfinite(value) else None for value in values]
            for name in _main_figures(config)
            if (values := system.resampled.values.get(name)) is not None
        },
    }


def _main_figures(config: EvaluateConfig) -> tuple[str, ...]:
    return f1_name(config.iou_threshold), "parse_rate", "ap50", "ap"


def _report(
    config: EvaluateConfig,
    dataset: Dataset,
    records: Sequence[Record],
    scored: Mapping[str, Scored],
) -> dict[str, Any]:
    reference = scored[config.reference]
    others = {name: s for name, s in scored.items() if name != config.reference}
    deltas = {
        name: differences(reference.figures, other.figures, (*_shared(reference, other), *COMPARED))
        for name, other in others.items()
    }
    intervals = {
        name: {
            measure: reference.resampled.difference(other.resampled, measure)
            for measure in _shared(reference, other)
        }
        for name, other in others.items()
    }
    return {
        "schema": SCHEMA,
        "headline": _headline(config, reference.figures, deltas, intervals),
        "reference": config.reference,
        "systems": {name: s.figures for name, s in scored.items()},
        "deltas": deltas,
        "delta_intervals": intervals,
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "model_digest": reference.answers.meta.get("model_digest"),
        "split": config.split,
        "images": len(records),
        "objects": sum(len(record.objects) for record in records),
        "predictions": {
            name: {"digest": s.answers.digest, "meta": dict(s.answers.meta)}
            for name, s in scored.items()
        },
        "settings": config.model_dump(
            include={"iou_threshold", "line_half_width", "confidence", "bootstrap", "seed"}
        ),
        "notes": NOTES,
    }


def _shared(reference: Scored, other: Scored) -> list[str]:
    """What is resampled of both: only where both answered several times is there an oracle."""
    return [name for name in reference.resampled.names if name in other.resampled.names]


def _headline(
    config: EvaluateConfig,
    figures: Mapping[str, Any],
    deltas: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """The reference system's main figures, and F1 beyond the best other system."""
    f1 = f1_name(config.iou_threshold)
    out = {
        name: {"unit": "share", **{key: figures[name][key] for key in ("value", "n", "ci95")}}
        for name in _main_figures(config)
        if figures[name]["value"] is not None
    }
    salvaged = figures["salvaged_objects"]
    if salvaged["n"]:
        out["salvaged_objects"] = {**salvaged, "unit": "objects"}
    behind = {name: delta[f1] for name, delta in deltas.items() if f1 in delta}
    if behind:
        best = min(behind, key=lambda name: behind[name])
        out[f"{f1}_over_best_other"] = {
            "value": behind[best],
            "unit": "share",
            "n": figures[f1]["n"],
            "ci95": intervals[best][f1],
        }
    return out
