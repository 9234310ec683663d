"""Checks: tickets of known outcome, mixed in unmarked, and how often each reviewer is right.

Whether a reviewer's k-th ticket is a check, and which, depends on the policy's seed, the person
and k alone. A check is a copy of the ticket, made for one person; it decides nothing else.
"""
from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import SYSTEM, Actor
from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.reviews.filters import ItemFilter
from console.reviews.models import (
    GoldItem,
    Notice,
    Review,
    ReviewerRecord,
    ReviewItem,
    ReviewPolicy,
)
from console.reviews.scoring import draw
from console.reviews.states import SETTLED, Decision, Kind, State
from console.reviews.transitions import Said, move, open_many

LEAST_CHECKS = 20
"""checks before a reviewer is held to the floor"""
BELOW = "gold_below_floor"
_COPIED = (
    "ticket_key", "group_id", "mission", "run_id", "output_digest", "images", "summaries",
    "model_verdict", "model_reason", "margin", "warnings", "guidance_step", "label", "why_code",
    "why_text", "evidence", "priority", "score", "score_parts",
)


def draw_check(
    actor: Actor, policy: ReviewPolicy, record: ReviewerRecord, wanted: ItemFilter
) -> ReviewItem | None:
    """The check that the reviewer's next ticket is, freshly made; None when it is none."""
    name = f"{record.reviewer_id}:{record.claims}"
    if draw(policy.seed, name, "gold") >= policy.gold_percent / 100:
        return None
    source = _choose(policy, record, wanted, name)
    return None if source is None else _copy(actor, source)


def _choose(
    policy: ReviewPolicy, record: ReviewerRecord, wanted: ItemFilter, name: str
) -> GoldItem | None:
    """A check that the person has neither decided as a ticket nor seen lately."""
    since = timezone.now() - timedelta(days=policy.gold_rest_days)
    rows = GoldItem.objects.filter(project_id=record.project_id, active=True)
    if wanted.mission:
        rows = rows.filter(item__mission__in=wanted.mission)
    own = Review.objects.filter(reviewer_id=record.reviewer_id)
    rows = rows.exclude(item__in=own.values("item"))
    rows = rows.exclude(pk__in=own.filter(
        item__gold__isnull=False, created__gt=since
    ).values("item__gold"))
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    if not keys:
        return None
    chosen = keys[int(draw(policy.seed, name, "which gold") * len(keys))]
    return GoldItem.objects.select_related("item__project").get(pk=chosen)


def _copy(actor: Actor, source: GoldItem) -> ReviewItem:
    now = timezone.now()
    values = {name: getattr(source.item, name) for name in _COPIED}
    mark = hashlib.sha256(f"gold {source.pk} {now.isoformat()}".encode()).hexdigest()
    # A ticket that has just arrived would tell what it is among others that have waited.
    term = source.item.due - source.item.created
    created = now - term * draw(source.pk, mark, "age")
    item = ReviewItem(
        project=source.item.project, kind=Kind.GOLD, gold=source, fingerprint=mark, blind=True,
        created=created, updated=now, due=created + term, **values,
    )
    open_many([item], actor, Said("opened", detail={"gold": source.pk}))
    return item


def drop_check(item: ReviewItem) -> None:
    """A check that was not answered leaves nothing behind in the queue: it is settled unanswered
    by the known outcome, and counts for nobody."""
    assert item.gold is not None
    move(
        item, State.DECIDED, SYSTEM, Said("dropped"), outcome=item.gold.outcome,
        settled=timezone.now(),
    )


def judge(actor: Actor, policy: ReviewPolicy, review: Review) -> None:
    """Hold an answered check against what is known, and the reviewer against the floor."""
    item = review.item
    assert item.gold is not None
    review.right = review.decision == item.gold.outcome
    review.save(update_fields=["right"])
    tally(policy, item.project, review.reviewer)


def tally(policy: ReviewPolicy, project: Project, reviewer: User) -> ReviewerRecord:
    """Count the reviewer's last checks anew; below the floor their tickets get a second review and
    the leads are told, once until they are above it again."""
    rows = Review.objects.filter(
        reviewer=reviewer, item__project=project, active=True, right__isnull=False
    ).order_by("-id")
    marks = list(rows.values_list("right", flat=True)[: policy.gold_window])
    record, _ = ReviewerRecord.objects.get_or_create(project=project, reviewer=reviewer)
    n, right = len(marks), sum(bool(mark) for mark in marks)
    least = min(LEAST_CHECKS, policy.gold_window)
    below = n >= least and right < policy.gold_floor * n
    if below and not record.below_floor:
        Notice.objects.create(
            project=project, code=BELOW, about=reviewer, detail={"n": n, "right": right},
        )
    record.checks_n, record.checks_right, record.below_floor = n, right, below
    record.updated = timezone.now()
    record.save(update_fields=["checks_n", "checks_right", "below_floor", "updated"])
    return record


def add_gold(actor: Actor, item: ReviewItem) -> GoldItem:
    """Put a ticket whose outcome is sure into the pool.

    Raises ApiProblem 409 unless an adjudicator or two reviewers who agree settled it.
    """
    sure = item.state in SETTLED - {State.DECIDED} or (
        item.state == State.EXPORTED and item.reviews.filter(active=True).count() > 1
    )
    if not sure or item.kind == Kind.GOLD or item.outcome == Decision.UNSURE:
        raise ApiProblem(
            409, "not_sure", "Only a ticket that was adjudicated or agreed can be a check.",
            state=item.state,
        )
    with transaction.atomic():
        found, _ = GoldItem.objects.update_or_create(
            item=item, defaults={
                "project": item.project, "outcome": item.outcome, "active": True,
                "created_by": actor.user,
            },
        )
        audit.record(actor, "review.gold_add", f"ticket:{item.pk}", project=item.project)
    return found


def retire_gold(actor: Actor, gold: GoldItem) -> None:
    """Take a check out of the pool; what was answered stays."""
    with transaction.atomic():
        GoldItem.objects.filter(pk=gold.pk).update(active=False)
        audit.record(actor, "review.gold_retire", f"ticket:{gold.item_id}", project=gold.project)
