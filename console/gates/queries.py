"""Reads of gates."""
from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404

from console.accounts.models import Project
from console.gates.models import GateResult


def results_of(project: Project, policy: str = "", model_digest: str = "") -> QuerySet[GateResult]:
    """Verdicts of a project, of one policy or model where asked."""
    rows = GateResult.objects.filter(project=project).select_related("run")
    if policy:
        rows = rows.filter(policy=policy)
    if model_digest:
        rows = rows.filter(model_digest=model_digest)
    return rows


def result(project: Project, pk: int) -> GateResult:
    """One verdict. Raises Http404."""
    found = results_of(project).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
