"""Snapshots of what people decided, as JSON Lines.

A batch of tickets is marked as exported, which nothing takes back, and its lines are written as a
blob in the same transaction. So the file of a snapshot is fixed while it grows, and is served the
same for ever.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet

from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.reviews.filters import apply, filter_of_json, project_items
from console.reviews.models import Export, Operation, Review, ReviewItem
from console.reviews.states import FINAL, SETTLED, Kind, Role, State
from console.reviews.transitions import Said, lock, move_many
from console.runs.models import Run

SCHEMA = "review_export/1"
BATCH = 500
NEW, ALL = "new", "all"


def settled_tickets(export: Export) -> QuerySet[ReviewItem]:
    """The tickets that belong into a snapshot, as far as they are not in it yet."""
    states = SETTLED if export.scope == NEW else FINAL
    rows = project_items(export.project).filter(state__in=states).exclude(kind=Kind.GOLD)
    return apply(rows, filter_of_json(export.filter), export.created, export.created_by)


def export_batch(op: Operation) -> tuple[int, int | None]:
    """The next tickets of a snapshot: marked, and their lines stored."""
    export = Export.objects.select_for_update().get(uid=op.values["export"])
    reviews = Review.objects.select_related("reviewer").order_by("id")
    rows = lock(settled_tickets(export)).select_related("run").prefetch_related(
        Prefetch("reviews", queryset=reviews)
    )
    rows = rows.filter(pk__gt=op.last, created__lte=op.created).order_by("pk")
    items = list(rows[:BATCH])
    _add(export, items, Actor.of_user(op.created_by) if op.created_by else Actor())
    over = len(items) < BATCH
    if over:
        _close(export)
    export.save(update_fields=["parts", "n", "size", "sha256"])
    return len(items), None if over else items[-1].pk


def take(actor: Actor, project: Project, items: Sequence[ReviewItem], about: str) -> Export:
    """A snapshot of these tickets at once, as one part. `about` says in its filter what for.

    Raises ApiProblem 409 where one of them is not decided any more.
    """
    with transaction.atomic():
        made = Export.objects.create(
            project=project, scope=ALL, filter={"for": about}, created_by=actor.user
        )
        reviews = Review.objects.select_related("reviewer").order_by("id")
        rows = project_items(project).filter(pk__in=[item.pk for item in items], state__in=FINAL)
        rows = lock(rows).select_related("run")
        found = list(rows.prefetch_related(Prefetch("reviews", queryset=reviews)).order_by("pk"))
        if {(i.pk, i.outcome) for i in found} != {(i.pk, i.outcome) for i in items}:
            raise ApiProblem(409, "changed", "A decision was taken back meanwhile; look again.")
        _add(made, found, actor)
        _close(made)
        made.save(update_fields=["parts", "n", "size", "sha256"])
    return made


def _add(export: Export, items: Sequence[ReviewItem], actor: Actor) -> None:
    """Mark tickets as exported and store their lines as the next part."""
    if not items:
        return
    new = [item for item in items if item.state != State.EXPORTED]
    said = Said("exported", detail={"export": export.uid})
    mark = f"export:{export.uid}"
    move_many(new, State.EXPORTED, actor, said, exported_in=export, consumed_by=mark)
    data = "".join(_text(line(item)) for item in items).encode()
    blob = blobs.put_bytes(data)
    export.parts.append({"sha256": blob.sha256, "size": len(data), "n": len(items)})
    export.n += len(items)
    export.size += len(data)


def _close(export: Export) -> None:
    digest = hashlib.sha256()
    for chunk in chunks(export):
        digest.update(chunk)
    export.sha256 = digest.hexdigest()


def chunks(export: Export) -> Iterator[bytes]:
    """The bytes of a snapshot, from the store."""
    for part in export.parts:
        with blobs.open_blob(part["sha256"]) as file:
            while data := file.read(blobs.CHUNK):
                yield data


def line(item: ReviewItem) -> dict[str, Any]:
    """One ticket as a snapshot has it. What was taken back is marked, not left out."""
    reviews: Sequence[Review] = list(item.reviews.all())
    return {
        "schema": SCHEMA,
        "ticket": {
            "id": item.pk, "ticket_key": item.ticket_key, "group_id": item.group_id,
            "mission": item.mission, "kind": item.kind, "version": item.version,
            "summaries": item.summaries,
        },
        "label": item.label or None,
        "model": {
            "verdict": item.model_verdict or None, "reason": item.model_reason,
            "margin": item.margin, "warnings": item.warnings,
            "guidance_step": item.guidance_step,
        },
        "human": {
            "verdict": item.outcome, "how": _how(reviews),
            "settled": item.settled.isoformat() if item.settled else None,
        },
        "reviews": [_review(review) for review in reviews],
        "provenance": {
            "run": item.run.uid if item.run else None, "guidance": guidance_of(item.run),
            "output_digest": item.output_digest,
            "fingerprint": item.fingerprint, "log": item.head,
            "images": [{"name": i.get("name"), "sha256": i.get("sha256")} for i in item.images],
        },
    }


def guidance_of(run: Run | None) -> str | None:
    """The reference of the guidance that a run was given: its version, where it names one."""
    rows = run.inputs if run else []
    return next((str(row["ref"]) for row in rows if row.get("type") == "guidance"), None)


def _review(review: Review) -> dict[str, Any]:
    return {
        "reviewer": review.reviewer.username, "role": review.role, "decision": review.decision,
        "reasons": review.reasons, "reasons_version": review.reasons_version,
        "comment": review.comment, "blind": review.blind, "counts": review.active,
        "ticket_version": review.ticket_version, "guidance_step": review.guidance_step,
        "duration_ms": review.duration_ms, "created": review.created.isoformat(),
    }


def _how(reviews: Sequence[Review]) -> str:
    roles = {review.role for review in reviews if review.active}
    if Role.ADJUDICATOR in roles:
        return "adjudicated"
    return "agreed" if {Role.FIRST, Role.SECOND} <= roles else "decided"


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n"
