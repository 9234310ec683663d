"""The page of one run: its tabs, the data behind them, and the acts on it."""
from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.problems import ApiProblem
from console.catalog.media import file_response, preview_response
from console.catalog.queries import file_of, output_of_run
from console.reviews import blindness
from console.runs import page_reads, queries, rows, services
from console.runs.models import Run
from console.runs.tabs import TAB_CONTEXT
from console.verdicts import boards, run_tab
from console.web.pages import page, project_of

MAX_KEYS = 200
MAX_LOG_BYTES = 1_048_576


def tab_list(run: Run, n_samples: int, n_outputs: int) -> list[dict[str, Any]]:
    """The tabs with what they count."""
    names: list[tuple[str, str, str, int | None]] = [
        ("overview", "overview", _("Overview"), None), ("metrics", "metric", _("Metrics"), None),
        ("samples", "sample", _("Samples"), n_samples or None),
        *([("tickets", "queue", _("Tickets"), None)] if run_tab.has_tickets(run) else []),
        ("log", "log", _("Log"), None),
        ("artifacts", "artifact", _("Artifacts"), n_outputs or None),
        ("config", "config", pgettext("tab", "Config"), None),
        ("lineage", "lineage", _("Lineage"), None), ("events", "event", _("Events"), None),
    ]
    return [{"name": n, "icon": i, "title": t, "n": c} for n, i, t, c in names]


@requires(get="runs.view")
@page
def run_page(request: HttpRequest, project: str, uid: str) -> HttpResponseBase:
    """A tab of the run; each reads only what it shows."""
    here = project_of(request)
    run = queries.run_of(here, uid)
    tab = request.GET.get("tab", "overview")
    if tab not in TAB_CONTEXT or (tab == "tickets" and not run_tab.has_tickets(run)):
        raise Http404
    attempts = page_reads.attempts(run)
    waiting = queries.waiting_reason(run)
    progress_from = attempts[-1].progress_from if attempts else None
    context = {
        "run": rows.run_head(run, waiting, progress_from), "tab": tab,
        "tabs": tab_list(run, run.samples.count(), run.artifacts.count()),
        "alarms": boards.alarms_of_run(run) if run_tab.has_tickets(run) else [],
        **TAB_CONTEXT[tab](request, run, attempts),
    }
    return render(request, f"runs/tabs/{tab}.html", context)


@requires(get="runs.view")
@page
def metrics(request: HttpRequest, project: str, uid: str) -> HttpResponseBase:
    """Points of the asked series, thinned with their extremes kept."""
    run = queries.run_of(project_of(request), uid)
    keys = request.GET.getlist("key")[:MAX_KEYS]
    views = queries.read_metrics(run, keys, points=_number(request, "points", 1200, 10_000))
    series = {
        v.key: {"x": list(v.points.steps), "y": list(v.points.values), "n": v.total} for v in views
    }
    return JsonResponse({"series": series})


@requires(get="runs.view")
@page
def log(request: HttpRequest, project: str, uid: str, number: int) -> HttpResponseBase:
    """A part of an attempt's log by byte offset; `download` gives the whole as a text file."""
    run = queries.run_of(project_of(request), uid)
    attempt = queries.attempt_of(run, number)
    if "download" in request.GET:
        response = HttpResponse(
            queries.read_log(attempt, 0, attempt.log_size).data,
            content_type="text/plain; charset=utf-8",
        )
        name = f"{run.uid}-attempt-{number}.txt"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
    offset = _number(request, "offset", 0, 2**60)
    limit = _number(request, "limit", 65536, MAX_LOG_BYTES)
    part = queries.read_log(attempt, offset, limit)
    text = part.data.decode("utf-8", errors="replace")
    return JsonResponse({"text": text, "end": part.end, "size": part.size})


@requires(get="runs.view")
@page
def sample_image(request: HttpRequest, project: str, uid: str, key: int) -> HttpResponseBase:
    run = queries.run_of(project_of(request), uid)
    sample = page_reads.sample(run, key)
    return preview_response(request, sample.image_sha, _number(request, "size", 640, 1280))


@requires(get="runs.view")
@page
def artifact(request: HttpRequest, project: str, uid: str, key: int) -> HttpResponseBase:
    run = queries.run_of(project_of(request), uid)
    found = page_reads.artifact(run, key)
    blindness.refuse_files_of(vars(request)["rights"], run)
    return file_response(request, found.sha256, found.path, download=True)


@requires(get="runs.view")
@page
def output_file(
    request: HttpRequest, project: str, uid: str, name: str, path: str
) -> HttpResponseBase:
    """A file of an output, by its listed path."""
    output = output_of_run(project_of(request), uid, name)
    found = file_of(output, path)
    if found is None:
        raise Http404
    blindness.refuse_output(vars(request)["rights"], output)
    return file_response(request, found["sha256"], path, download=True)


@requires(post="runs.control")
@page
def act(request: HttpRequest, project: str, uid: str, what: str) -> HttpResponseBase:
    """Cancel or resume this run, or queue it again as a new one."""
    here = project_of(request)
    run = queries.run_of(here, uid)
    actor = Actor.of_request(request)
    target = run
    try:
        if what == "cancel":
            services.cancel(actor, run)
            messages.success(request, _("The run is asked to stop."))
        elif what == "resume":
            services.resume(actor, run)
            messages.success(request, _("The run is queued to go on."))
        elif what == "retry":
            target = services.retry(actor, run)
            messages.success(request, _("A new run with the same config is queued."))
        else:
            raise Http404
    except ApiProblem as problem:
        messages.error(request, problem.message)
    return redirect("runs:run", project, target.uid)


def _number(request: HttpRequest, key: str, default: int, most: int) -> int:
    text = request.GET.get(key, "")
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 19 else default
