"""What is written when a run is over, and again from its files alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlcore.contract.domains import Domain
from mlcore.run.folder import write_json
from mlcore.stage_b.artifacts import Artifacts, read_rows
from mlcore.stage_b.config import StageBConfig
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.prompts import verdict_turns
from mlcore.stage_b.recorder import Recorder
from mlcore.stage_b.rows import (
    DiagnosisRow,
    DistillMessage,
    DistillRow,
    MalformedRow,
    NeedReviewRow,
    ReflectionRow,
    ReportRow,
    SelectionRow,
    TrajectoryRow,
)
from mlcore.stage_b.verdict.contract import Spoken, render_two_lines
from mlcore.stage_b.verdict.diagnose import diagnose

NEED_REVIEW = "need_review.json"


def write_reports(
    files: Artifacts, recorder: Recorder, domain: Domain, config: StageBConfig
) -> None:
    """The last files of a run: one line per ticket, diagnostics, chat data, the review list."""
    for one in recorder.last.values():
        files.add("diagnostics.jsonl", _diagnoses(one))
        if config.distill.enabled:
            files.add("distill_chatml.jsonl", _distilled(one, domain, config))
    files.add("group_report.jsonl", rebuilt_report(files.folder))
    mission = config.mission
    write_json(files.folder / NEED_REVIEW, need_review(mission, recorder.review.values()))


def rebuilt_report(folder: Path) -> Iterable[ReportRow]:
    """group_report.jsonl from the other files of a run: the last selection of a ticket wins, its
    candidates and review rows add up. In the order of first appearance."""
    labels: dict[str, TrajectoryRow | MalformedRow] = {}
    candidates: dict[str, list[Any]] = {}
    for row in read_rows(folder, "trajectories.jsonl", TrajectoryRow):
        labels.setdefault(row.ticket_key, row)
        candidates.setdefault(row.ticket_key, []).append(row.result)
    for lost in read_rows(folder, "failure_malformed.jsonl", MalformedRow):
        labels.setdefault(lost.ticket_key, lost)
    selections = {
        row.ticket_key: row.result for row in read_rows(folder, "selections.jsonl", SelectionRow)
    }
    review: dict[str, list[NeedReviewRow]] = {}
    for queued in read_rows(folder, "need_review_queue.jsonl", NeedReviewRow):
        review.setdefault(queued.ticket_key, []).append(queued)
    met: dict[str, list[str]] = {}
    for line in read_rows(folder, "reflection.jsonl", ReflectionRow):
        found = line.reflection
        for key in (*found.proposal.evidence_group_ids, *found.proposal.no_evidence_group_ids):
            met.setdefault(key, []).append(found.reflection_id)
    for key, first in labels.items():
        queue = review.get(key, [])
        queued_by = [row.reflection_id for row in queue if row.reflection_id]
        yield ReportRow(
            ticket_key=key,
            group_id=first.group_id,
            mission=first.mission,
            label=first.gt_label,
            selection=selections.get(key),
            candidates=candidates.get(key, []),
            need_review_queue=queue,
            reflection=list(dict.fromkeys([*met.get(key, []), *queued_by])),
        )


def need_review(mission: str, rows: Iterable[NeedReviewRow]) -> dict[str, Any]:
    """need_review.json: the newest row of every ticket, sorted, with counts by reason."""
    items = sorted(rows, key=lambda r: (r.ticket_key, r.group_id, r.reason_code))
    counts: dict[str, int] = {}
    for row in items:
        counts[row.reason_code] = counts.get(row.reason_code, 0) + 1
    return {
        "mission": mission,
        "n": len(items),
        "by_reason_code": dict(sorted(counts.items())),
        "items": [row.model_dump(mode="json") for row in items],
    }


def _diagnoses(one: Judged) -> Iterable[DiagnosisRow]:
    decided = one.decided
    ticket = decided.ticket
    guidance = one.guidance
    texts = list(guidance.learnt.values())
    for candidate in one.rolled.candidates:
        if not isinstance(candidate.said, Spoken):
            continue
        found = diagnose(candidate.said, ticket.evidence, guidance.focus, texts, decided.guard)
        yield DiagnosisRow(
            group_id=ticket.group_id,
            mission=ticket.mission,
            epoch=one.epoch,
            candidate_index=candidate.index,
            focus_consistency=found.focus_consistency,
            guidance_consistency=found.guidance_consistency,
            rationale_quality=found.rationale_quality,
            grounded=found.grounded,
            against_evidence=found.against_evidence,
        )


def _distilled(one: Judged, domain: Domain, config: StageBConfig) -> Iterable[DistillRow]:
    """The prompt that was asked and the two lines that should have been said."""
    decided, ticket = one.decided, one.decided.ticket
    if decided.verdict is None or (config.distill.only_matching and not decided.label_match):
        return
    turns = verdict_turns(ticket.evidence, one.guidance, domain, config.prompt)
    asked = [DistillMessage(role=turn.role, content=turn.text) for turn in turns]
    answer = render_two_lines(Spoken(decided.verdict, decided.reason))
    yield DistillRow(
        ticket_key=ticket.ticket_key,
        group_id=ticket.group_id,
        mission=ticket.mission,
        label=ticket.label,
        messages=[*asked, DistillMessage(role="assistant", content=answer)],
    )
