"""Reads that only the pages of gates make."""
from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from console.accounts.models import Project
from console.gates.models import GateResult

MATRIX_RESULTS = 400


def results(project: Project) -> QuerySet[GateResult]:
    """Verdicts with their runs, newest first."""
    return GateResult.objects.filter(project=project).select_related("run").order_by("-id")


def latest_results(project: Project, limit: int = MATRIX_RESULTS) -> list[GateResult]:
    """The newest verdicts."""
    return list(results(project)[:limit])


def result_of_run(project: Project, uid: str) -> GateResult:
    """The verdict of one gate run. Raises Http404."""
    return get_object_or_404(results(project), run__uid=uid)


def results_of_models(project: Project, digests: Sequence[str]) -> dict[str, list[GateResult]]:
    """Verdicts by model digest, newest first."""
    out: dict[str, list[GateResult]] = {}
    for result in results(project).filter(model_digest__in=[d for d in digests if d]):
        out.setdefault(result.model_digest, []).append(result)
    return out
