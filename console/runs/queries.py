"""Reads of runs that pages and API share."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.runs.log_read import LogPart, read_log, read_tail
from console.runs.metric_store import SeriesView, read_across, superseded_after
from console.runs.metric_store import read as read_metrics
from console.runs.models import Attempt, MetricSeries, Run, Sample
from console.runs.states import ON_HOST, AttemptState, State
from console.runs.waiting import waiting_reason, waiting_reasons
from mlcore.kinds import KINDS

__all__ = [
    "LogPart", "RunFilter", "SeriesView", "attempt_of", "key_metric", "read_across", "read_log",
    "read_metrics", "read_tail", "run_of", "runs_of", "series_of", "stalled", "visible_samples",
    "waiting_reason", "waiting_reasons",
]
STALLED_AFTER = timedelta(minutes=5)
"""silence after which a running run deserves a look"""
HEAVY = (
    "config_text", "config_resolved", "config_provenance", "report", "manifest", "bindings"
)  # fmt: skip
_KEY_METRICS = ("train/loss", "eval/loss")


@dataclass(frozen=True)
class RunFilter:
    """Which runs of a project; empty means any. `q` is part of the name or the start of a uid."""

    states: Sequence[str] = ()
    kinds: Sequence[str] = ()
    name: str = ""
    q: str = ""
    tags: Sequence[str] = ()


def runs_of(project: Project, wanted: RunFilter | None = None) -> QuerySet[Run]:
    """Runs of a project without their heavy columns. Raises ApiProblem 400 for a state or kind
    that does not exist."""
    wanted = wanted or RunFilter()
    _check_known("state", wanted.states, tuple(State))
    _check_known("kind", wanted.kinds, tuple(KINDS))
    rows = Run.objects.filter(project=project).defer(*HEAVY)
    rows = rows.select_related("created_by", "folder_host", "parent", "project")
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if wanted.kinds:
        rows = rows.filter(kind__in=wanted.kinds)
    if wanted.name:
        rows = rows.filter(name=wanted.name)
    if wanted.q:
        rows = rows.filter(Q(name__icontains=wanted.q) | Q(uid__startswith=wanted.q.lower()))
    for tag in wanted.tags:
        rows = rows.filter(tag_line__contains=f" {tag} ")
    return rows


def _check_known(name: str, given: Sequence[str], known: Sequence[str]) -> None:
    unknown = [value for value in given if value not in known]
    if unknown:
        detail = f"{name} must be one of {', '.join(known)}, not {unknown[0]!r}."
        errors = [{"parameter": name, "detail": detail}]
        raise ApiProblem(400, "bad_parameter", detail, errors=errors)


def run_of(project: Project, uid: str) -> Run:
    """One run. Raises Http404."""
    rows = Run.objects.select_related("created_by", "folder_host", "parent", "project")
    run = rows.filter(project=project, uid=uid).first()
    if run is None:
        raise Http404
    return run


def attempt_of(run: Run, number: int | None = None) -> Attempt:
    """An attempt by number, the newest by default. Raises Http404."""
    rows = run.attempts.select_related("host").order_by("-number")
    attempt = (rows if number is None else rows.filter(number=number)).first()
    if attempt is None:
        raise Http404
    return attempt


def key_metric(keys: Sequence[str]) -> str:
    """The metric that stands for a run in a table, empty when there is none."""
    found = next((key for key in _KEY_METRICS if key in keys), "")
    return found or next(iter(sorted(keys)), "")


def series_of(run: Run) -> QuerySet[MetricSeries]:
    """Every metric of a run by name, without points."""
    return MetricSeries.objects.filter(run=run)


def stalled(project: Project) -> list[Run]:
    """Runs on a host that said nothing for a while, longest silence first."""
    since = timezone.now() - STALLED_AFTER
    silent = Attempt.objects.filter(
        Q(last_event__lt=since) | Q(last_event=None, started__lt=since),
        state=AttemptState.RUNNING, run__project=project, run__state__in=sorted(ON_HOST),
    )
    order = silent.order_by(F("last_event").asc(nulls_first=True)).values_list("run_id", flat=True)
    rows = runs_of(project).in_bulk(list(order))
    return [rows[pk] for pk in order if pk in rows]


def visible_samples(run: Run) -> QuerySet[Sample]:
    """Samples that no later attempt has superseded."""
    rows = Sample.objects.filter(run=run).select_related("attempt")
    for number, step in superseded_after(run).items():
        rows = rows.exclude(attempt__number=number, step__gt=step)
    return rows
