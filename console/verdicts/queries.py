"""Reads of verdicts. Everything starts from a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from django.db.models import Count, F, Q, QuerySet
from django.http import Http404, QueryDict

from console.accounts.models import Project
from console.api.pagination import Order
from console.api.problems import ApiProblem
from console.catalog.models import Output
from console.reviews.models import Review, ReviewItem
from console.reviews.states import COUNTED, FINAL, Kind
from console.runs.models import Run
from console.verdicts.flips import Compared, compare
from console.verdicts.indexing import VERDICTS, indexed
from console.verdicts.models import OperatingPoint, VerdictSet, VerdictTicket

PLACE = Order("place", ("place",))
SHOWN_SETS = 60
LEAST_REVIEWS = 20
"""decisions below which a mean of seconds is not called measured"""


class Settled(NamedTuple):
    """What people decided about a ticket, and the item that says so."""

    pk: int
    outcome: str


@dataclass(frozen=True)
class TicketFilter:
    """Empty means no limit."""

    verdict: str = ""
    """pass, fail or none"""
    label: str = ""
    match: str = ""
    """yes or no"""
    warning: str = ""
    review: str = ""
    """a reason code; `any` for those in people's hands"""
    below: float | None = None
    """vote strength under this"""
    q: str = ""

    @property
    def any(self) -> bool:
        return self != TicketFilter()

    @property
    def tells(self) -> bool:
        """Whether to pass it says more of a ticket than its name."""
        return replace(self, q="") != TicketFilter()


def filter_of(query: QueryDict) -> TicketFilter:
    """The filter of a query string. Raises ApiProblem 400 for a value that cannot be."""
    known = {"verdict": ("pass", "fail", "none"), "label": ("pass", "fail"), "match": ("yes", "no")}
    for name, values in known.items():
        if query.get(name, "") not in ("", *values):
            raise _bad(name, f"{name} is one of {', '.join(values)}.")
    below = query.get("below", "")
    try:
        limit = float(below) if below else None
    except ValueError as error:
        raise _bad("below", "below is a number from 0 to 1.") from error
    if limit is not None and not 0 <= limit <= 1.01:
        raise _bad("below", "below is a number from 0 to 1.")
    texts = {name: query.get(name, "")[:300] for name in ("warning", "review", "q")}
    return TicketFilter(
        query.get("verdict", ""),
        query.get("label", ""),
        query.get("match", ""),
        texts["warning"],
        texts["review"],
        limit,
        texts["q"].strip(),
    )


def tickets(
    verdicts: VerdictSet, wanted: TicketFilter, hidden: QuerySet[ReviewItem, str]
) -> QuerySet[VerdictTicket]:
    """Tickets of a run that pass the filter. `hidden` are keys of those that are blind for who
    asks: they are found by their group alone, since any other filter would tell their verdict."""
    rows = VerdictTicket.objects.filter(verdicts=verdicts)
    if wanted.tells:
        rows = rows.exclude(ticket_key__in=hidden)
    if wanted.verdict:
        rows = rows.filter(verdict="" if wanted.verdict == "none" else wanted.verdict)
    if wanted.label:
        rows = rows.filter(label=wanted.label)
    if wanted.match:
        same = rows.filter(verdict=F("label"))
        rows = (
            same if wanted.match == "yes" else rows.exclude(verdict="").exclude(verdict=F("label"))
        )
    if wanted.warning:
        rows = rows.filter(warning_line__contains=f" {wanted.warning} ")
    if wanted.review == "any":
        rows = rows.filter(needs_person=True)
    elif wanted.review:
        rows = rows.filter(review_reason=wanted.review)
    if wanted.below is not None:
        rows = rows.filter(strength__lt=wanted.below)
    if wanted.q:
        key = Q(ticket_key__startswith=wanted.q) & ~Q(ticket_key__in=hidden)
        rows = rows.filter(key | Q(group_id__startswith=wanted.q))
    return rows


def ticket(verdicts: VerdictSet, pk: int) -> VerdictTicket:
    """One ticket. Raises Http404."""
    found = VerdictTicket.objects.filter(verdicts=verdicts, pk=pk).first()
    if found is None:
        raise Http404
    return found


def set_of_run(run: Run) -> VerdictSet | None:
    """The newest verdicts of a run, indexed now if they are not yet; None where it made none."""
    output = Output.objects.filter(project=run.project, run_uid=run.uid, type=VERDICTS).first()
    return None if output is None else indexed(output)


def missions(project: Project) -> list[str]:
    """Missions that have verdicts, by name."""
    rows = VerdictSet.objects.filter(project=project).order_by("mission")
    return list(rows.values_list("mission", flat=True).distinct())


def sets_of(project: Project, mission: str) -> list[VerdictSet]:
    """The newest sets of a mission by the end of their runs, oldest first. Of a run that made its
    verdicts again the newest counts."""
    rows = VerdictSet.objects.filter(project=project, mission=mission, run__ended__isnull=False)
    rows = rows.select_related("run", "output").order_by("-run__ended", "-id")
    newest: dict[int, VerdictSet] = {}
    for row in rows[:SHOWN_SETS]:
        newest.setdefault(row.run_id, row)
    return list(newest.values())[::-1]


def all_sets(project: Project, mission: str = "") -> QuerySet[VerdictSet]:
    """Sets of finished runs; of one mission where it is named."""
    rows = VerdictSet.objects.filter(project=project, run__ended__isnull=False)
    rows = rows.select_related("run", "output")
    return rows.filter(mission=mission) if mission else rows


def flips_of(
    project: Project,
    released: VerdictSet,
    candidate: VerdictSet,
    hidden: QuerySet[ReviewItem, str] | None = None,
    *,
    decided_only: bool = False,
) -> tuple[Compared, dict[str, ReviewItem]]:
    """A candidate against the released verdicts, and the tickets that people decided by key;
    without those of the keys `hidden`."""
    before, after = light_rows(released, hidden), light_rows(candidate, hidden)
    items = settled(project, [str(row["ticket_key"]) for row in after])
    outcomes = {key: item.outcome for key, item in items.items()}
    return compare(before, after, outcomes, decided_only=decided_only), items


def set_named(sets: Iterable[VerdictSet], uid: str) -> VerdictSet | None:
    return next((row for row in sets if row.run.uid == uid), None)


def settled(project: Project, keys: Iterable[str]) -> dict[str, Settled]:
    """The newest item of each ticket that people have decided as pass or fail, checks left out."""
    rows = ReviewItem.objects.filter(
        project=project, state__in=sorted(FINAL), outcome__in=["pass", "fail"]
    )
    rows = rows.exclude(kind=Kind.GOLD).order_by("settled", "id")
    wanted = set(keys)
    found = rows.values_list("ticket_key", "pk", "outcome").iterator(5000)
    return {key: Settled(pk, outcome) for key, pk, outcome in found if key in wanted}


def seconds_per_decision(project: Project, mission: str) -> tuple[float | None, int]:
    """The mean active seconds of a decision and how many it is of; the mission's where there are
    enough, else the project's; no mean below LEAST_REVIEWS."""
    rows = Review.objects.filter(
        item__project=project, active=True, role__in=COUNTED, duration_ms__gt=0
    )
    for found in (rows.filter(item__mission=mission), rows):
        values = list(found.order_by("-id").values_list("duration_ms", flat=True)[:5000])
        if len(values) >= LEAST_REVIEWS:
            return sum(values) / len(values) / 1000, len(values)
    return None, len(values)


def points(project: Project, mission: str) -> QuerySet[OperatingPoint]:
    """Saved operating points, newest first; the first one is in force."""
    rows = OperatingPoint.objects.filter(project=project, mission=mission)
    return rows.select_related("author")


def facets(verdicts: VerdictSet) -> Mapping[str, list[str]]:
    """Warnings and reasons that occur in a set, for its filters."""
    warnings: set[str] = set()
    rows = VerdictTicket.objects.filter(verdicts=verdicts).order_by()
    for line in rows.values_list("warning_line", flat=True).distinct():
        warnings.update(line.split())
    reasons = rows.exclude(review_reason="").values_list("review_reason", flat=True).distinct()
    return {"warnings": sorted(warnings), "reasons": sorted(reasons)}


def votes(verdicts: VerdictSet) -> list[dict[str, Any]]:
    """How many tickets have the same verdict, label and vote strength: {verdict, label, strength,
    n}."""
    rows = VerdictTicket.objects.filter(verdicts=verdicts).order_by()
    return list(rows.values("verdict", "label", "strength").annotate(n=Count("pk")))


def light_rows(
    verdicts: VerdictSet, hidden: QuerySet[ReviewItem, str] | None = None
) -> list[dict[str, Any]]:
    """Every ticket without its candidates, in order; without those of the keys `hidden`."""
    rows = VerdictTicket.objects.filter(verdicts=verdicts)
    if hidden is not None:
        rows = rows.exclude(ticket_key__in=hidden)
    return list(rows.values("pk", "ticket_key", "label", "verdict", "strength", "review_reason"))


def tickets_among(verdicts: VerdictSet, keys: QuerySet[ReviewItem, str]) -> int:
    """How many tickets of a set are of these keys."""
    return VerdictTicket.objects.filter(verdicts=verdicts, ticket_key__in=keys).count()


def _bad(name: str, detail: str) -> ApiProblem:
    return ApiProblem(400, "bad_parameter", detail, errors=[{"parameter": name, "detail": detail}])
