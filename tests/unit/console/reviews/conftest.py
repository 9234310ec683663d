"""Tickets in the queue, and people who review them."""
from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.audit import SYSTEM, Actor
from console.accounts.models import User
from console.reviews import services
from console.reviews.models import Lease, ReviewItem
from tests.support import people

URL = "/api/v1/projects/alpha/review/"
Open = Callable[..., ReviewItem]


def row(key: str, **changes: Any) -> services.ItemRow:
    """A ticket that the model fails while the label says pass; every candidate agrees."""
    values: dict[str, Any] = {
        "ticket_key": key, "kind": "label_suspect", "mission": "cabinet", "margin": 1.0,
        "model_verdict": "fail", "model_reason": "Image1: screw missing", "label": "pass",
        "summaries": ["screw missing×1"], "why_code": "reflection_no_evidence_after_gt",
    }
    return services.ItemRow(**{**values, **changes})


@pytest.fixture
def open_ticket(project: Any) -> Open:
    """`open_ticket("A-1::pass", margin=0.6)` is in the queue."""

    def make(key: str, *, into: Any = None, source: str = "s" * 64, **changes: Any) -> ReviewItem:
        where = into or project
        services.open_items(SYSTEM, where, [row(key, **changes)], source=source)
        kind = changes.get("kind", "label_suspect")
        return ReviewItem.objects.filter(project=where, ticket_key=key, kind=kind).latest("id")

    return make


@pytest.fixture
def ann(project: Any) -> User:
    return people.make_member(project, "reviewer", "ann")


@pytest.fixture
def bo(project: Any) -> User:
    return people.make_member(project, "reviewer", "bo")


def no_gold(project: Any) -> None:
    services.set_policy(SYSTEM, project, {"gold_percent": 0})


def claim(person: User, project: Any, n: int = 1, **changes: Any) -> list[Lease]:
    return services.claim(Actor.of_user(person), project, services.Wanted(n, **changes))


def claimed(person: User, project: Any, **changes: Any) -> ReviewItem:
    (lease,) = claim(person, project, **changes)
    return lease.item


def decide(person: User, item: ReviewItem, decision: str, **changes: Any) -> services.Decided:
    reasons = {"fail": ["missing"], "pass": ["model_misread"]}.get(decision, [])
    values = {"version": item.version, "reasons": reasons, **changes}
    return services.decide(Actor.of_user(person), item.pk, services.Answer(decision, **values))


def review(person: User, project: Any, decision: str, **changes: Any) -> ReviewItem:
    """The person's next ticket, decided."""
    return fresh(decide(person, claimed(person, project), decision, **changes).item)


def adjudicate(person: User, project: Any, decision: str) -> ReviewItem:
    return fresh(decide(person, claimed(person, project, adjudicating=True), decision).item)


def fresh(item: ReviewItem) -> ReviewItem:
    return ReviewItem.objects.get(pk=item.pk)


def expire(item: ReviewItem) -> None:
    """Let the ticket's lease run out, unnoticed so far."""
    Lease.objects.filter(item=item).update(expires=timezone.now() - timedelta(seconds=1))


def code_of(caught: Any) -> tuple[int, str]:
    return caught.value.status_code, caught.value.code
