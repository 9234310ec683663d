"""Acts on many tickets at once: counted before they begin, done in batches, with progress.

Each batch is a transaction that also says how far the act has come, so a process that dies loses
nothing and any other goes on. A short act is done when its request is answered; the periodic work
finishes the others.
"""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from console.accounts import audit
from console.accounts.access import may
from console.accounts.audit import Actor
from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.reviews.exporting import export_batch, settled_tickets
from console.reviews.filters import ItemFilter, apply, filter_of_json, project_items
from console.reviews.ingest import ingest_batch
from console.reviews.leases import end_all
from console.reviews.models import Export, Lease, Operation, ReviewerGroup, ReviewItem
from console.reviews.states import FINAL, Kind
from console.reviews.transitions import Said, lock, move_many

log = logging.getLogger(__name__)
BATCH = 500
FIRST_S = 1.0
"""seconds that the request itself spends on an act"""
TICK_S = 2.0
"""seconds of one tick's share"""
Act = Operation.Act


def open_tickets(
    project: Project, wanted: ItemFilter, now: Any, me: User | None = None
) -> QuerySet[ReviewItem]:
    """The tickets of a filter that an act on many can change: not settled, and no checks."""
    rows = project_items(project).exclude(state__in=FINAL).exclude(kind=Kind.GOLD)
    return apply(rows, wanted, now, me)


def start(
    actor: Actor, project: Project, act: str, wanted: ItemFilter, values: Mapping[str, Any]
) -> Operation:
    """Begin an act and do as much of it as a request may wait for.

    Raises ApiProblem 422 when it names people who cannot review here.
    """
    if act == Act.ASSIGN:
        _check_people(project, list(values.get("to", ())))
    total = open_tickets(project, wanted, timezone.now(), actor.user).count()
    made = begin(actor, project, act, wanted.to_json(), values, total)
    return advance(made.pk, FIRST_S)


def start_export(actor: Actor, project: Project, scope: str, wanted: ItemFilter) -> Export:
    """A new snapshot. A short one is ready at once, the periodic work finishes the others."""
    made = Export.objects.create(
        project=project, scope=scope, filter=wanted.to_json(), created_by=actor.user
    )
    total = settled_tickets(made).count()
    op = begin(actor, project, Act.EXPORT, made.filter, {"export": made.uid}, total)
    advance(op.pk, FIRST_S)
    made.refresh_from_db()
    return made


def begin(
    actor: Actor, project: Project, act: str, filter_: Mapping[str, Any],
    values: Mapping[str, Any], total: int,
) -> Operation:
    """Write an act down, to be done by `advance`."""
    with transaction.atomic():
        made = Operation.objects.create(
            project=project, act=act, filter=dict(filter_), values=dict(values), total=total,
            created_by=actor.user,
        )
        detail = {"filter": dict(filter_), "values": dict(values), "tickets": total}
        audit.record(
            actor, f"review.{act}", f"operation:{made.uid}", project=project, detail=detail
        )
    return made


def advance(pk: int, seconds: float) -> Operation:
    """Go on with an act for a while, or until it is done."""
    until = time.monotonic() + seconds
    while True:
        with transaction.atomic():
            rows = Operation.objects.select_for_update(of=("self",))
            op = rows.select_related("project", "created_by").get(pk=pk)
            if op.finished is None:
                _batch(op)
        if op.finished is not None or time.monotonic() >= until:
            return op


def advance_pending(seconds: float = TICK_S) -> int:
    """Go on with the act that was tried longest ago; returns how many there were."""
    waiting = Operation.objects.filter(finished=None).order_by("updated", "id")
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True)
    with transaction.atomic():
        op = waiting.first()
        if op is None:
            return 0
        Operation.objects.filter(pk=op.pk).update(updated=timezone.now())
    try:
        advance(op.pk, seconds)
    except (ApiProblem, LookupError, TypeError, ValueError) as error:
        # What it was given is not what it must be: trying again would end the same way.
        log.exception("a review operation failed", extra={"operation": op.uid})
        text = error.message if isinstance(error, ApiProblem) else repr(error)
        Operation.objects.filter(pk=op.pk).update(error=text[:400], finished=timezone.now())
    return 1


def _batch(op: Operation) -> None:
    done, last = _STEPS[op.act](op)
    op.updated = timezone.now()
    op.done += done
    if last is None:
        op.finished = op.updated
    else:
        op.last = last
    op.save(update_fields=["done", "last", "finished", "updated"])


def _tickets(op: Operation) -> list[ReviewItem]:
    """The next tickets of the act, locked in the order of their keys."""
    wanted = filter_of_json(op.filter)
    rows = open_tickets(op.project, wanted, op.created, op.created_by)
    rows = rows.filter(pk__gt=op.last, created__lte=op.created).order_by("pk")
    return list(lock(rows)[:BATCH])


def _actor(op: Operation) -> Actor:
    return Actor.of_user(op.created_by) if op.created_by else Actor()


def _assign(op: Operation) -> tuple[int, int | None]:
    items = _tickets(op)
    to = [str(name) for name in op.values.get("to", [])]
    said = Said("assigned", reason=str(op.values.get("reason", "")), detail={"to": to})
    if not to:
        move_many(items, None, _actor(op), said, assigned_to=None, assigned_group=None)
    elif to[0].startswith("group:"):
        group = ReviewerGroup.objects.get(project=op.project, name=to[0].partition(":")[2])
        move_many(items, None, _actor(op), said, assigned_to=None, assigned_group=group)
    else:
        people = {user.username: user for user in User.objects.filter(username__in=to)}
        for place, name in enumerate(to):
            turn = [i for n, i in enumerate(items) if (op.done + n) % len(to) == place]
            move_many(
                turn, None, _actor(op), said, assigned_to=people[name], assigned_group=None
            )
    return len(items), items[-1].pk if len(items) == BATCH else None


def _prioritise(op: Operation) -> tuple[int, int | None]:
    items = _tickets(op)
    priority = int(op.values["priority"])
    said = Said(
        "prioritised", reason=str(op.values.get("reason", "")), detail={"priority": priority}
    )
    move_many(items, None, _actor(op), said, priority=priority)
    return len(items), items[-1].pk if len(items) == BATCH else None


def _release(op: Operation) -> tuple[int, int | None]:
    wanted = open_tickets(op.project, filter_of_json(op.filter), op.created, op.created_by)
    leases = Lease.objects.filter(
        item__in=wanted.values("pk"), item__gt=op.last, taken__lte=op.created
    )
    rows = leases.select_for_update(of=("self",)).order_by("item_id")
    found = list(rows[:BATCH])
    said = Said("released", reason=str(op.values.get("reason", "")))
    end_all(found, _actor(op), said)
    return len(found), found[-1].item_id if len(found) == BATCH else None


def _check_people(project: Project, to: list[str]) -> None:
    errors = []
    groups = [name for name in to if name.startswith("group:")]
    if groups and len(to) > 1:
        errors.append({"pointer": "/to", "detail": "one group, or people, not both"})
    for number, name in enumerate(to):
        if name.startswith("group:"):
            known = ReviewerGroup.objects.filter(project=project, name=name.partition(":")[2])
            right = known.exists()
        else:
            user = User.objects.filter(username=name, is_active=True).first()
            right = user is not None and may(user, project, "reviews.decide")
        if not right:
            detail = f"{name} cannot review in this project"
            errors.append({"pointer": f"/to/{number}", "detail": detail})
    if errors:
        raise ApiProblem(422, "invalid", errors[0]["detail"], errors=errors)


_STEPS: dict[str, Callable[[Operation], tuple[int, int | None]]] = {
    Act.ASSIGN: _assign,
    Act.PRIORITY: _prioritise,
    Act.RELEASE: _release,
    Act.EXPORT: export_batch,
    Act.INGEST: ingest_batch,
}
"""how each act does a batch: returns how many tickets, and the last key or None when it is over"""
