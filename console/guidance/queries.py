"""Reads of guidance. Everything starts from a project."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404

from console.accounts.models import Project
from console.catalog.models import Output
from console.catalog.outputs import Named, UnresolvedRefError
from console.guidance.models import (
    CorrectedRecords,
    GuidanceVersion,
    MissionGuidance,
    Suggestion,
)
from console.guidance.reading import changes, checked, guidance_of
from console.runs.models import Run
from console.runs.states import State
from mlcore.stage_b.guidance.model import Guidance


def missions(project: Project) -> QuerySet[MissionGuidance]:
    return MissionGuidance.objects.filter(project=project, latest__gt=0)


def current_versions(project: Project) -> QuerySet[GuidanceVersion]:
    """The version in force of every mission."""
    rows = GuidanceVersion.objects.filter(guidance__project=project, number=F("guidance__latest"))
    return rows.select_related("guidance", "author", "output")


def mission(project: Project, name: str) -> MissionGuidance:
    """One mission's line of versions. Raises Http404."""
    return get_object_or_404(missions(project), mission=name)


def version(project: Project, name: str, number: int | None = None) -> GuidanceVersion:
    """One version, the one in force without a number. Raises Http404."""
    rows = GuidanceVersion.objects.filter(guidance__project=project, guidance__mission=name)
    rows = rows.select_related("guidance", "author", "output", "parent")
    wanted = F("guidance__latest") if number is None else number
    return get_object_or_404(rows, number=wanted)


def versions(line: MissionGuidance) -> QuerySet[GuidanceVersion]:
    return line.versions.select_related("author", "guidance", "parent")


def as_guidance(row: GuidanceVersion) -> Guidance:
    """The version as the library knows it."""
    return checked(row.guidance.mission, row.entry)


@dataclass(frozen=True)
class Candidate:
    """A finished run whose guidance is not the one in force."""

    run: Run
    output: Output
    changed: int


def candidates(project: Project, name: str, limit: int = 8) -> list[Candidate]:
    """The newest finished runs of a mission whose guidance differs from the one in force."""
    rows = (
        Run.objects.filter(
            project=project, kind="stage_b", state=State.SUCCEEDED, config_resolved__mission=name
        )
        .defer("config_text", "report", "manifest")
        .order_by("-id")[: 4 * limit]
    )
    runs = list(rows)
    outputs = guidance_outputs(project, [run.uid for run in runs])
    now = current_versions(project).filter(guidance__mission=name).first()
    before = as_guidance(now) if now else None
    out = []
    for run in runs:
        output = outputs.get(run.uid)
        if output is None:
            continue
        changed = len(changes(before, guidance_of(output, name)))
        if changed:
            out.append(Candidate(run, output, changed))
    return out[:limit]


def guidance_outputs(project: Project, uids: list[str]) -> dict[str, Output]:
    """The newest guidance of each run."""
    rows = Output.objects.filter(project=project, type="guidance", run_uid__in=uids)
    return {row.run_uid: row for row in rows.order_by("id")}


def verdicts_of(project: Project, uid: str) -> Output | None:
    """The newest verdicts of a run; None without a run or where it left none."""
    rows = Output.objects.filter(project=project, type="verdicts", run_uid=uid)
    return rows.first() if uid else None


def suggestions(project: Project, name: str) -> QuerySet[Suggestion]:
    """Open drafts for a mission."""
    return Suggestion.objects.filter(project=project, mission=name, state=Suggestion.State.OPEN)


def suggestion(project: Project, pk: int) -> Suggestion:
    """One draft. Raises Http404."""
    return get_object_or_404(Suggestion, project=project, pk=pk)


def corrected(project: Project, name: str = "") -> QuerySet[CorrectedRecords]:
    rows = CorrectedRecords.objects.filter(project=project).select_related("author", "output")
    return rows.filter(mission=name) if name else rows


def resolve_guidance(project: Project, named: Named) -> Output:
    """What `guidance:MISSION@V` names. Raises UnresolvedRefError."""
    rows = GuidanceVersion.objects.filter(
        guidance__project=project, guidance__mission=named.name
    ).select_related("output")
    found = rows.filter(number=named.number).first()
    if found is not None:
        return found.output
    latest = rows.values_list("number", flat=True).first()
    raise UnresolvedRefError(named.ref, named.absent(latest))


def resolve_records(project: Project, named: Named) -> Output:
    """What `records:MISSION@V` names. Raises UnresolvedRefError."""
    rows = corrected(project, named.name).order_by("-number")
    found = rows.filter(number=named.number).first()
    if found is not None:
        return found.output
    latest = rows.values_list("number", flat=True).first()
    raise UnresolvedRefError(named.ref, named.absent(latest))


def offered_guidance(project: Project) -> list[tuple[str, str]]:
    """References of guidance for a launch form."""
    rows = GuidanceVersion.objects.filter(guidance__project=project).select_related("guidance")
    return [(row.ref, row.digest[:12]) for row in rows.defer("entry").order_by("-id")[:40]]


def offered_records(project: Project) -> list[tuple[str, str]]:
    """References of corrected records for a launch form."""
    return [(row.ref, row.output.digest[:12]) for row in corrected(project)[:40]]
