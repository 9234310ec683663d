"""Writes of verdicts: saved operating points."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem, pointer
from console.verdicts import queries
from console.verdicts.models import OperatingPoint, VerdictSet
from console.verdicts.operating import ABOVE_ALL, hours, point_at

SECONDS = (0.1, 3600.0)


@dataclass(frozen=True)
class Chosen:
    """What a person saves. Without `seconds` those that were measured are taken."""

    threshold: float
    seconds: float | None = None
    message: str = ""


def save_point(
    actor: Actor, project: Project, verdicts: VerdictSet, chosen: Chosen
) -> OperatingPoint:
    """The mission's next operating point, with what the run's tickets give at it.

    Raises ApiProblem 422 for a threshold or seconds that cannot be, or where no seconds are given
    and too few decisions were measured.
    """
    measured, n = queries.seconds_per_decision(project, verdicts.mission)
    seconds = chosen.seconds if chosen.seconds is not None else measured
    problems = {}
    if not 0 <= chosen.threshold <= ABOVE_ALL:
        problems["threshold"] = "a share from 0 to 1, or 1.01 for none"
    if seconds is None:
        problems["seconds"] = "too few decisions were measured; state an assumption"
    elif not SECONDS[0] <= seconds <= SECONDS[1]:
        problems["seconds"] = "from 0.1 to 3600"
    if problems or seconds is None:
        errors = [{"pointer": pointer([k]), "detail": v} for k, v in problems.items()]
        raise ApiProblem(422, "invalid", errors[0]["detail"], errors=errors)
    point = point_at(queries.votes(verdicts), chosen.threshold)
    with transaction.atomic():
        # Of two that save together, the lock of the project's row makes two numbers.
        Project.objects.select_for_update().get(pk=project.pk)
        last = queries.points(project, verdicts.mission).first()
        made = OperatingPoint.objects.create(
            project=project,
            mission=verdicts.mission,
            number=last.number + 1 if last else 1,
            threshold=chosen.threshold,
            seconds=seconds,
            seconds_n=n if chosen.seconds is None else 0,
            run_uid=verdicts.run.uid,
            output_digest=verdicts.output.digest,
            message=chosen.message[:400],
            author=actor.user,
            figures={**point.to_json(), "hours": hours(point.review, seconds)},
        )
        audit.record(
            actor,
            "operating_point.save",
            f"{made.mission}@{made.number}",
            project=project,
            detail={"threshold": made.threshold, "run": made.run_uid, "seconds": seconds},
        )
    return made
