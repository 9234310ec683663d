"""The `evaluate` job: every system's answers against the truth, written so that every figure can
be computed again from the rows beside it.

    evaluation/report.json     all figures, each with its n
    evaluation/matches.jsonl   one row per system, image and mode
    evaluation/overlays/       truth and prediction of the reference system, drawn
"""
from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.errors import DataError
from mlcore.evaluate.attributes import attribute_scores
from mlcore.evaluate.coco import coco_scores
from mlcore.evaluate.config import EvaluateConfig
from mlcore.evaluate.detection import Resampling, detection_scores, f1_columns, f1_name
from mlcore.evaluate.load import SystemAnswers, load_system
from mlcore.evaluate.match import ImageMatch, Thing, match_image, read_answer, truth_things
from mlcore.evaluate.overlays import draw_overlay, overlay_stem, thing_to_json
from mlcore.evaluate.statistics import Columns, bootstrap, differences, f1_of
from mlcore.evaluate.summary import SummaryRow, summary_rows, summary_scores
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256

SCHEMA = "evaluation/1"
NAME = 200
"""longest name of an event's artifact or sample, in characters"""
NOTES = {
    "parse_rate": "answers that the strict grammar accepts; a missing answer counts as refused",
    "salvaged_objects": "right objects in answers that are refused as a whole; n is the number of "
    "these answers; no score counts them",
    "f1": "over all true boxes, polygons and lines; one prediction of the same class each, at or "
    "above the overlap threshold; objects of refused answers count as missed",
    "overlap": "filled areas for boxes and polygons, tubes for lines, in the space 0..999",
    "ap": "answers carry no confidence: every prediction has score 1, in the order of the answer",
    "majority_baseline": "always the most frequent true description of the class",
    "ci95": "percentile bootstrap over images",
}


@dataclass(frozen=True)
class Scored:
    """One system: its answers, rows and figures."""

    answers: SystemAnswers
    matches: list[ImageMatch]
    summaries: list[SummaryRow]
    figures: dict[str, Any]


def run(config: EvaluateConfig, ctx: RunContext) -> dict[str, Any]:
    """Score all systems and return the report. Raises DataError when answers and truth do not
    belong together."""
    dataset = open_dataset(ctx.resolve(config.dataset))
    records = dataset.split(config.split)
    if not records:
        raise DataError(f"the split {config.split!r} is empty", where=str(dataset.folder))
    systems = [
        load_system(name, ctx.resolve(ref), dataset, config.split, records)
        for name, ref in config.predictions.items()
    ]
    truths = [truth_things(record, config.line_half_width) for record in records]
    scored: dict[str, Scored] = {}
    for index, system in enumerate(systems):
        ctx.check_stop()
        ctx.events.status("running", f"scoring {system.name} on {len(records)} images")
        _warn_of_gaps(ctx, system, records)
        scored[system.name] = _score(config, records, truths, system)
        ctx.events.progress(index + 1, len(systems), "systems")
    output = ctx.output("evaluation")
    with (output / "matches.jsonl").open("w", encoding="utf-8") as file:
        _write_rows(file, scored, records)
    report = _report(config, dataset, records, scored)
    write_json(output / "report.json", report)
    _overlays(config, ctx, dataset, records, scored[config.reference])
    return report


def _warn_of_gaps(ctx: RunContext, system: SystemAnswers, records: Sequence[Record]) -> None:
    for mode, answers in system.answers.items():
        expected = [r for r in records if mode == "dense" or r.summary is not None]
        missing = sum(record.id not in answers for record in expected)
        if missing:
            message = f"{system.name}: {missing} of {len(expected)} {mode} answers are missing"
            ctx.events.warning("answers_missing", f"{message}; they count as unreadable")


def _score(
    config: EvaluateConfig,
    records: Sequence[Record],
    truths: Sequence[tuple[Thing, ...]],
    system: SystemAnswers,
) -> Scored:
    resampling = Resampling(config.bootstrap, config.seed)
    dense = system.answers.get("dense")
    matches = []
    if dense is not None:
        for record, things in zip(records, truths, strict=True):
            answer = dense.get(record.id)
            text = answer.text if answer else None
            reading = read_answer(
                text,
                system.format,
                width=record.width,
                height=record.height,
                half_width=config.line_half_width,
            )
            matches.append(match_image(record.id, things, reading, config.iou_threshold))
    summaries = summary_rows(records, system)
    judged = records if dense is not None else []
    figures = {
        **detection_scores(matches, config.iou_threshold, resampling),
        **coco_scores(judged, matches),
        **attribute_scores(matches),
        "summary": summary_scores(summaries, resampling),
        "answers": {
            mode: {"n": len(found), "unfinished": sum(not a.finished for a in found.values())}
            for mode, found in system.answers.items()
        },
    }
    return Scored(system, matches, summaries, figures)


def _report(
    config: EvaluateConfig,
    dataset: Dataset,
    records: Sequence[Record],
    scored: Mapping[str, Scored],
) -> dict[str, Any]:
    f1 = f1_name(config.iou_threshold)
    reference = scored[config.reference]
    others = {name: s for name, s in scored.items() if name != config.reference}
    deltas = differences(
        reference.figures,
        {name: other.figures for name, other in others.items()},
        (f1, "parse_rate", "ap", "ap50", "mean_iou", "description_accuracy", "negative_recall"),
    )
    return {
        "schema": SCHEMA,
        "headline": _headline(reference.figures, deltas, f1),
        "reference": config.reference,
        "systems": {name: s.figures for name, s in scored.items()},
        "deltas": deltas,
        "delta_intervals": {
            name: {f1: _difference_interval(config, reference, other)}
            for name, other in others.items()
        },
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
            include={"iou_threshold", "line_half_width", "bootstrap", "seed"}
        ),
        "notes": NOTES,
    }


def _difference_interval(
    config: EvaluateConfig, reference: Scored, other: Scored
) -> list[float] | None:
    """95 % interval of the F1 difference, both systems on the same resampled images."""
    if not reference.matches or not other.matches:
        return None
    columns = np.hstack([f1_columns(reference.matches), f1_columns(other.matches)])

    def difference(sums: Columns) -> Columns:
        return f1_of(sums[:, :3]) - f1_of(sums[:, 3:])

    return bootstrap(columns, difference, config.bootstrap, config.seed)


def _headline(
    figures: Mapping[str, Any], deltas: Mapping[str, Mapping[str, float]], f1: str
) -> dict[str, dict[str, Any]]:
    """The reference system's main figures, and F1 beyond the best other system."""
    out = {
        name: {"value": figures[name]["value"], "unit": "share", "n": figures[name]["n"]}
        for name in (f1, "parse_rate", "ap50")
        if figures[name]["value"] is not None
    }
    salvaged = figures["salvaged_objects"]
    if salvaged["n"]:
        out["salvaged_objects"] = {**salvaged, "unit": "objects"}
    behind = [delta[f1] for delta in deltas.values() if f1 in delta]
    if behind:
        n = figures[f1]["n"]
        out[f"{f1}_over_best_other"] = {"value": min(behind), "unit": "share", "n": n}
    return out


def _write_rows(
    file: IO[str], scored: Mapping[str, Scored], records: Sequence[Record]
) -> None:
    for name, system in scored.items():
        for row in _rows(system, records):
            file.write(json.dumps({"system": name, **row}, ensure_ascii=False) + "\n")


def _rows(system: Scored, records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    by_id = {record.id: record for record in records}
    for match in system.matches:
        record, fault = by_id[match.record], match.reading.fault
        yield {
            "id": match.record,
            "mode": "dense",
            "parsed": fault is None,
            "fault": asdict(fault) if fault else None,
            "salvaged": match.reading.salvaged,
            "truth": [thing_to_json(t, record) for t in match.truths],
            "prediction": [thing_to_json(t, record) for t in match.reading.things],
            "pairs": [asdict(pair) for pair in match.pairs],
            "tp": match.tp,
            "fp": match.fp,
            "fn": match.fn,
        }
    for row in system.summaries:
        values = asdict(row)
        yield {"id": values.pop("record"), "mode": "summary", **values}


def _overlays(
    config: EvaluateConfig,
    ctx: RunContext,
    dataset: Dataset,
    records: Sequence[Record],
    system: Scored,
) -> None:
    """Draw and announce the chosen images. A picture that cannot be read is a warning."""
    by_id = {record.id: record for record in records}
    said = system.answers.answers.get("dense", {})
    names = sorted({t.name for m in system.matches for t in (*m.truths, *m.reading.things)})
    folder = ctx.output("evaluation") / "overlays"
    folder.mkdir(exist_ok=True)
    for match in choose(system.matches, config.overlays, config.seed):
        ctx.check_stop()
        record = by_id[match.record]
        picture = dataset.folder / record.images[0]
        try:
            path = draw_overlay(record, match, picture, folder, names)
        except OSError as error:
            ctx.events.warning("overlay_skipped", f"{record.images[0]}: {error}", record=record.id)
            continue
        relative = path.relative_to(ctx.folder.root).as_posix()
        name, size = f"overlay of {record.id}"[:NAME], path.stat().st_size
        ctx.events.artifact(name, relative, file_sha256(path), size, "image/png")
        answer = said.get(record.id)
        _emit_sample(ctx, record, match, picture, answer.text if answer else "")


def choose(matches: Sequence[ImageMatch], count: int, seed: int) -> list[ImageMatch]:
    """Half of them the readable answers with the most disagreement, the rest drawn by seed."""
    readable = [m for m in matches if m.reading.fault is None]
    worst = sorted(readable, key=lambda m: (-(m.fp + m.fn), m.record))[: (count + 1) // 2]
    taken = {m.record for m in worst}
    rest = [m for m in matches if m.record not in taken]
    drawn = np.random.default_rng(seed).permutation(len(rest))[: count - len(worst)]
    return worst + [rest[i] for i in sorted(drawn)]


def _emit_sample(
    ctx: RunContext, record: Record, match: ImageMatch, picture: Path, raw: str
) -> None:
    target = ctx.folder.artifacts / "samples" / (overlay_stem(record.id) + picture.suffix.lower())
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(picture, target)
    fault = match.reading.fault
    note = f"{match.tp} found, {match.fn} missed, {match.fp} without a partner"
    ctx.events.sample(
        name=record.id[:NAME],
        step=0,
        image={
            "path": target.relative_to(ctx.folder.root).as_posix(),
            "sha256": file_sha256(target),
            "size": target.stat().st_size,
            "width": record.width,
            "height": record.height,
        },
        truth=[thing_to_json(thing, record) for thing in match.truths],
        prediction=[thing_to_json(thing, record) for thing in match.reading.things],
        raw=raw,
        note=f"unreadable at character {fault.position}: {fault.reason}" if fault else note,
    )
