"""Reads of the review queue. Each takes who asks: a reviewer sees what is open and what they
decided themselves; leads and auditors see everything."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from console.accounts.models import Project, User
from console.api.pagination import Order
from console.reviews.filters import Blindfold, ItemFilter, apply, project_items
from console.reviews.leases import Wanted, free_for
from console.reviews.models import (
    GoldItem,
    Lease,
    Notice,
    Review,
    ReviewerRecord,
    ReviewEvent,
    ReviewItem,
)
from console.reviews.states import COUNTED, FINAL, Kind, Role, State
from console.reviews.transitions import WIDE

QUEUE_ORDER = Order("queue", ("-priority", "-score", "id"))
COUNT_LIMIT = 10_000
"""more than this is not counted exactly"""


@dataclass(frozen=True)
class Viewer:
    """Who asks, with their rights in the project."""

    user: User
    rights: Collection[str]

    @property
    def sees_all(self) -> bool:
        return "reviews.audit" in self.rights

    @property
    def may_judge(self) -> bool:
        """Whether tickets can come to them, and so must be kept back from them where they are
        blind."""
        return "reviews.decide" in self.rights


@dataclass(frozen=True)
class Empty:
    """Why a claim gave nothing, in numbers. `code` names the first reason that holds."""

    code: str
    """none_left | filtered | leased | yours | none_for_you"""
    filtered: int
    """free tickets that the filter leaves out"""
    leased: int
    """held by other people"""
    until: datetime | None
    """when the first of their leases ends"""
    yours: int
    """that you decided yourself or passed over: another person has to"""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_BESIDE = (
    "run__uid", "assigned_to__username", "assigned_group__name", "lease__hold", "lease__taken",
    "lease__expires", "lease__back_to", "lease__blind", "lease__reviewer__username",
)
"""what is shown of other rows: a run alone is wider than all of a ticket"""
_WHOLE = tuple(field.name for field in ReviewItem._meta.concrete_fields)
_LINE = tuple(name for name in _WHOLE if name not in WIDE)


def with_people(
    rows: QuerySet[ReviewItem], fields: Sequence[str] = _WHOLE
) -> QuerySet[ReviewItem]:
    """Tickets with what is shown of them."""
    rows = rows.select_related("run", "assigned_to", "assigned_group", "lease", "lease__reviewer")
    return rows.only(*fields, *_BESIDE)


def visible(
    project: Project, viewer: Viewer, fields: Sequence[str] = _WHOLE
) -> QuerySet[ReviewItem]:
    """The tickets that the viewer may see."""
    rows = with_people(project_items(project), fields)
    if viewer.sees_all:
        return rows
    own = Review.objects.filter(item=OuterRef("pk"), reviewer=viewer.user)
    held = Lease.objects.filter(item=OuterRef("pk"), reviewer=viewer.user)
    open_ = ~Q(kind=Kind.GOLD) & ~Q(state__in=FINAL)
    return rows.filter(Q(Exists(own)) | Q(Exists(held)) | open_)


def lines(project: Project, viewer: Viewer, wanted: ItemFilter) -> QuerySet[ReviewItem]:
    """The same as `items` for `shapes.line`, without what only a whole ticket shows."""
    return items(project, viewer, wanted, _LINE)


def items(
    project: Project, viewer: Viewer, wanted: ItemFilter, fields: Sequence[str] = _WHOLE
) -> QuerySet[ReviewItem]:
    """The visible tickets that pass the filter, as far as it may tell them apart."""
    blindfold = Blindfold(blind_to(viewer), checks=not viewer.sees_all)
    rows = visible(project, viewer, fields)
    if wanted.state and not viewer.sees_all:
        # They are not told that a ticket has a first review; see `shapes.ticket`.
        shown = {*wanted.state} - {State.SECOND}
        hidden = {State.SECOND} if State.PENDING in shown else set()
        wanted = replace(wanted, state=tuple(sorted(shown | hidden)))
        rows = rows if shown else rows.none()
    return apply(rows, wanted, timezone.now(), viewer.user, blindfold)


def blind_to(viewer: Viewer) -> Q:
    """The tickets that the viewer must judge, or may have to, without the model's word and other
    reviews: `shapes.is_blind` as a condition."""
    # Every part is true or false where there is no lease, so that the whole can be negated.
    leased = Q(lease__isnull=False)
    held = leased & Q(lease__reviewer=viewer.user, lease__blind=True)
    if viewer.sees_all:
        return held
    waiting = [State.SECOND, State.CONFLICT]
    awaited = Q(blind=True) | Q(state__in=waiting) | (leased & Q(lease__back_to__in=waiting))
    elsewhere = Q(lease__isnull=True) | ~Q(lease__reviewer=viewer.user)
    return held | (elsewhere & ~Q(state__in=sorted(FINAL)) & awaited)


def hidden_keys(project: Project, viewer: Viewer) -> QuerySet[ReviewItem, str]:
    """Keys of the tickets whose verdict and label no page may tell the viewer now: a ticket is
    known by other pages than those of review. None for who is never asked to judge."""
    rows = project_items(project).filter(blind_to(viewer)).order_by()
    rows = rows if viewer.may_judge else rows.none()
    return rows.values_list("ticket_key", flat=True)


def item(project: Project, viewer: Viewer, pk: int) -> ReviewItem:
    """One visible ticket. Raises Http404."""
    found = visible(project, viewer).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def own_item(project: Project, pk: int, *, whole: bool = True) -> ReviewItem:
    """A ticket of the project, whoever may see it: for acts that check the caller themselves. Not
    `whole`: its key and version alone."""
    rows = project_items(project).filter(pk=pk)
    found = (rows if whole else rows.only("id", "version")).order_by().first()
    if found is None:
        raise Http404
    return found


def summary(project: Project) -> dict[str, Any]:
    """The queue in numbers, checks left out: tickets by state and, of the open ones, by kind and
    mission; when the oldest open one arrived; how many are late; settled in the last day."""
    rows = project_items(project).exclude(kind=Kind.GOLD)
    open_ = rows.exclude(state__in=FINAL)
    now = timezone.now()
    return {
        "states": _counts(rows, "state"), "kinds": _counts(open_, "kind"),
        "missions": _counts(open_, "mission"),
        "oldest": open_.aggregate(first=Min("created"))["first"],
        "late": open_.filter(due__lt=now).count(),
        "settled_last_day": rows.filter(settled__gt=now - timedelta(days=1)).count(),
        "reviewing": Lease.objects.filter(item__project=project).values("reviewer").distinct()
        .count(),
    }


def _counts(rows: QuerySet[ReviewItem], column: str) -> dict[str, int]:
    counted = rows.order_by().values_list(column).annotate(n=Count("pk"))
    return {str(value): n for value, n in counted.order_by(column)}


def count_up_to(rows: QuerySet[Any], limit: int = COUNT_LIMIT) -> tuple[int, bool]:
    """How many rows, and whether that is exact: past the limit nothing is counted."""
    n = rows.order_by()[: limit + 1].count()
    return (n, True) if n <= limit else (limit, False)


def why_empty(person: User, project: Project, wanted: Wanted) -> Empty:
    """Why there is no next ticket for the person."""
    state = [State.CONFLICT] if wanted.adjudicating else [State.PENDING, State.SECOND]
    filtered = free_for(person, project, wanted, filtered=False).count()
    others = Lease.objects.filter(item__project=project, back_to__in=state)
    others = others.exclude(reviewer=person).exclude(item__kind=Kind.GOLD)
    leased = others.count()
    first = others.order_by("expires").values_list("expires", flat=True).first()
    free = project_items(project).filter(state__in=state).exclude(kind=Kind.GOLD)
    own = Review.objects.filter(item=OuterRef("pk"), reviewer=person, active=True)
    yours = free.filter(Exists(own)).count()
    elsewhere = free.count() - yours - filtered
    code = "filtered" if filtered else "leased" if leased else "yours" if yours else "none_left"
    if code == "none_left" and elsewhere:
        code = "none_for_you"
    return Empty(code, filtered, leased, first, yours)


def leases_of(person: User, project: Project) -> QuerySet[Lease]:
    """What the person holds now."""
    rows = Lease.objects.filter(reviewer=person, item__project=project)
    return rows.select_related("item")


def leased_items(
    project: Project, leases: Sequence[Lease]
) -> list[ReviewItem]:
    """The tickets of the viewer's own leases, in their order."""
    rows = with_people(project_items(project))
    found = rows.in_bulk([lease.item_id for lease in leases])
    return [found[lease.item_id] for lease in leases if lease.item_id in found]


def decided_today(person: User, project: Project) -> int:
    """Decisions of the person since midnight (UTC) that they have not taken back."""
    midnight = datetime.combine(timezone.now().date(), time(), timezone.now().tzinfo)
    return Review.objects.filter(
        item__project=project, reviewer=person, active=True, created__gte=midnight
    ).count()


def reviews_of(item: ReviewItem, viewer: Viewer) -> QuerySet[Review]:
    """The reviews of a ticket that the viewer may read: their own; all of them once it is settled,
    or when they are a lead or auditor who is not asked for a review themselves."""
    rows = Review.objects.filter(item=item).select_related("reviewer").order_by("id")
    lease = item_lease(item)
    blind = lease is not None and lease.reviewer_id == viewer.user.pk and lease.blind
    if viewer.sees_all and not blind:
        return rows
    if item.state in FINAL and item.kind != Kind.GOLD:
        return rows.exclude(role=Role.UNDO)
    return rows.filter(reviewer=viewer.user)


def item_lease(item: ReviewItem) -> Lease | None:
    """The lease of a ticket, None when nobody has it."""
    return Lease.objects.select_related("reviewer").filter(item=item).first()


def events_of(item: ReviewItem) -> QuerySet[ReviewEvent]:
    return ReviewEvent.objects.filter(item=item)


def events(project: Project) -> QuerySet[ReviewEvent]:
    return ReviewEvent.objects.filter(project=project)


def gold_items(project: Project) -> QuerySet[GoldItem]:
    return GoldItem.objects.filter(project=project).select_related("item", "created_by")


def records(project: Project) -> QuerySet[ReviewerRecord]:
    """Reviewers with their checks, by name: no ranking."""
    rows = ReviewerRecord.objects.filter(project=project).select_related("reviewer")
    return rows.order_by("reviewer__username")


def notices(project: Project, *, done: bool = False) -> QuerySet[Notice]:
    rows = Notice.objects.filter(project=project, done__isnull=not done)
    return rows.select_related("about")


def counted(item: ReviewItem) -> int:
    """How many reviews of the ticket count."""
    return Review.objects.filter(item=item, active=True, role__in=COUNTED).count()
