"""Which tickets: the one filter of lists, claims, acts on many and exports."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.reviews.models import ReviewItem
from console.reviews.states import Decision, Kind, State

ME = "me"
NOBODY = "nobody"


@dataclass(frozen=True)
class ItemFilter:
    """Empty means no limit; the fields narrow each other, the values of one field widen it."""

    ticket: tuple[str, ...] = ()
    """ids of tickets: these and no other"""
    state: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    mission: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    """the model's"""
    outcome: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    assigned: str = ""
    """a username, `me`, `nobody` or `group:NAME`"""
    run: str = ""
    """uid of the run that the ticket came from"""
    q: str = ""
    """the beginning of the ticket's key, or of its group"""
    late: bool = False
    """past due and not settled"""

    def to_json(self) -> dict[str, Any]:
        """The fields that limit something."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Blindfold:
    """What a filter must not tell who asks: the kind, verdict, label and reason of tickets that
    are kept back from them."""

    rows: Q
    """these tickets"""
    passes: bool = False
    """whether they pass whatever is asked of what is kept back, or never do: both tell nothing"""
    checks: bool = False
    """whether a check counts as of the kind that it repeats"""


_LISTED = ("ticket", "state", "kind", "mission", "verdict", "outcome", "why")
_KNOWN: dict[str, frozenset[str]] = {
    "state": frozenset(State), "kind": frozenset(Kind), "verdict": frozenset({"pass", "fail"}),
    "outcome": frozenset(Decision),
}
NAMES = frozenset(field.name for field in fields(ItemFilter))
CLAIM_NAMES = frozenset({"kind", "mission", "verdict", "why", "run"})
"""what a reviewer may narrow the next tickets by"""
_ABOUT = {
    "ticket": "ids of tickets",
    "state": "in one of these states", "kind": "of one of these kinds",
    "mission": "of one of these missions", "verdict": "the model's verdict",
    "outcome": "what people decided", "why": "code of why it is in the queue",
    "assigned": "username, me, nobody or group:NAME", "run": "uid of the run it came from",
    "q": "beginning of the ticket's key", "late": "past due and not settled",
}


def parameters(names: frozenset[str] = NAMES) -> list[OpenApiParameter]:
    """The filter's query parameters for the OpenAPI document."""
    return [
        OpenApiParameter(
            name, bool if name == "late" else str, many=name in _LISTED, description=about
        )
        for name, about in _ABOUT.items()
        if name in names
    ]


def filter_of_query(query: QueryDict) -> ItemFilter:
    """The filter of a query string. Raises ApiProblem 400 for a value that cannot be."""
    values: dict[str, Any] = {}
    for name in NAMES & set(query):
        if name in _LISTED:
            parts = [part for text in query.getlist(name) for part in text.split(",") if part]
            values[name] = tuple(parts)
        elif name == "late":
            values[name] = query[name] in ("1", "true")
        else:
            values[name] = query[name]
    return _checked(values, 400)


def filter_of_json(body: Mapping[str, Any]) -> ItemFilter:
    """The filter of a JSON object. Raises ApiProblem 422 for what is no filter."""
    unknown = sorted(set(body) - NAMES)
    if unknown:
        raise _bad(422, unknown[0], f"A filter has no {unknown[0]}.")
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in _LISTED:
            listed = [value] if isinstance(value, str) else value
            if not isinstance(listed, list | tuple) or not all(isinstance(v, str) for v in listed):
                raise _bad(422, name, f"{name} must be a list of texts.")
            values[name] = tuple(listed)
        elif not isinstance(value, bool if name == "late" else str):
            raise _bad(422, name, f"{name} has a value of the wrong type.")
        else:
            values[name] = value
    return _checked(values, 422)


def apply(
    rows: QuerySet[ReviewItem], wanted: ItemFilter, now: Any, me: User | None = None,
    blindfold: Blindfold | None = None,
) -> QuerySet[ReviewItem]:
    """The rows that pass. `me` is who `assigned=me` means."""
    secret = _secret(wanted, checks=blindfold is not None and blindfold.checks)
    if secret and blindfold is not None:
        secret = blindfold.rows | secret if blindfold.passes else secret & ~blindfold.rows
    rows = rows.filter(secret)
    for name, column in (
        ("ticket", "pk"), ("state", "state"), ("mission", "mission"), ("outcome", "outcome"),
    ):
        values = getattr(wanted, name)
        if values:
            rows = rows.filter(**{f"{column}__in": values})
    rows = _assigned(rows, wanted.assigned, me)
    if wanted.run:
        rows = rows.filter(run__uid=wanted.run)
    if wanted.q:
        # A ticket's key ends in the verdict on record.
        key = Q(ticket_key__startswith=wanted.q)
        key = key if blindfold is None else key & ~blindfold.rows
        rows = rows.filter(key | Q(group_id__startswith=wanted.q))
    if wanted.late:
        rows = rows.filter(due__lt=now, settled=None)
    return rows


def _secret(wanted: ItemFilter, *, checks: bool) -> Q:
    """The condition on what a blind review keeps back; empty where nothing of it is asked for."""
    found = Q()
    if wanted.kind and checks:
        repeated = Q(kind=Kind.GOLD, gold__item__kind__in=wanted.kind)
        found &= Q(kind__in=[kind for kind in wanted.kind if kind != Kind.GOLD]) | repeated
    elif wanted.kind:
        found &= Q(kind__in=wanted.kind)
    if wanted.verdict:
        found &= Q(model_verdict__in=wanted.verdict)
    if wanted.why:
        found &= Q(why_code__in=wanted.why)
    return found


def _assigned(
    rows: QuerySet[ReviewItem], assigned: str, me: User | None
) -> QuerySet[ReviewItem]:
    if assigned == NOBODY:
        return rows.filter(assigned_to=None, assigned_group=None)
    if assigned == ME:
        return rows.filter(assigned_to=me)
    if assigned.startswith("group:"):
        return rows.filter(assigned_group__name=assigned.removeprefix("group:"))
    return rows.filter(assigned_to__username=assigned) if assigned else rows


def project_items(project: Project) -> QuerySet[ReviewItem]:
    """Every ticket of a project."""
    return ReviewItem.objects.filter(project=project)


def _checked(values: dict[str, Any], status: int) -> ItemFilter:
    for name, known in _KNOWN.items():
        wrong = next((v for v in values.get(name, ()) if v not in known), None)
        if wrong is not None:
            known_text = ", ".join(sorted(known))
            raise _bad(status, name, f"There is no {name} {wrong!r}; there is: {known_text}.")
    if any(not re.fullmatch("[0-9]{1,18}", text) for text in values.get("ticket", ())):
        raise _bad(status, "ticket", "ticket is the id of a ticket, a whole number.")
    for name, value in values.items():
        texts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and (len(text) > 300 or "\x00" in text) for text in texts):
            raise _bad(status, name, f"{name} is too long.")
    return ItemFilter(**values)


def _bad(status: int, name: str, detail: str) -> ApiProblem:
    if status == 400:
        return ApiProblem(
            400, "bad_parameter", detail, errors=[{"parameter": name, "detail": detail}]
        )
    return ApiProblem(
        422, "invalid", detail, errors=[{"pointer": f"/filter/{name}", "detail": detail}]
    )
