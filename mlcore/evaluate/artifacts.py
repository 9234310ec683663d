"""The rows beside a report, from which every figure can be computed again.

    matches.jsonl     one row per system, image and mode: objects, pairs, marks, the raw answer
    per_image.jsonl   one row per system and image: counts
    per_class.json    one row per system and class; per_class.csv has the same
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlcore.contract.records import Record
from mlcore.evaluate.diff import FALSE_MARKS, Marks
from mlcore.evaluate.levels import LevelCounts
from mlcore.evaluate.match import LEVELS, ImageMatch
from mlcore.evaluate.overlays import thing_to_json
from mlcore.evaluate.scored import Scored
from mlcore.evaluate.statistics import f1_name, ratio
from mlcore.run.folder import write_json

CLASS_COLUMNS = (
    *("system", "class", "true", "predicted", "precision", "recall", "f1", "mean_iou"),
    *("bbox_ap", "bbox_ap50", "segm_ap", "segm_ap50"),
)


def write_artifacts(
    folder: Path, scored: Mapping[str, Scored], records: Sequence[Record], threshold: float
) -> list[Path]:
    """Write all files into `folder`; returns their paths."""
    by_id = {record.id: record for record in records}
    classes = [
        row for name, system in scored.items() for row in class_rows(name, system, threshold)
    ]
    files = {
        "matches.jsonl": (
            {"system": name, **row}
            for name, system in scored.items()
            for row in _match_rows(system, by_id)
        ),
        "per_image.jsonl": (
            {"system": name, **row}
            for name, system in scored.items()
            for row in image_rows(system, by_id)
        ),
    }
    for file, rows in files.items():
        with (folder / file).open("w", encoding="utf-8") as out:
            for row in rows:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    write_json(folder / "per_class.json", {"schema": "per_class/1", "rows": classes})
    with (folder / "per_class.csv").open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, CLASS_COLUMNS)
        table.writeheader()
        table.writerows(classes)
    return [folder / name for name in (*files, "per_class.json", "per_class.csv")]


def _match_rows(system: Scored, by_id: Mapping[str, Record]) -> Iterator[dict[str, Any]]:
    answers = system.answers.answers
    for match, marks in zip(system.matches, system.marks, strict=True):
        record, fault = by_id[match.record], match.reading.fault
        answer = answers["dense"].get(match.record)
        yield {
            "id": match.record,
            "mode": "dense",
            "parsed": fault is None,
            "fault": asdict(fault) if fault else None,
            "salvaged": match.reading.salvaged,
            "truth": [thing_to_json(t, record) for t in match.truths],
            "prediction": [thing_to_json(t, record) for t in match.reading.things],
            "confidences": [t.confidence for t in match.reading.things],
            "marks": marks._asdict(),
            "pairs": [asdict(pair) for pair in match.pairs],
            "tp": match.tp,
            "fp": match.fp,
            "fn": match.fn,
            "text": answer.text if answer else None,
        }
    for row in system.summaries:
        values = asdict(row)
        said = answers["summary"].get(row.record)
        yield {
            "id": values.pop("record"),
            "mode": "summary",
            **values,
            "text": said.text if said else None,
        }


def image_rows(system: Scored, by_id: Mapping[str, Record]) -> Iterator[dict[str, Any]]:
    """Counts of every image, by level at the primary threshold."""
    levels = system.levels
    for place, (match, marks) in enumerate(zip(system.matches, system.marks, strict=True)):
        fault = match.reading.fault
        sure = [t.confidence for t in match.reading.things if t.confidence is not None]
        yield {
            "id": match.record,
            "image": by_id[match.record].images[0],
            "true": len(match.truths),
            "predicted": len(match.reading.things),
            "negative": not match.truths,
            "fault": fault.rule if fault else None,
            **{level: _level_row(levels, place, level) for level in LEVELS},
            **_mark_counts(marks),
            "confidence": sum(sure) / len(sure) if sure else None,
        }


def _level_row(levels: LevelCounts, place: int, level: Any) -> dict[str, Any]:
    tp = int(levels.tp[place, LEVELS.index(level), levels.thresholds.index(levels.primary)])
    fp, fn = int(levels.said[place]) - tp, int(levels.true[place]) - tp
    return {"tp": tp, "fp": fp, "fn": fn, "f1": ratio(2 * tp, 2 * tp + fp + fn)["value"]}


def _mark_counts(marks: Marks) -> dict[str, int]:
    said = Counter(marks.prediction)
    return {"missed": marks.truth.count("missed"), **{mark: said[mark] for mark in FALSE_MARKS}}


def class_rows(name: str, system: Scored, threshold: float) -> list[dict[str, Any]]:
    """One row for each class that is true or predicted anywhere; None where there is no value."""
    rows = []
    for class_, figures in system.figures["classes"].items():
        averages = system.figures["ap_classes"].get(class_, {})
        rows.append(
            {
                "system": name,
                "class": class_,
                "true": figures["true"],
                "predicted": figures["predicted"],
                "precision": figures["precision"]["value"],
                "recall": figures["recall"]["value"],
                "f1": figures[f1_name(threshold)]["value"],
                "mean_iou": figures["mean_iou"]["value"],
                **{
                    f"{shape}_{ap}": averages.get(shape, {}).get(ap)
                    for shape in ("bbox", "segm")
                    for ap in ("ap", "ap50")
                },
            }
        )
    return rows


def marked(match: ImageMatch, marks: Marks, record: Record) -> tuple[list[Any], list[Any]]:
    """The true and the predicted objects of an image for a page: with mark and confidence."""
    truth = [
        {**thing_to_json(thing, record), "mark": mark}
        for thing, mark in zip(match.truths, marks.truth, strict=True)
    ]
    said = [
        {
            **thing_to_json(thing, record),
            "mark": mark,
            **({} if thing.confidence is None else {"confidence": round(thing.confidence, 4)}),
        }
        for thing, mark in zip(match.reading.things, marks.prediction, strict=True)
    ]
    return truth, said
