"""Tickets as the API gives them, with what this person must not know kept back."""
from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from django.utils import timezone

from console.accounts.models import Project
from console.api.etags import etag_of
from console.reviews import images
from console.reviews.forms import ReviewSerializer
from console.reviews.models import Lease, Review, ReviewItem
from console.reviews.queries import Viewer, reviews_of
from console.reviews.states import FINAL, Decision, Kind, State


def ticket_etag(item: ReviewItem) -> str:
    """Changes with the evidence, and with nothing else."""
    return etag_of("ticket", item.pk, item.version)


def is_blind(item: ReviewItem, viewer: Viewer, lease: Lease | None) -> bool:
    """Whether the viewer must judge the ticket without the model's word and other reviews.

    So it is for who has it on the screen as a blind ticket; and for everybody but leads and
    auditors while it waits for a blind review, because they may be the next to give one.
    """
    if lease is not None and lease.reviewer_id == viewer.user.pk:
        return lease.blind
    if viewer.sees_all or item.state in FINAL:
        return False
    back_to = lease.back_to if lease is not None else item.state
    return item.blind or back_to in (State.SECOND, State.CONFLICT)


def ticket(
    item: ReviewItem, viewer: Viewer, project: Project, *, reviews: bool = False
) -> dict[str, Any]:
    """One ticket. `reviews` also lists those that the viewer may read."""
    lease: Lease | None = getattr(item, "lease", None)
    blind = is_blind(item, viewer, lease)
    out = {
        "id": item.pk, "ticket_key": _key(item, blind=blind), "group_id": item.group_id,
        "mission": item.mission, "kind": None if blind else _kind(item, viewer),
        "state": _state(item, viewer), "version": item.version, "etag": ticket_etag(item),
        "blind": blind, "run": item.run.uid if item.run else None,
        "images": _images(item, viewer, project, blind=blind), "guidance_step": item.guidance_step,
        "priority": item.priority, "needed": item.needed if viewer.sees_all else 1,
        "outcome": _outcome(item, viewer), "consumed_by": item.consumed_by,
        "created": item.created, "due": item.due,
        "assigned_to": item.assigned_to.username if item.assigned_to else None,
        "assigned_group": item.assigned_group.name if item.assigned_group else None,
        "lease": None if lease is None else _lease(lease),
        "reviews": None,
    }
    out |= _hidden() if blind else _told(item)
    # A photograph used twice is what such a ticket is about, and says nothing of the model.
    out["evidence"] = _evidence(item, viewer, project, blind=blind)
    out["score"] = 0.0 if blind else round(item.score, 6)
    if reviews:
        rows: list[Review] = list(reviews_of(item, viewer))
        out["reviews"] = ReviewSerializer(rows, many=True).data
    return out


def _told(item: ReviewItem) -> dict[str, Any]:
    parts = dict(item.score_parts)
    if parts:
        hours = (item.due - item.created).total_seconds() or 1.0
        parts["age"] = (timezone.now() - item.created).total_seconds() / hours
        parts.pop("tie", None)
    model = {
        "verdict": item.model_verdict, "reason": item.model_reason, "margin": item.margin,
        "warnings": item.warnings,
    }
    return {
        "model": model if item.model_verdict else None, "label": item.label or None,
        "why": {"code": item.why_code, "text": item.why_text}, "score_parts": parts,
    }


def _hidden() -> dict[str, Any]:
    return {"model": None, "label": None, "why": None, "score_parts": None}


def _key(item: ReviewItem, *, blind: bool) -> str:
    """A ticket's key ends in the verdict on record; without it, it is the group's."""
    return item.group_id if blind else item.ticket_key


def group_of(ticket_key: str) -> str:
    """A ticket's key without the verdict on record."""
    return ticket_key.partition("::")[0]


def _kind(item: ReviewItem, viewer: Viewer) -> str | None:
    """A check looks like the ticket that it repeats, to all but leads and auditors."""
    if item.kind != Kind.GOLD or viewer.sees_all:
        return item.kind
    return item.gold.item.kind if item.gold is not None else None


def _state(item: ReviewItem, viewer: Viewer) -> str:
    """Who may give the second review is not told that there is a first, and an unsure answer to a
    check looks like any other."""
    if not viewer.sees_all and item.state == State.SECOND:
        return State.PENDING
    if not viewer.sees_all and item.kind == Kind.GOLD and item.outcome == Decision.UNSURE:
        return State.CONFLICT
    return item.state


def _outcome(item: ReviewItem, viewer: Viewer) -> str:
    return item.outcome if _state(item, viewer) in FINAL else ""


def _images(
    item: ReviewItem, viewer: Viewer, project: Project, *, blind: bool
) -> list[dict[str, Any]]:
    summaries = item.summaries
    return [
        {
            "number": number, "name": _name(str(image.get("name", "")), blind=blind),
            "missing": not image.get("sha256"),
            "width": image.get("width"), "height": image.get("height"),
            "summary": summaries[number - 1] if number <= len(summaries) else "",
            "truth": image.get("truth") or [], "prediction": image.get("prediction") or [],
            "predicted_by": image.get("predicted_by", ""),
            **_addresses(item, viewer, project, number),
        }
        for number, image in enumerate(item.images, 1)
    ]  # fmt: skip


def _evidence(
    item: ReviewItem, viewer: Viewer, project: Project, *, blind: bool
) -> list[dict[str, Any]]:
    return [
        {**(_blinded(entry) if blind else entry), "number": number,
         **_addresses(item, viewer, project, number)}
        for number, entry in enumerate(item.evidence, len(item.images) + 1)
    ]  # fmt: skip


def _name(name: str, *, blind: bool) -> str:
    """The folders of an image may be called after the verdict on record."""
    return PurePosixPath(name.replace("\\", "/")).name if blind else name


def _blinded(entry: dict[str, Any]) -> dict[str, Any]:
    """A twin without the verdict on record of its ticket."""
    names = {"name": _name(str(entry.get("name", "")), blind=True)} if "name" in entry else {}
    return {**entry, **names, "ticket_key": group_of(str(entry.get("ticket_key", "")))}


def _addresses(
    item: ReviewItem, viewer: Viewer, project: Project, number: int
) -> dict[str, str]:
    return images.addresses(item.pk, project.slug, number, viewer.user)


def _lease(lease: Lease) -> dict[str, Any]:
    return {
        "hold": lease.hold, "taken": lease.taken, "expires": lease.expires,
        "holder": lease.reviewer.username, "adjudicating": lease.back_to == State.CONFLICT,
    }


def line(item: ReviewItem, viewer: Viewer) -> dict[str, Any]:
    """One ticket as a row of a list: no images, and blind where `ticket` is."""
    lease: Lease | None = getattr(item, "lease", None)
    blind = is_blind(item, viewer, lease)
    return {
        "id": item.pk, "ticket_key": _key(item, blind=blind), "mission": item.mission,
        "kind": "" if blind else _kind(item, viewer), "state": _state(item, viewer),
        "verdict": "" if blind else item.model_verdict, "label": "" if blind else item.label,
        "why": "" if blind else item.why_code, "margin": None if blind else item.margin,
        "outcome": item.outcome if viewer.sees_all or item.kind != Kind.GOLD else "",
        "priority": item.priority, "score": None if blind else item.score,
        "needed": item.needed if viewer.sees_all else 1, "created": item.created,
        "due": item.due, "late": item.settled is None and item.due < timezone.now(),
        "settled": item.settled, "holder": lease.reviewer.username if lease else "",
        "assigned": item.assigned_to.username if item.assigned_to else "",
        "group": item.assigned_group.name if item.assigned_group else "",
    }  # fmt: skip
