"""What a finished Stage-B run left for people: its files, and the images behind its tickets.

Read here: `need_review_queue.jsonl`, `need_review.json` and `selections.jsonl` of the output
`verdicts` (stage_b/1), `stage_a.jsonl` of the summaries that the run was given (stage_a/1),
`images.jsonl` of whatever those were made of, and the predictions of a run on the same dataset. One
line of the former that cannot be read refuses the output: half of what a run found would look like
all of it.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from console.catalog import blobs
from console.catalog.models import DatasetRecord, Output
from console.catalog.output_rows import (
    UnreadableOutputError,
    image_entries,
    object_of,
    records_of,
    rows_of,
    verdicts_meta,
)
from console.guidance.models import CorrectedRecords
from console.reviews.opening import ItemRow
from console.reviews.predicted import predicted_on
from console.reviews.scoring import CONTRADICTION, draw
from console.reviews.states import Kind
from console.runs.models import Run
from mlcore.stage_b.rows import NeedReviewRow, SelectionResult, SelectionRow

QUEUE, SELECTIONS, STANDING = (
    "need_review_queue.jsonl", "selections.jsonl", "need_review.json",
)
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
    of the confident ones are drawn to be looked at as well. Raises UnreadableOutputError.
    """
    verdicts_meta(output)
    evidence = evidence_of(run)
    queued = in_doubt(output)
    chosen = {row.ticket_key: row for row in rows_of(output, SELECTIONS, SelectionRow)}
    rows = [_suspect(row, chosen.get(key), evidence.get(key)) for key, row in queued.items()]
    for key, row in chosen.items():
        if key in queued:
            continue
        kind = _kind(row.result)
        if kind is None and row.result.vote_strength >= margin:
            drawn = draw(seed, f"{output.digest}:{key}", "drift") < share
            kind = Kind.DRIFT if drawn else None
        if kind is not None:
            rows.append(_selected(row, kind, evidence.get(key)))
    return Found(rows, evidence)


def in_doubt(output: Output) -> dict[str, NeedReviewRow]:
    """The newest row of every ticket in doubt, without those that a later epoch has settled: these
    are in the queue's file, which only grows, and not in `need_review.json`. Raises
    UnreadableOutputError."""
    rows = {row.ticket_key: row for row in rows_of(output, QUEUE, NeedReviewRow)}
    try:
        standing = {str(item["ticket_key"]) for item in object_of(output, STANDING)["items"]}
    except (KeyError, TypeError) as error:
        raise UnreadableOutputError(output, STANDING, f"items: {error!r}") from error
    return {key: row for key, row in rows.items() if key in standing}


def evidence_of(run: Run) -> dict[str, Evidence]:
    """Images and summaries by ticket key, from the summaries that the run was given. Raises
    UnreadableOutputError."""
    out: dict[str, Evidence] = {}
    for output in _bound(run, "summaries"):
        find = ImageFinder(output)
        for record in records_of(output):
            images = [find(record.group_id, name) for name in record.images]
            out[record.ticket_key] = Evidence(record.group_id, images, list(record.summaries))
    return out


def _bound(run: Run, type_: str) -> list[Output]:
    """The outputs of a type that the run was given."""
    keys = [b["output"] for b in run.bindings if "output" in b]
    return list(Output.objects.filter(project=run.project, pk__in=keys, type=type_))


def _upstream(output: Output) -> list[Output]:
    """The output, what its labels were corrected in, and what the run that made it was given."""
    out, corrections = [output], CorrectedRecords.objects.select_related("source")
    while corrected := corrections.filter(output=out[-1]).first():
        out.append(corrected.source)
    made_by = Run.objects.filter(project=output.project, uid=out[-1].run_uid).first()
    keys = [b["output"] for b in made_by.bindings if "output" in b] if made_by else []
    return [*out, *Output.objects.filter(project=output.project, pk__in=keys)]


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
            for entry in image_entries(source):
                known = asdict(entry)
                self.by_path[known.pop("path")] = {"size": known.pop("bytes"), **known}
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


def _kind(result: SelectionResult) -> str | None:
    """Why a ticket whose label nobody doubts needs a person; None when it needs none."""
    if PENDING in result.warnings:
        return Kind.EVIDENCE_GAP
    return Kind.MODEL_ERROR if result.needs_manual_review or result.conflict_flag else None


def _suspect(
    row: NeedReviewRow, chosen: SelectionRow | None, evidence: Evidence | None
) -> ItemRow:
    result = chosen.result if chosen else None
    return ItemRow(
        ticket_key=row.ticket_key, kind=Kind.LABEL_SUSPECT, group_id=row.group_id,
        mission=row.mission, model_verdict=row.pred_verdict or "", model_reason=row.pred_reason,
        label=row.gt_label, margin=result.vote_strength if result else None,
        warnings=tuple(result.warnings) if result else (),
        guidance_step=result.guidance_step if result else None, why_code=row.reason_code,
        why_text=row.uncertainty_note, **_shown(evidence),
    )


def _selected(row: SelectionRow, kind: str, evidence: Evidence | None) -> ItemRow:
    result = row.result
    warnings = tuple(result.warnings)
    why = {
        Kind.EVIDENCE_GAP: PENDING, Kind.DRIFT: "drift_sample",
        Kind.MODEL_ERROR: next((w for w in warnings if w == CONTRADICTION), "")
        or next(iter(warnings), "conflict"),
    }
    return ItemRow(
        ticket_key=row.ticket_key, kind=kind, group_id=row.group_id, mission=row.mission,
        model_verdict=result.verdict, model_reason=result.reason, label=row.gt_label,
        margin=result.vote_strength, warnings=warnings, guidance_step=result.guidance_step,
        why_code=why[Kind(kind)], **_shown(evidence),
    )


def _shown(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {}
    images = [{k: v for k, v in i.items() if k != "dhash"} for i in evidence.images]
    return {"images": tuple(images), "summaries": tuple(evidence.summaries)}
