"""Who has which ticket: claims, heartbeats, releases, and the end of leases that nobody renews.

A claim takes the first free tickets in the order of the queue. On PostgreSQL it steps over rows
that other claims are looking at (SKIP LOCKED); on SQLite claims follow each other. The lease is a
row of its own, one for each ticket at most, so two people never hold one.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from console.accounts.audit import SYSTEM, Actor
from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.reviews import gold
from console.reviews.filters import Blindfold, ItemFilter, apply
from console.reviews.models import (
    Lease,
    Review,
    ReviewerGroup,
    ReviewerRecord,
    ReviewItem,
    ReviewPolicy,
    Skip,
)
from console.reviews.policy import policy_of
from console.reviews.states import COUNTED, FREE, Kind, Role, State
from console.reviews.transitions import WIDE, Said, lock, move_each

HARD = timedelta(minutes=5)
SOFT = timedelta(seconds=90)
LONGEST = timedelta(minutes=30)
"""after this a lease ends, however often it was renewed"""
HEARTBEAT_S = 30
FRESH = timedelta(seconds=10)
"""a lease that was renewed less than this ago is not written again"""
MOST = 10
"""tickets that one person may hold at a time"""
SKIPPED_FOR = timedelta(hours=8)
"""before a ticket that somebody passed over comes to them again"""
REAPED_AT_ONCE = 500


class LeaseGoneError(ApiProblem):
    """The ticket is not the caller's any more."""

    def __init__(self, detail: str = "The ticket is not yours any more.") -> None:
        super().__init__(409, "lease_lost", detail)


@dataclass(frozen=True)
class Wanted:
    """What a claim asks for. `adjudicating`: conflicts instead of tickets for review."""

    n: int = 1
    filter: ItemFilter = field(default_factory=ItemFilter)
    adjudicating: bool = False
    client: str = ""


def claim(actor: Actor, project: Project, wanted: Wanted) -> list[Lease]:
    """The caller's next tickets: those that they hold already, then new ones up to `n`. The first
    is on the screen (hard lease), the others wait behind it (soft leases).

    Never a ticket that another person holds, nor one that the caller has reviewed before.
    """
    person = person_of(actor)
    with transaction.atomic():
        record = record_of(project, person)
        held = _held(actor, person, project, wanted)[: wanted.n]
        policy = policy_of(project)
        missing = wanted.n - len(held)
        if missing > 0:
            checks = {} if wanted.adjudicating else _checks(actor, policy, record, wanted, missing)
            free = _first_free(person, project, wanted, missing - len(checks))
            taken = [checks.pop(slot) if slot in checks else free.pop(0)
                     for slot in range(missing) if slot in checks or free]  # fmt: skip
            held += _take(actor, person, taken, wanted, first=not held)
            if taken and not wanted.adjudicating:
                rows = ReviewerRecord.objects.filter(pk=record.pk)
                rows.update(claims=F("claims") + len(taken))
        _show_first(held)
    return held


def _checks(
    actor: Actor, policy: ReviewPolicy, record: ReviewerRecord, wanted: Wanted, count: int
) -> dict[int, ReviewItem]:
    """Which of the person's next tickets are checks, by their place among them."""
    found = {}
    for slot in range(count):
        check = gold.draw_check(actor, policy, record, wanted.filter)
        record.claims += 1
        if check is not None:
            found[slot] = check
    return found


def free_for(
    person: User, project: Project, wanted: Wanted, *, filtered: bool = True
) -> QuerySet[ReviewItem]:
    """Tickets that the person could be given now, in order."""
    rows = ReviewItem.objects.filter(project=project).exclude(kind=Kind.GOLD)
    if wanted.adjudicating:
        rows = rows.filter(state=State.CONFLICT)
    else:
        rows = rows.filter(claimable=True)
        groups = ReviewerGroup.objects.filter(project=project, members=person)
        rows = rows.filter(
            Q(assigned_to=None, assigned_group=None)
            | Q(assigned_to=person)
            | Q(assigned_group__in=groups.values("pk"))
        )
    # Looked up once for the whole scan, whatever the database knows about the sizes of tables.
    own = Review.objects.filter(reviewer=person, active=True, item__project=project)
    since = timezone.now() - SKIPPED_FOR
    skipped = Skip.objects.filter(reviewer=person, created__gt=since)
    rows = rows.exclude(pk__in=own.values("item")).exclude(pk__in=skipped.values("item"))
    if filtered:
        # A blind ticket comes whatever is asked of what it keeps back: to be given it, or not to
        # be, would tell, and checks would stand out.
        blind = Blindfold(Q(blind=True) | Q(state=State.SECOND), passes=True)
        hides = None if wanted.adjudicating else blind
        rows = apply(rows, wanted.filter, timezone.now(), person, hides)
    return rows.order_by("-priority", "-score", "id")


def beat(actor: Actor, project: Project, items: Sequence[int]) -> dict[int, datetime | None]:
    """Renew leases of the caller; None for a ticket that is not theirs any more."""
    person = person_of(actor)
    now = timezone.now()
    out: dict[int, datetime | None] = dict.fromkeys(items)
    with transaction.atomic():
        for lease in _leases(person, project).filter(item__in=items):
            out[lease.item_id] = _renew(lease, now)
    return out


def release(
    actor: Actor, project: Project, item_id: int, *, skip: bool = False, reason: str = ""
) -> None:
    """Give a ticket back. A skip says why, and the ticket goes to others first.

    Raises LeaseGoneError when the caller does not hold it, ApiProblem 422 for a skip without a
    reason.
    """
    person = person_of(actor)
    if skip and not reason.strip():
        errors = [{"pointer": "/reason", "detail": "say why you pass this ticket over"}]
        raise ApiProblem(422, "invalid", "A skip needs a reason.", errors=errors)
    with transaction.atomic():
        lease = _leases(person, project).filter(item=item_id).first()
        if lease is None:
            raise LeaseGoneError
        said = Said("skipped" if skip else "released", reason=reason.strip())
        end_all([lease], actor, said)
        if skip:
            Skip.objects.update_or_create(
                item_id=item_id, reviewer=person, defaults={"created": timezone.now()}
            )


def release_all(actor: Actor, project: Project, items: Sequence[int] | None = None) -> int:
    """Give back what the caller holds (of these items); returns how many. For a closed tab."""
    person = person_of(actor)
    with transaction.atomic():
        rows = _leases(person, project)
        rows = rows if items is None else rows.filter(item__in=items)
        return end_all(list(rows), actor, Said("released"))


def end_all(leases: Sequence[Lease], actor: Actor, said: Said) -> int:
    """The tickets go back to where the leases found them; returns how many. Call it with the rows
    of the leases locked."""
    if not leases:
        return 0
    back_to = {lease.item_id: lease.back_to for lease in leases}
    # Tickets are locked in the order of their keys, as whoever acts on many does it.
    items = list(lock(ReviewItem.objects.filter(pk__in=back_to).order_by("pk")))
    Lease.objects.filter(pk__in=[lease.pk for lease in leases]).delete()
    for item in items:
        if item.gold_id is not None:
            # A check is made for one person and one time; who lets go of it is not checked.
            gold.drop_check(item)
    for state in sorted(FREE):
        found = [i for i in items if i.gold_id is None and back_to[i.pk] == state]
        move_each(found, state, actor, said)
    return len(items)


def reap(project: Project | None = None) -> int:
    """End leases that ran out; returns how many."""
    now = timezone.now()
    rows = Lease.objects.filter(expires__lt=now)
    if project is not None:
        rows = rows.filter(item__project=project)
    reaped = 0
    for pk in list(rows.values_list("pk", flat=True)[:REAPED_AT_ONCE]):
        with transaction.atomic():
            lease = _locked(Lease.objects.filter(pk=pk, expires__lt=now)).first()
            if lease is None:
                continue
            end_all([lease], SYSTEM, Said("expired", detail={"reviewer": lease.reviewer_id}))
            reaped += 1
    return reaped


def person_of(actor: Actor) -> User:
    """Who acts. Raises ApiProblem 403 unless it is a person."""
    if actor.user is None:
        raise ApiProblem(403, "person_only", "Only a person can review.")
    return actor.user


def record_of(project: Project, person: User) -> ReviewerRecord:
    """The reviewer's record, locked: what one person does in a project is done one by one. Rows
    are locked in this order everywhere: record, lease, ticket."""
    rows = ReviewerRecord.objects.select_for_update()
    record, _ = rows.get_or_create(project=project, reviewer=person)
    record.project, record.reviewer = project, person
    return record


def _held(actor: Actor, person: User, project: Project, wanted: Wanted) -> list[Lease]:
    """The leases that the person goes on with; those that do not fit the filter any more, and
    those that are over, end."""
    now = timezone.now()
    kept, over, unfit = [], [], []
    leases = list(_leases(person, project))
    fitting = _fitting(leases, wanted)
    for lease in leases:
        adjudicating = lease.back_to == State.CONFLICT
        if lease.taken + LONGEST <= now:
            over.append(lease)
        elif adjudicating != wanted.adjudicating:
            continue
        elif lease.item_id not in fitting:
            unfit.append(lease)
        else:
            _renew(lease, now)
            kept.append(lease)
    end_all(over, actor, Said("expired"))
    end_all(unfit, actor, Said("released"))
    return kept


def _fitting(leases: Sequence[Lease], wanted: Wanted) -> set[int]:
    """Tickets that the person keeps under that filter: what is on the screen stays there."""
    out = {x.item_id for x in leases if x.hold == Lease.Hold.HARD or x.item.gold_id is not None}
    asked = [lease.item_id for lease in leases if lease.item_id not in out]
    if not asked or not wanted.filter.to_json():
        return out.union(asked)
    blind = Blindfold(Q(lease__blind=True), passes=True)
    rows = ReviewItem.objects.filter(pk__in=asked)
    rows = apply(rows, wanted.filter, timezone.now(), None, blind)
    return out.union(rows.values_list("pk", flat=True))


def _first_free(
    person: User, project: Project, wanted: Wanted, count: int
) -> list[ReviewItem]:
    rows = free_for(person, project, wanted)
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(of=("self",), skip_locked=True)
    return list(rows.defer(*WIDE)[:count]) if count > 0 else []


def _take(
    actor: Actor, person: User, items: Sequence[ReviewItem], wanted: Wanted, *, first: bool
) -> list[Lease]:
    """Lease tickets to the person. `first`: the first of them comes on the screen at once."""
    now = timezone.now()
    leases = []
    for item in items:
        shown = first and not leases
        leases.append(Lease(
            item=item, reviewer=person, back_to=item.state, client=wanted.client, taken=now,
            # An adjudicator judges the reviews, so must see them and what they were about.
            blind=item.state != State.CONFLICT and (item.blind or item.state == State.SECOND),
            hold=Lease.Hold.HARD if shown else Lease.Hold.SOFT,
            expires=now + (HARD if shown else SOFT),
        ))  # fmt: skip
    move_each(items, State.LEASED, actor, Said("leased", client=wanted.client))
    return Lease.objects.bulk_create(leases)


def _show_first(held: Sequence[Lease]) -> None:
    if held and held[0].hold == Lease.Hold.SOFT:
        first, now = held[0], timezone.now()
        first.hold, first.taken, first.expires = Lease.Hold.HARD, now, now + HARD
        first.save(update_fields=["hold", "taken", "expires"])


def _renew(lease: Lease, now: datetime) -> datetime:
    term = HARD if lease.hold == Lease.Hold.HARD else SOFT
    expires = min(now + term, lease.taken + LONGEST)
    if not timedelta(0) <= expires - lease.expires <= FRESH:
        lease.expires = expires
        lease.save(update_fields=["expires"])
    return lease.expires


def _leases(person: User, project: Project) -> QuerySet[Lease]:
    """The person's leases in the project, oldest first, hard ones before soft ones, locked."""
    rows = Lease.objects.filter(reviewer=person, item__project=project)
    return _locked(rows).order_by("hold", "taken", "id")


def _locked(rows: QuerySet[Lease]) -> QuerySet[Lease]:
    rows = rows.select_for_update(of=("self",)).select_related("item")
    return rows.defer(*(f"item__{name}" for name in WIDE))


def lease_of(item_id: int) -> Lease | None:
    """The ticket's lease, locked."""
    return Lease.objects.select_for_update().filter(item=item_id).first()


def counted_reviews(item: ReviewItem) -> dict[str, Review]:
    """The reviews that decide the ticket, by role."""
    rows = Review.objects.filter(item=item, active=True, role__in=COUNTED)
    return {review.role: review for review in rows}


def free_role(counted: dict[str, Review], *, adjudicating: bool) -> str:
    """The role of the next review."""
    if adjudicating:
        return Role.ADJUDICATOR
    return Role.SECOND if Role.FIRST in counted else Role.FIRST
