"""From the files of an output `verdicts` (stage_b/1) to rows for showing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.models import Output
from console.catalog.queries import file_of
from console.reviews.reading import json_lines
from console.reviews.sources import Evidence, evidence_of
from console.runs.models import Run
from console.verdicts.models import VerdictSet, VerdictTicket
from mlcore.stage_b.tally import Confusion, confusion

log = logging.getLogger(__name__)
VERDICTS = "verdicts"
META, LONGEST_META = "meta.json", 8 * 2**20
BATCH = 500
CELLS = ("tp", "fp", "tn", "fn", "none_pass", "none_fail")
Lines = Mapping[str, dict[str, Any]]


def indexed(output: Output) -> VerdictSet:
    """The rows of an output; made when they are asked for first. Raises ApiProblem 422 for an
    output that cannot be read."""
    found = VerdictSet.objects.select_related("run").filter(output=output).first()
    if found is not None:
        return found
    run = Run.objects.filter(project=output.project, uid=output.run_uid).first()
    if run is None:
        raise ApiProblem(422, "no_run", f"{output.ref} belongs to no run.")
    try:
        tickets = _tickets(output, run)
        meta = _meta(output)
    except (KeyError, TypeError, ValueError) as error:
        raise ApiProblem(422, "verdicts", f"{output.ref} is not of stage_b/1: {error}") from error
    with transaction.atomic():
        # The row of the output is the lock: of two that come together one writes.
        Output.objects.select_for_update().get(pk=output.pk)
        same = VerdictSet.objects.select_related("run").filter(output=output).first()
        return same or _write(output, run, tickets, meta)


def index_pending() -> str:
    """Index one output that has no rows yet; returns its reference, empty when there is none."""
    rows = Output.objects.filter(type=VERDICTS, verdict_set=None).exclude(run_uid="")
    for output in rows.select_related("project").order_by("-id")[:5]:
        try:
            indexed(output)
        except ApiProblem as problem:
            log.warning("%s cannot be indexed: %s", output.ref, problem.message)
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
    newest: dict[str, tuple[int, list[dict[str, Any]]]] = {}
    first: dict[str, dict[str, Any]] = {}
    for row in json_lines(output.files, "trajectories.jsonl"):
        key, epoch = str(row["ticket_key"]), int(row["epoch"])
        first.setdefault(key, row)
        if key not in newest or epoch > newest[key][0]:
            newest[key] = (epoch, [])
        if epoch == newest[key][0]:
            newest[key][1].append(row["result"])
    chosen = {
        (str(r["ticket_key"]), int(r["epoch"])): r["result"]
        for r in json_lines(output.files, "selections.jsonl")
    }
    by_key = {
        name: {str(r["ticket_key"]): r for r in json_lines(output.files, name)}
        for name in ("failure_malformed.jsonl", "need_review_queue.jsonl")
    }
    lost, queued = by_key["failure_malformed.jsonl"], by_key["need_review_queue.jsonl"]
    for key, row in lost.items():
        first.setdefault(key, row)
    diagnoses = _diagnoses(output)
    evidence = evidence_of(run)
    out = []
    for place, (key, row) in enumerate(first.items()):
        epoch, results = newest.get(key, (0, []))
        ticket = VerdictTicket(
            place=place,
            ticket_key=key[:300],
            group_id=str(row["group_id"])[:200],
            label=str(row["gt_label"]),
        )
        _outcome(ticket, chosen.get((key, epoch)), lost.get(key), queued.get(key))
        said = [
            _candidate(r, diagnoses.get((ticket.group_id, r["candidate_index"]))) for r in results
        ]
        ticket.detail = {"candidates": said, **_shown(evidence.get(key))}
        out.append(ticket)
    return out


def _outcome(
    ticket: VerdictTicket,
    result: Mapping[str, Any] | None,
    lost: Mapping[str, Any] | None,
    queued: Mapping[str, Any] | None,
) -> None:
    if result is not None:
        ticket.verdict, ticket.reason = str(result["verdict"]), str(result["reason"])
        ticket.strength = float(result["vote_strength"])
        ticket.warning_line = f" {' '.join(map(str, result['warnings']))} "[:400]
        ticket.guidance_step = int(result["guidance_step"])
    else:
        ticket.failure = str((lost or {}).get("reason", "no verdict"))[:400]
    if queued is not None:
        ticket.review_reason = str(queued["reason_code"])[:64]
        ticket.review_note = str(queued.get("uncertainty_note", ""))
    doubtful = bool(result and result.get("needs_manual_review"))
    ticket.needs_person = doubtful or queued is not None or result is None


def _diagnoses(output: Output) -> dict[tuple[str, int], dict[str, Any]]:
    """Newest diagnosis by (group, candidate); the file has no key of the ticket."""
    names = (
        "focus_consistency",
        "guidance_consistency",
        "rationale_quality",
        "grounded",
        "against_evidence",
    )
    return {
        (str(r["group_id"]), int(r["candidate_index"])): {n: r.get(n) for n in names}
        for r in json_lines(output.files, "diagnostics.jsonl")
    }


def _candidate(row: Mapping[str, Any], diagnosis: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "index": row["candidate_index"],
        "temperature": row["decode"]["temperature"],
        "verdict": row["verdict"],
        "reason": row["reason"],
        "text": row["text"],
        "format_ok": bool(row["format_ok"]),
        "warnings": row["warnings"],
        "diagnosis": diagnosis,
    }


def _shown(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {"images": [], "summaries": []}
    images = [{"name": i["name"], "sha256": i["sha256"]} for i in evidence.images]
    return {"images": images, "summaries": evidence.summaries}


def _meta(output: Output) -> dict[str, Any]:
    file = file_of(output, META)
    value = json.loads(blobs.read_blob(file["sha256"], LONGEST_META)) if file else {}
    return value if isinstance(value, dict) else {}


def _changed(meta: Mapping[str, Any]) -> int | None:
    before, after = meta.get("guidance_before"), meta.get("guidance_after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    old, new = before.get("experiences", {}), after.get("experiences", {})
    return sum(old.get(key) != new.get(key) for key in {*old, *new})
