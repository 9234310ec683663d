"""What a person sets for themselves: keys and habits of the desk, saved views of the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from console.accounts.models import Project, User
from console.api.problems import ApiProblem, pointer
from console.reviews.filters import NAMES, filter_of_query
from console.reviews.keys import problems
from console.reviews.models import DeskSettings, SavedView

MOST_VIEWS = 30
BREAK_MINUTES = 50
"""what the desk offers for a reminder of a break; it is off until somebody wants it"""
LONGEST_BREAK = 240
VIEW_NAMES = NAMES | {"view"}
"""what the query string of a saved view may hold"""


def desk_of(person: User) -> DeskSettings:
    """The person's settings; the usual ones where they set none."""
    return DeskSettings.objects.filter(user=person).first() or DeskSettings(user=person)


def set_desk(person: User, values: Mapping[str, Any]) -> DeskSettings:
    """Change a person's `keys` or `break_minutes`.

    Raises ApiProblem 422 that names every key that cannot be: two acts on one key among them.
    """
    errors = [
        {"pointer": pointer(["keys", act]), "detail": detail}
        for act, detail in problems(values.get("keys", {})).items()
    ]
    if errors:
        raise ApiProblem(422, "invalid", errors[0]["detail"], errors=errors)
    found, _ = DeskSettings.objects.update_or_create(
        user=person, defaults={**values, "updated": timezone.now()}
    )
    return found


def views_of(person: User, project: Project) -> QuerySet[SavedView]:
    """The person's views of a project's queue, by name."""
    return SavedView.objects.filter(user=person, project=project)


def save_view(person: User, project: Project, name: str, query: str) -> SavedView:
    """Keep a filter under a name; one of the same name is written over.

    Raises ApiProblem 422 for a query string that is no filter of the queue, 409 for one too many.
    """
    asked = QueryDict(query.lstrip("?"), mutable=True)
    for key in [key for key in asked if key not in VIEW_NAMES or not any(asked.getlist(key))]:
        del asked[key]
    try:
        filter_of_query(asked)
    except ApiProblem as problem:
        raise _invalid("query", problem.message) from problem
    text = asked.urlencode()
    if len(text) > 1000:
        raise _invalid("query", "the filter is too long")
    rows = views_of(person, project)
    try:
        with transaction.atomic():
            if rows.filter(name=name).update(query=text):
                return rows.get(name=name)
            if rows.count() >= MOST_VIEWS:
                raise ApiProblem(
                    409, "too_many", f"You have {MOST_VIEWS} views already; remove one first."
                )
            return SavedView.objects.create(project=project, user=person, name=name, query=text)
    except IntegrityError:
        # Two tabs saved the same name at once: the later one counts.
        rows.filter(name=name).update(query=text)
        return rows.get(name=name)


def _invalid(name: str, detail: str) -> ApiProblem:
    return ApiProblem(422, "invalid", detail, errors=[{"pointer": f"/{name}", "detail": detail}])
