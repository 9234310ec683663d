"""From the files of an output `verdicts` (stage_b/1) to rows for showing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from console.api.problems import ApiProblem
from console.catalog.models import Output
from console.catalog.output_rows import rows_of, verdicts_meta
from console.reviews.sources import SELECTIONS, Evidence, evidence_of, in_doubt
from console.runs.models import Run
from console.verdicts.models import VerdictSet, VerdictTicket
from mlcore.stage_b.rows import (
    DiagnosisRow,
    MalformedRow,
    NeedReviewRow,
    SelectionResult,
    SelectionRow,
    TrajectoryResult,
    TrajectoryRow,
)
from mlcore.stage_b.tally import Confusion, confusion

log = logging.getLogger(__name__)
VERDICTS = "verdicts"
BATCH = 500
CELLS = ("tp", "fp", "tn", "fn", "none_pass", "none_fail")
_unreadable: set[int] = set()
"""outputs that this process could not read: what is in an output never changes"""
_DIAGNOSED = {
    *("focus_consistency", "guidance_consistency", "rationale_quality"),
    *("grounded", "against_evidence"),
}


def indexed(output: Output) -> VerdictSet:
    """The rows of an output; made when they are asked for first. Raises ApiProblem 422 for an
    output that cannot be read."""
    found = VerdictSet.objects.select_related("run").filter(output=output).first()
    if found is not None:
        return found
    run = Run.objects.filter(project=output.project, uid=output.run_uid).first()
    if run is None:
        raise ApiProblem(422, "no_run", f"{output.ref} belongs to no run.")
    meta = verdicts_meta(output)
    tickets = _tickets(output, run)
    with transaction.atomic():
        # The row of the output is the lock: of two that come together one writes.
        Output.objects.select_for_update().get(pk=output.pk)
        same = VerdictSet.objects.select_related("run").filter(output=output).first()
        return same or _write(output, run, tickets, meta)


def index_pending() -> str:
    """Index one output that has no rows yet; returns its reference, empty when there is none."""
    rows = Output.objects.filter(type=VERDICTS, verdict_set=None).exclude(run_uid="")
    rows = rows.exclude(pk__in=_unreadable).select_related("project").order_by("-id")
    for output in rows[:5]:
        try:
            indexed(output)
        except ApiProblem as problem:
            log.warning("%s cannot be indexed: %s", output.ref, problem.message)
            _unreadable.add(output.pk)
            continue
        return output.ref
    return ""


def cells(found: Confusion) -> dict[str, int]:
    """The counts as JSON."""
    return {name: int(getattr(found, name)) for name in CELLS}


def _write(
    output: Output, run: Run, tickets: list[VerdictTicket], meta: Mapping[str, Any]
) -> VerdictSet:
    kept = [t for t in tickets if t.verdict and not t.review_reason]
    said = [c for t in tickets for c in t.detail["candidates"]]
    made = VerdictSet.objects.create(
        project=output.project,
        run=run,
        output=output,
        mission=str(meta.get("mission") or run.config_resolved.get("mission", "")),
        tickets=len(tickets),
        figures={"all": cells(counts(tickets)), "kept": cells(counts(kept))},
        malformed=sum(not t.verdict for t in tickets),
        doubted=sum(t.needs_person for t in tickets),
        candidates=len(said),
        well_formed=sum(bool(c["format_ok"]) for c in said),
        rules_changed=_changed(meta),
    )
    for ticket in tickets:
        ticket.verdicts = made
    VerdictTicket.objects.bulk_create(tickets, BATCH)
    return made


def counts(tickets: Iterable[VerdictTicket]) -> Confusion:
    """Verdicts against labels on record."""
    return confusion((t.verdict or None, t.label) for t in tickets)


def _tickets(output: Output, run: Run) -> list[VerdictTicket]:
    newest: dict[str, tuple[int, list[TrajectoryResult]]] = {}
    first: dict[str, TrajectoryRow | MalformedRow] = {}
    for row in rows_of(output, "trajectories.jsonl", TrajectoryRow):
        key = row.ticket_key
        first.setdefault(key, row)
        if key not in newest or row.epoch > newest[key][0]:
            newest[key] = (row.epoch, [])
        if row.epoch == newest[key][0]:
            newest[key][1].append(row.result)
    chosen = {(r.ticket_key, r.epoch): r.result for r in rows_of(output, SELECTIONS, SelectionRow)}
    lost = {r.ticket_key: r for r in rows_of(output, "failure_malformed.jsonl", MalformedRow)}
    queued = in_doubt(output)
    for key, one in lost.items():
        first.setdefault(key, one)
    diagnoses = {
        (r.group_id, r.candidate_index): r.model_dump(mode="json", include=_DIAGNOSED)
        for r in rows_of(output, "diagnostics.jsonl", DiagnosisRow)
    }
    evidence = evidence_of(run)
    out = []
    for place, (key, known) in enumerate(first.items()):
        epoch, results = newest.get(key, (0, []))
        ticket = VerdictTicket(
            place=place,
            ticket_key=key[:300],
            group_id=known.group_id[:200],
            label=known.gt_label,
        )
        _outcome(ticket, chosen.get((key, epoch)), lost.get(key), queued.get(key))
        said = [_candidate(r, diagnoses.get((known.group_id, r.candidate_index))) for r in results]
        ticket.detail = {"candidates": said, **_shown(evidence.get(key))}
        out.append(ticket)
    return out


def _outcome(
    ticket: VerdictTicket,
    result: SelectionResult | None,
    lost: MalformedRow | None,
    queued: NeedReviewRow | None,
) -> None:
    if result is not None:
        ticket.verdict, ticket.reason = result.verdict, result.reason
        ticket.strength = result.vote_strength
        ticket.warning_line = f" {' '.join(result.warnings)} "[:400]
        ticket.guidance_step = result.guidance_step
    else:
        ticket.failure = (lost.reason if lost else "no verdict")[:400]
    if queued is not None:
        ticket.review_reason = queued.reason_code[:64]
        ticket.review_note = queued.uncertainty_note
    doubtful = result is not None and result.needs_manual_review
    ticket.needs_person = doubtful or queued is not None or result is None


def _candidate(row: TrajectoryResult, diagnosis: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "index": row.candidate_index,
        "temperature": row.decode.temperature,
        "verdict": row.verdict,
        "reason": row.reason,
        "text": row.text,
        "format_ok": row.format_ok,
        "warnings": row.warnings,
        "diagnosis": diagnosis,
    }


def _shown(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {"images": [], "summaries": []}
    images = [{"name": i["name"], "sha256": i["sha256"]} for i in evidence.images]
    return {"images": images, "summaries": evidence.summaries}


def _changed(meta: Mapping[str, Any]) -> int | None:
    before, after = meta.get("guidance_before"), meta.get("guidance_after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    old, new = before.get("experiences", {}), after.get("experiences", {})
    return sum(old.get(key) != new.get(key) for key in {*old, *new})
