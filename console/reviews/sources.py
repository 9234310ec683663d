"""What a finished Stage-B run left for people: its files, and the images behind its tickets.

Read here: `need_review_queue.jsonl`, `need_review.json` and `selections.jsonl` of the output
`verdicts` (stage_b/1),
`stage_a.jsonl` of the summaries that the run was given (stage_a/1), and `images.jsonl` of whatever
those were made of, and the predictions of a run on the same dataset.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from console.catalog import blobs
from console.catalog.models import DatasetRecord, Output
from console.reviews.opening import ItemRow
from console.reviews.predicted import predicted_on
from console.reviews.reading import File, json_lines
from console.reviews.scoring import CONTRADICTION, draw
from console.reviews.states import Kind
from console.runs.models import Run

QUEUE, SELECTIONS, RECORDS, IMAGES = (
    "need_review_queue.jsonl", "selections.jsonl", "stage_a.jsonl", "images.jsonl",
)
STANDING = "need_review.json"
PENDING = "pending_signal_hit"
"""a warning of the guard: a point that must be confirmed was not"""


@dataclass
class Evidence:
    """One ticket's images and what was said of each."""

    group_id: str
    images: list[dict[str, Any]] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """All that a run left. `evidence` also has the tickets that nobody has to look at."""

    rows: list[ItemRow]
    evidence: dict[str, Evidence]


def read_verdicts(output: Output, run: Run, *, margin: float, share: float, seed: int) -> Found:
    """The tickets of an output `verdicts` for the queue, always in the same order.

    `margin` is the vote strength from which on a verdict is confident, `share` (0 to 1) how many
    of the confident ones are drawn to be looked at as well.
    """
    evidence = evidence_of(run)
    queued = _queued(output.files)
    chosen = {str(row["ticket_key"]): row for row in json_lines(output.files, SELECTIONS)}
    rows = [
        _suspect(row, chosen.get(key), evidence.get(key)) for key, row in queued.items()
    ]
    for key, row in chosen.items():
        if key in queued:
            continue
        kind = _kind(row["result"])
        if kind is None and _confident(row["result"], margin):
            drawn = draw(seed, f"{output.digest}:{key}", "drift") < share
            kind = Kind.DRIFT if drawn else None
        if kind is not None:
            rows.append(_selected(row, kind, evidence.get(key)))
    return Found(rows, evidence)


def _queued(files: Sequence[File]) -> dict[str, dict[str, Any]]:
    """The newest row of every ticket in doubt, without those that a later epoch has settled: these
    are in the queue's file, which only grows, and not in `need_review.json`."""
    rows = {str(row["ticket_key"]): row for row in json_lines(files, QUEUE)}
    entry = next((f for f in files if PurePosixPath(f["path"]).name == STANDING), None)
    if entry is None:
        return rows
    with blobs.open_blob(entry["sha256"]) as file:
        standing = {str(item["ticket_key"]) for item in json.load(file)["items"]}
    return {key: row for key, row in rows.items() if key in standing}


def evidence_of(run: Run) -> dict[str, Evidence]:
    """Images and summaries by ticket key, from the summaries that the run was given."""
    out: dict[str, Evidence] = {}
    for output in _bound(run, "summaries"):
        find = ImageFinder(output)
        for record in json_lines(output.files, RECORDS):
            group, label = str(record["group_id"]), str(record["label"]).lower()
            said = record["per_image"]
            names = [str(name) for name in record["images"]]
            found = Evidence(group)
            for number, name in enumerate(names, 1):
                found.images.append(find(group, name))
                found.summaries.append(str(said.get(f"image_{number}", "")))
            out[f"{group}::{label}"] = found
    return out


def _bound(run: Run, type_: str) -> list[Output]:
    """The outputs of a type that the run was given."""
    keys = [b["output"] for b in run.bindings if "output" in b]
    return list(Output.objects.filter(project=run.project, pk__in=keys, type=type_))


def _upstream(output: Output) -> list[Output]:
    """The output and what the run that made it was given."""
    made_by = Run.objects.filter(project=output.project, uid=output.run_uid).first()
    keys = [b["output"] for b in made_by.bindings if "output" in b] if made_by else []
    return [output, *Output.objects.filter(project=output.project, pk__in=keys)]


class ImageFinder:
    """Finds the file behind the name of a ticket's image: the whole path, else the folder of the
    group and the name, else the name where only one file has it."""

    def __init__(self, output: Output) -> None:
        self.by_path: dict[str, dict[str, Any]] = {}
        self.by_name: dict[str, list[str]] = {}
        outputs = _upstream(output)
        for source in outputs:
            for file in source.files:
                self.by_path.setdefault(
                    file["path"], {"sha256": file["sha256"], "size": file["size"]}
                )
            for row in json_lines(source.files, IMAGES):
                self.by_path[str(row["path"])] = {
                    "sha256": row["sha256"], "size": row["bytes"], "width": row["width"],
                    "height": row["height"], "dhash": row["dhash"],
                }
        for path in self.by_path:
            self.by_name.setdefault(PurePosixPath(path).name, []).append(path)
        self.known = blobs.sizes([str(entry["sha256"]) for entry in self.by_path.values()])
        self.truth = _truth(outputs)
        self.predicted = predicted_on(output, outputs)

    def __call__(self, group: str, name: str) -> dict[str, Any]:
        entry = self._entry(group, name)
        if entry is None or entry["sha256"] not in self.known:
            return {"name": name, "sha256": "", "size": 0}
        found = {"name": name, **entry}
        if truth := self.truth.get(str(entry["sha256"])):
            found["truth"] = truth
        path = self._path(group, name)
        if path in self.predicted.by_path:
            found["prediction"] = self.predicted.by_path[path]
            found["predicted_by"] = self.predicted.run
        return found

    def _entry(self, group: str, name: str) -> dict[str, Any] | None:
        return self.by_path.get(self._path(group, name))

    def _path(self, group: str, name: str) -> str:
        if name in self.by_path:
            return name
        paths = self.by_name.get(PurePosixPath(name).name, [])
        beside = [path for path in paths if group in PurePosixPath(path).parts]
        fitting = beside or paths
        return fitting[0] if len(fitting) == 1 else ""


def _truth(outputs: Iterable[Output]) -> dict[str, list[Any]]:
    keys = [output.pk for output in outputs if output.type == "dataset"]
    rows = DatasetRecord.objects.filter(version__output__in=keys)
    return dict(rows.values_list("image_sha", "objects_json").iterator(2000))


def _kind(result: Mapping[str, Any]) -> str | None:
    """Why a ticket whose label nobody doubts needs a person; None when it needs none."""
    if PENDING in result.get("warnings", ()):
        return Kind.EVIDENCE_GAP
    doubtful = result.get("needs_manual_review") or result.get("conflict_flag")
    return Kind.MODEL_ERROR if doubtful else None


def _confident(result: Mapping[str, Any], margin: float) -> bool:
    return float(result.get("vote_strength") or 0.0) >= margin


def _suspect(
    row: Mapping[str, Any], chosen: Mapping[str, Any] | None, evidence: Evidence | None
) -> ItemRow:
    result = chosen["result"] if chosen else {}
    return ItemRow(
        ticket_key=str(row["ticket_key"]), kind=Kind.LABEL_SUSPECT,
        group_id=str(row.get("group_id", "")), mission=str(row.get("mission", "")),
        model_verdict=str(row.get("pred_verdict") or ""),
        model_reason=str(row.get("pred_reason", "")), label=str(row.get("gt_label", "")),
        margin=result.get("vote_strength"), warnings=tuple(result.get("warnings", ())),
        guidance_step=result.get("guidance_step"), why_code=str(row.get("reason_code", "")),
        why_text=str(row.get("uncertainty_note", "")), **_shown(evidence),
    )


def _selected(row: Mapping[str, Any], kind: str, evidence: Evidence | None) -> ItemRow:
    result = row["result"]
    warnings = tuple(str(w) for w in result.get("warnings", ()))
    why = {
        Kind.EVIDENCE_GAP: PENDING, Kind.DRIFT: "drift_sample",
        Kind.MODEL_ERROR: next((w for w in warnings if w == CONTRADICTION), "")
        or next(iter(warnings), "conflict"),
    }
    return ItemRow(
        ticket_key=str(row["ticket_key"]), kind=kind, group_id=str(row.get("group_id", "")),
        mission=str(row.get("mission", "")), model_verdict=str(result.get("verdict") or ""),
        model_reason=str(result.get("reason", "")), label=str(row.get("gt_label", "")),
        margin=result.get("vote_strength"), warnings=warnings,
        guidance_step=result.get("guidance_step"), why_code=why[Kind(kind)], **_shown(evidence),
    )


def _shown(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {}
    images = [{k: v for k, v in i.items() if k != "dhash"} for i in evidence.images]
    return {"images": tuple(images), "summaries": tuple(evidence.summaries)}
