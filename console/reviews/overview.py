"""How the queue stands: depth and age, what it consists of, how fast it goes, what is not well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate, TruncHour
from django.utils import timezone

from console.accounts.models import Project
from console.reviews.filters import project_items
from console.reviews.models import Review, ReviewItem
from console.reviews.states import COUNTED, FINAL, Kind, State
from console.runs.models import Run

OPEN = tuple(state for state in State if state not in FINAL)
HOURS, DAYS = 24, 14
MOST_MISSIONS = 60


@dataclass(frozen=True)
class Standing:
    """The queue in numbers, checks of reviewers left out."""

    states: list[tuple[str, int]]
    """tickets in each state, in the order of their lives"""
    kinds: list[tuple[str, int]]
    """why open tickets are in the queue, the most frequent reason first"""
    missions: list[str]
    """of open tickets, by name"""
    oldest: datetime | None
    """when the oldest open one arrived"""
    late: int

    @property
    def n(self) -> int:
        """Open tickets."""
        return sum(n for state, n in self.states if state not in FINAL)

    @property
    def conflicts(self) -> int:
        return dict(self.states)[State.CONFLICT]

    @property
    def leased(self) -> int:
        return dict(self.states)[State.LEASED]


def open_items(project: Project) -> QuerySet[ReviewItem]:
    """Tickets that are not settled, checks of reviewers left out."""
    return project_items(project).filter(state__in=OPEN).exclude(kind=Kind.GOLD)


def standing(project: Project) -> Standing:
    """How the queue stands, from one look at its tickets."""
    late = Count("id", filter=Q(due__lt=timezone.now()))
    rows = project_items(project).exclude(kind=Kind.GOLD).order_by()
    grouped = rows.values_list("state", "kind", "mission").annotate(
        n=Count("id"), late=late, oldest=Min("created")
    )
    states: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    names: set[str] = set()
    overdue, first = 0, []
    for state, kind, mission, n, past, oldest in grouped:
        states[state] += n
        if state in FINAL:
            continue
        kinds[kind] += n
        overdue += past
        names.add(mission)
        first.append(oldest)
    return Standing(
        [(state, states[state]) for state in State],
        sorted(kinds.items(), key=lambda row: (-row[1], row[0])),
        sorted(names - {""})[:MOST_MISSIONS], min(first, default=None), overdue,
    )  # fmt: skip


def missions(project: Project, limit: int = MOST_MISSIONS) -> list[str]:
    """Missions of open tickets, by name."""
    rows = open_items(project).exclude(mission="").order_by("mission")
    return list(rows.values_list("mission", flat=True).distinct()[:limit])


def _counted(project: Project, since: datetime) -> QuerySet[Review]:
    return Review.objects.filter(
        item__project=project, active=True, role__in=COUNTED, created__gte=since
    ).order_by()


def throughput(project: Project) -> dict[str, Any]:
    """Decisions that count, by hour of the last day and by day of the last two weeks (UTC), and
    the mean active seconds of one, with its n."""
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    first = hour - timedelta(hours=HOURS - 1)
    by_hour = dict(
        _counted(project, first)
        .annotate(at=TruncHour("created"))
        .values_list("at")
        .annotate(n=Count("id"))
    )
    hours = [first + timedelta(hours=k) for k in range(HOURS)]
    day = now.date() - timedelta(days=DAYS - 1)
    since = hour.replace(hour=0) - timedelta(days=DAYS - 1)
    rows = _counted(project, since)
    by_day = dict(rows.annotate(at=TruncDate("created")).values_list("at").annotate(n=Count("id")))
    days = [day + timedelta(days=k) for k in range(DAYS)]
    timed = rows.filter(duration_ms__gt=0).aggregate(mean=Avg("duration_ms"), n=Count("id"))
    return {
        "hours": [{"at": at, "n": by_hour.get(at, 0)} for at in hours],
        "days": [{"at": at, "n": by_day.get(at, 0)} for at in days],
        "last_hour": _counted(project, now - timedelta(hours=1)).count(),
        "last_day": sum(by_hour.values()), "two_weeks": sum(by_day.values()),
        "mean_s": timed["mean"] / 1000 if timed["mean"] else None, "timed_n": timed["n"],
    }  # fmt: skip


def decided_by(project: Project, days: int = 7) -> list[dict[str, Any]]:
    """Decisions of each person in the last days, by name: no ranking."""
    since = timezone.now() - timedelta(days=days)
    rows = _counted(project, since).values_list("reviewer__username", "decision")
    counts: dict[str, Counter[str]] = {}
    for name, decision, n in rows.annotate(n=Count("id")):
        counts.setdefault(name, Counter())[decision] += n
    return [
        {"reviewer": name, "n": sum(counts[name].values()), **counts[name]}
        for name in sorted(counts)
    ]


def newest_verdicts(project: Project) -> Run | None:
    """The last run of verdicts that was finished."""
    rows = Run.objects.filter(project=project, kind="stage_b", state="succeeded")
    return rows.defer("config_text", "manifest").order_by("-id").first()


def rates(run: Run) -> dict[str, dict[str, Any]]:
    """Shares of the run's tickets without a verdict and sent to people: value and n."""
    found = {name: (run.headline or {}).get(name) for name in ("malformed", "label_suspect")}
    return {
        name: {"value": float(figure["value"]), "n": figure.get("n")}
        for name, figure in found.items()
        if figure and figure.get("value") is not None
    }
