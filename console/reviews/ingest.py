"""From runs to the queue: the output of a finished Stage-B run, and events on the way.

A run's output is taken in by an operation, batch by batch, because it may hold many tickets and
many images; noting it again changes nothing.
"""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.catalog.models import Output
from console.reviews import photos, sources
from console.reviews.forms import NewTicketSerializer
from console.reviews.models import Operation
from console.reviews.opening import ItemRow, open_items
from console.reviews.policy import policy_of
from console.reviews.states import Kind
from console.runs.models import Run

log = logging.getLogger(__name__)
VERDICTS = "verdicts"
"""type of the output that is taken in"""
BATCH = 500
SHOWN_FOR, MOST_FAILURES = timedelta(days=7), 12
_ALIASES = {
    "gt_label": "label", "pred_verdict": "model_verdict", "pred_reason": "model_reason",
    "reason_code": "why_code", "uncertainty_note": "why_text", "vote_strength": "margin",
}
"""names of need_review_queue.jsonl and selections.jsonl for members of a ticket"""


@dataclass(frozen=True)
class Failure:
    """The taking in of a run's tickets that ended with `op.error`."""

    op: Operation
    run: Run


def note_output(run: Run, output: Output) -> Operation | None:
    """Have the tickets of a run's output opened; None for an output that has none."""
    if output.type != VERDICTS:
        return None
    same = Operation.objects.filter(
        project=run.project, act=Operation.Act.INGEST, values__output=output.pk
    ).first()
    if same is not None:
        return same
    return Operation.objects.create(
        project=run.project, act=Operation.Act.INGEST, values={"output": output.pk},
    )


def ingest_batch(op: Operation) -> tuple[int, int | None]:
    """The next tickets of an output; after the last one, its photographs."""
    output = Output.objects.select_related("project").get(pk=op.values["output"])
    run = Run.objects.select_related("project").get(project=op.project, uid=output.run_uid)
    policy = policy_of(op.project)
    found = sources.read_verdicts(
        output, run, margin=policy.drift_margin, share=policy.drift_percent / 100,
        seed=policy.seed,
    )
    op.total = len(found.rows)
    op.save(update_fields=["total"])
    actor = Actor(label=f"run:{run.uid}")
    rows = found.rows[op.last : op.last + BATCH]
    if rows:
        open_items(actor, op.project, rows, source=output.digest, run=run)
        return len(rows), op.last + len(rows)
    opened = _open_reused(actor, op, run, output, found)
    return opened, None


def failures(project: Project) -> list[Failure]:
    """Outputs of the last days whose tickets could not be taken in, newest first."""
    since = timezone.now() - SHOWN_FOR
    rows = Operation.objects.filter(
        project=project, act=Operation.Act.INGEST, finished__gt=since
    ).exclude(error="")
    found = list(rows.order_by("-id")[:MOST_FAILURES])
    outputs = Output.objects.in_bulk([op.values["output"] for op in found])
    uids = {op.pk: outputs[op.values["output"]].run_uid for op in found}
    runs = {run.uid: run for run in Run.objects.filter(project=project, uid__in=uids.values())}
    return [Failure(op, runs[uids[op.pk]]) for op in found if uids[op.pk] in runs]


def retake(actor: Actor, project: Project, uid: str) -> Operation:
    """Try again to take the tickets of an output in. Raises Http404 unless it failed before."""
    rows = Operation.objects.filter(project=project, act=Operation.Act.INGEST).exclude(error="")
    op = get_object_or_404(rows, uid=uid)
    with transaction.atomic():
        op.error, op.finished, op.updated = "", None, timezone.now()
        op.save(update_fields=["error", "finished", "updated"])
        audit.record(actor, "review.retake", f"operation:{uid}", project=project)
    return op


def _open_reused(
    actor: Actor, op: Operation, run: Run, output: Output, found: sources.Found
) -> int:
    """Tickets that show a photograph of another ticket."""
    fresh = photos.note_photos(op.project, found.evidence)
    matches: dict[str, list[dict[str, Any]]] = {}
    for match in photos.reused(op.project, fresh):
        matches.setdefault(match[0].ticket_key, []).append(photos.evidence_entry(match))
    judged = {row.ticket_key: row for row in found.rows}
    rows = []
    for key, entries in matches.items():
        rows.append(_reused(key, entries, found.evidence[key], judged.get(key)))
    return open_items(actor, op.project, rows, source=output.digest, run=run).opened


def _reused(
    key: str, entries: list[dict[str, Any]], evidence: sources.Evidence, judged: ItemRow | None
) -> ItemRow:
    images = [{k: v for k, v in image.items() if k != "dhash"} for image in evidence.images]
    known = {} if judged is None else {
        "mission": judged.mission, "model_verdict": judged.model_verdict,
        "model_reason": judged.model_reason, "margin": judged.margin,
        "guidance_step": judged.guidance_step,
    }
    return ItemRow(
        ticket_key=key, kind=Kind.REUSED_PHOTO, group_id=evidence.group_id, images=images,
        summaries=evidence.summaries, label=key.rpartition("::")[2], evidence=entries,
        why_code="reused_photo", **known,
    )


def take_review_items(run_id: int, bodies: Sequence[Mapping[str, Any]]) -> int:
    """Open the tickets of `review_item` events; returns how many were new or changed.

    A body that is no ticket is passed over with a word in the log: the run goes on.
    """
    run = Run.objects.select_related("project").get(pk=run_id)
    rows = [row for body in bodies if (row := row_of_event(body)) is not None]
    if not rows:
        return 0
    source = f"run:{run.uid}"
    opened = open_items(Actor(label=source), run.project, rows, source=source, run=run)
    return opened.opened + opened.changed


def row_of_event(body: Mapping[str, Any]) -> ItemRow | None:
    """The ticket of an event: members as in the API, or as in the files of Stage-B."""
    known = set(NewTicketSerializer().fields)
    named = {_ALIASES.get(name, name): value for name, value in body.items()}
    form = NewTicketSerializer(
        data={"kind": Kind.LABEL_SUSPECT, **{k: v for k, v in named.items() if k in known}}
    )
    if not form.is_valid():
        log.warning("a review_item event is no ticket", extra={"errors": str(form.errors)[:400]})
        return None
    return ItemRow(**form.validated_data)


