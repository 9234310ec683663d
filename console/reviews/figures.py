"""Agreement and accuracy of a project's reviewers, from its reviews."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from console.accounts.models import Project
from console.reviews.agreement import LEAST, measured_alpha, measured_pairs, wilson
from console.reviews.models import Review
from console.reviews.policy import policy_of
from console.reviews.queries import records
from console.reviews.states import Kind, Role

SLICES = ("mission", "kind", "verdict", "week")
MOST_TICKETS = 100_000
"""of the newest tickets with two reviews or more"""


@dataclass
class Unit:
    """One ticket with two reviews or more: what each person said, by role."""

    mission: str
    kind: str
    verdict: str
    week: str = ""
    said: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)

    @property
    def values(self) -> list[str]:
        return [*self.said.values(), *self.extra]


def units_of(project: Project, since: datetime | None = None) -> list[Unit]:
    """The tickets that more than one person judged, checks left out."""
    # Whoever comes after the first has another role, and these are few.
    later = Review.objects.filter(item__project=project, active=True)
    later = later.exclude(role=Role.FIRST).exclude(item__kind=Kind.GOLD).order_by("-item_id")
    keys = later.values("item_id").distinct()[:MOST_TICKETS]
    rows = Review.objects.filter(item__in=keys, active=True).order_by("id")
    if since is not None:
        rows = rows.filter(created__gte=since)
    units: dict[int, Unit] = {}
    fields = ("item_id", "role", "decision", "created", "item__mission", "item__kind",
              "item__model_verdict")  # fmt: skip
    for item, role, decision, created, *about in rows.values_list(*fields).iterator(5000):
        unit = units.setdefault(item, Unit(*about))
        year, week, _day = created.isocalendar()
        unit.week = f"{year}-W{week:02d}"
        if role == Role.EXTRA:
            unit.extra.append(decision)
        else:
            unit.said[role] = decision
    return [unit for unit in units.values() if len(unit.values) > 1]


def agreement(project: Project, by: str = "", since: datetime | None = None) -> dict[str, Any]:
    """Raw agreement and kappa of first and second reviews, alpha of all; whole and by slice."""
    seed = policy_of(project).seed
    units = units_of(project, since)
    groups: dict[str, list[Unit]] = defaultdict(list)
    if by:
        for unit in units:
            groups[str(getattr(unit, by))].append(unit)
    return {
        "least": LEAST,
        "all": _figures(units, seed),
        "slices": [
            {"slice": name, **_figures(groups[name], seed)} for name in sorted(groups)
        ],
    }


def accuracy(project: Project) -> list[dict[str, Any]]:
    """Each reviewer's share of right answers to checks, by name, with its interval."""
    floor = policy_of(project).gold_floor
    return [
        {
            "reviewer": record.reviewer.username, "n": record.checks_n,
            "right": record.checks_right, "floor": floor, "below_floor": record.below_floor,
            "value": record.checks_right / record.checks_n if record.checks_n else None,
            "interval": wilson(record.checks_right, record.checks_n),
        }
        for record in records(project)
    ]


def _figures(units: Sequence[Unit], seed: int) -> dict[str, Any]:
    pairs = [
        (unit.said[Role.FIRST], unit.said[Role.SECOND])
        for unit in units
        if Role.FIRST in unit.said and Role.SECOND in unit.said
    ]
    raw, kappa = measured_pairs(pairs, seed)
    alpha = measured_alpha([unit.values for unit in units], seed)
    return {"raw": raw.to_json(), "kappa": kappa.to_json(), "alpha": alpha.to_json()}
