"""The one way in which a ticket's row changes: with its state checked and an event in its log."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils import timezone

from console.accounts.audit import Actor
from console.reviews.chain import event_hash
from console.reviews.models import ReviewEvent, ReviewItem
from console.reviews.states import CLAIMABLE, check


class StaleTicketError(Exception):
    """The ticket's row is not as it was read. Who locks the row before reading never sees this."""


@dataclass(frozen=True)
class Said:
    """What an event tells beside who did what to which ticket."""

    action: str
    reason: str = ""
    client: str = ""
    duration_ms: int = 0
    """of activity"""
    detail: dict[str, Any] = field(default_factory=dict)


def move(item: ReviewItem, to: str, actor: Actor, said: Said, **changes: Any) -> None:
    """Bring a ticket into a state (or leave it in its own), write `changes` to its row and tell it
    in its log. Call it inside a transaction, with the row locked.

    Raises TransitionError when `to` cannot follow the ticket's state.
    """
    move_each([item], to, actor, said, **changes)


def move_each(
    items: Sequence[ReviewItem], to: str, actor: Actor, said: Said, **changes: Any
) -> None:
    """`move` for a few tickets with the same changes, their events in one statement."""
    events = []
    for item in items:
        event = _event(item, to, actor, said, changes)
        values = {**changes, **_bookkeeping(item, to, event)}
        rows = ReviewItem.objects.filter(pk=item.pk, state=item.state, head=item.head)
        if not rows.update(**values):
            raise StaleTicketError(f"ticket {item.pk} has changed since it was read")
        for name, value in values.items():
            setattr(item, name, value)
        events.append(event)
    if events:
        ReviewEvent.objects.bulk_create(events)


def move_many(
    items: Sequence[ReviewItem], to: str | None, actor: Actor, said: Said, **changes: Any
) -> None:
    """`move` for many tickets with the same changes, in few statements. `to` None: each stays in
    its state. Call it inside a transaction, with all rows locked."""
    events = []
    for item in items:
        target = to if to is not None else item.state
        event = _event(item, target, actor, said, changes)
        for name, value in {**changes, **_bookkeeping(item, target, event)}.items():
            setattr(item, name, value)
        events.append(event)
    if not items:
        return
    names = {"state", "claimable", "head", "events_n", "updated", *changes}
    ReviewItem.objects.bulk_update(items, sorted(names), batch_size=200)
    ReviewEvent.objects.bulk_create(events, batch_size=500)


def open_many(items: Sequence[ReviewItem], actor: Actor, said: Said) -> None:
    """The first event of tickets that are about to be stored, and the tickets themselves."""
    made = ReviewItem.objects.bulk_create(items, batch_size=200)
    events = []
    for item in made:
        event = _event(item, item.state, actor, said, {})
        event.old = ""
        event.hash = event_hash(event)
        item.head, item.events_n = event.hash, 1
        events.append(event)
    ReviewItem.objects.bulk_update(made, ["head", "events_n"], batch_size=200)
    ReviewEvent.objects.bulk_create(events, batch_size=500)


WIDE = ("images", "summaries", "evidence", "warnings", "score_parts", "model_reason", "why_text")
"""what a ticket shows and no act on it needs: read only where it is asked for"""


def locked(pk: int) -> ReviewItem:
    """The ticket with its row locked. Raises ReviewItem.DoesNotExist."""
    return lock(ReviewItem.objects.filter(pk=pk)).defer(*WIDE).get()


def lock(rows: models.QuerySet[ReviewItem]) -> models.QuerySet[ReviewItem]:
    """The rows, locked when they are read. SQLite locks as a whole when a transaction begins."""
    return rows.select_for_update(of=("self",)).select_related("project")


def _bookkeeping(item: ReviewItem, to: str, event: ReviewEvent) -> dict[str, Any]:
    return {
        "state": str(to), "claimable": to in CLAIMABLE, "head": event.hash,
        "events_n": event.number, "updated": event.time,
    }


def _event(
    item: ReviewItem, to: str, actor: Actor, said: Said, changes: dict[str, Any]
) -> ReviewEvent:
    check(item.state, to)
    event = ReviewEvent(
        project_id=item.project_id, item=item, number=item.events_n + 1, time=timezone.now(),
        user=actor.user, actor=actor.label, action=said.action, old=item.state, new=str(to),
        reason=said.reason, ticket_version=changes.get("version", item.version),
        guidance_step=changes.get("guidance_step", item.guidance_step), client=said.client,
        duration_ms=said.duration_ms, detail=said.detail, before=item.head,
    )
    event.hash = event_hash(event)
    return event
