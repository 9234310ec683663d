"""Reads that only the pages of runs make. What pages and API share is in `queries.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from console.accounts.models import Project
from console.runs import queries
from console.runs.models import Artifact, Attempt, MetricSeries, Run, RunEvent, Sample
from console.runs.queries import HEAVY, RunFilter, runs_of
from console.runs.states import LIVE, State

NEEDS_WINDOW = timedelta(days=7)
SPARK_POINTS = 24
SHOWN_EVENTS = 300


def state_counts(project: Project) -> dict[str, int]:
    """How many runs are in each state."""
    rows = Run.objects.filter(project=project).order_by().values_list("state")
    return dict(rows.annotate(n=Count("id")))


def needing_attention(project: Project) -> list[Run]:
    """Failed and interrupted runs of the last days that nobody has retried or resumed since."""
    since = timezone.now() - NEEDS_WINDOW
    rows = runs_of(project).filter(
        state__in=[State.FAILED, State.INTERRUPTED], ended__gt=since, children=None
    )
    return list(rows.order_by("-ended")[:12])


def active(project: Project) -> list[Run]:
    """Running ones first, then the queue in its order."""
    rows = runs_of(project).filter(state__in=sorted(LIVE))
    queued = rows.filter(state=State.QUEUED).order_by("-priority", "queued_at")
    return [*rows.exclude(state=State.QUEUED).order_by("-id")[:12], *queued[:12]]


def finished(project: Project, limit: int = 8) -> list[Run]:
    """The runs that ended last."""
    rows = runs_of(project).exclude(state__in=sorted(LIVE))
    return list(rows.order_by("-ended")[:limit])


def attempts(run: Run) -> list[Attempt]:
    """Attempts of a run with their hosts, first to last."""
    return list(run.attempts.select_related("host").order_by("number"))


def series(run: Run) -> list[MetricSeries]:
    """Every metric of a run by name, without points."""
    return list(run.series.all())


def spark_values(run: Run, key: str) -> list[float]:
    """A few values of one metric for a sparkline."""
    views = queries.read_metrics(run, [key], points=SPARK_POINTS)
    return list(views[0].points.values) if views else []


def sample_steps(run: Run) -> list[int]:
    """The steps that have samples, ascending."""
    return list(
        queries.visible_samples(run).order_by("step").values_list("step", flat=True).distinct()
    )


def compared(project: Project, uids: Sequence[str]) -> list[Run]:
    """Runs with their configs in the order in which they are named; unknown ones are left out."""
    rows = Run.objects.filter(project=project, uid__in=uids).select_related("folder_host")
    found = {run.uid: run for run in rows.defer("config_text", "report", "manifest", "bindings")}
    return [found[uid] for uid in dict.fromkeys(uids) if uid in found]


def series_across(runs: Sequence[Run]) -> list[tuple[str, int]]:
    """Every metric that any of the runs has, with how many have it."""
    rows = MetricSeries.objects.filter(run__in=runs).order_by("key").values_list("key")
    return list(rows.annotate(n=Count("run", distinct=True)))


def samples_at(run: Run, step: int) -> list[Sample]:
    """Samples of a step; of attempts that sent the same one, the last."""
    latest: dict[str, Sample] = {}
    for sample in queries.visible_samples(run).filter(step=step).order_by("attempt__number", "id"):
        latest[sample.name] = sample
    return list(latest.values())


def latest_samples(run: Run, limit: int = 6) -> list[Sample]:
    """The newest samples."""
    return list(queries.visible_samples(run).order_by("-step", "-id")[:limit])


def sample(run: Run, key: int) -> Sample:
    """One sample. Raises Http404."""
    return get_object_or_404(Sample, run=run, pk=key)


def artifact(run: Run, key: int) -> Artifact:
    """One artifact. Raises Http404."""
    return get_object_or_404(Artifact, run=run, pk=key)


def newest(events: QuerySet[RunEvent]) -> list[RunEvent]:
    """The newest of them, newest first."""
    return list(events.order_by("-id")[:SHOWN_EVENTS])


def warnings(run: Run, limit: int = 20) -> list[RunEvent]:
    """The newest warnings."""
    return list(run.events.filter(type="warning").order_by("-id")[:limit])


def being_said(run: Run) -> dict[str, Any] | None:
    """The answer that is being written now; None for a run that is over or says nothing."""
    if run.state != State.RUNNING:
        return None
    rows = run.events.filter(type="stream", attempt__number=run.attempt_number)
    newest = rows.order_by("-id").first()
    return newest.body if newest else None


def using(project: Project, refs: Sequence[str]) -> list[Run]:
    """Runs that take one of these references as an input, newest first."""
    if not refs:
        return []
    condition = Q()
    for ref in refs:
        condition |= Q(inputs__icontains=f'"{ref}"')
    rows = Run.objects.filter(project=project).filter(condition)
    return list(rows.defer(*HEAVY).order_by("-id")[:12])


def found(project: Project, text: str, limit: int = 6) -> list[dict[str, Any]]:
    """Runs for the palette."""
    rows = runs_of(project, RunFilter(q=text)).order_by("-id")[:limit]
    return [{"uid": r.uid, "name": r.name, "kind": r.kind, "state": r.state} for r in rows]
