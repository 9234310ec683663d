"""Groups of reviewers, and what leads have looked at."""
from __future__ import annotations

import re
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from console.accounts import audit
from console.accounts.access import may
from console.accounts.audit import Actor
from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.reviews.models import Notice, ReviewerGroup

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def write_group(
    actor: Actor, project: Project, name: str, usernames: Sequence[str]
) -> ReviewerGroup | None:
    """Make a group, or change who is in it; without anybody it is no more (and returns None).

    Raises ApiProblem 422 for a bad name or somebody who cannot review here.
    """
    if not NAME.fullmatch(name):
        raise _invalid("/name", "a name has small letters, digits, - and _, at most 64")
    people = {user.username: user for user in User.objects.filter(username__in=usernames)}
    for number, username in enumerate(usernames):
        user = people.get(username)
        if user is None or not may(user, project, "reviews.decide"):
            raise _invalid(f"/members/{number}", f"{username} cannot review in this project")
    with transaction.atomic():
        detail = {"members": sorted(people)}
        audit.record(actor, "review.group", name, project=project, detail=detail)
        if not people:
            ReviewerGroup.objects.filter(project=project, name=name).delete()
            return None
        group, _ = ReviewerGroup.objects.get_or_create(project=project, name=name)
        group.members.set(people.values())
    return group


def close_notice(actor: Actor, notice: Notice) -> None:
    """A lead has seen it. Doing it again changes nothing."""
    with transaction.atomic():
        changed = Notice.objects.filter(pk=notice.pk, done=None).update(
            done=timezone.now(), done_by=actor.user
        )
        if changed:
            audit.record(actor, "review.notice", f"notice:{notice.pk}", project=notice.project)


def _invalid(where: str, detail: str) -> ApiProblem:
    return ApiProblem(422, "invalid", detail, errors=[{"pointer": where, "detail": detail}])
