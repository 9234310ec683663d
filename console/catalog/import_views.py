"""Pages of the import wizard: format, data, review, then the run with its report.

The query string holds every step with all that was typed, so that refresh, back and share work.
"""
from __future__ import annotations

import secrets
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog.import_form import UPLOAD, WizardForm, params_of, read_wizard
from console.catalog.import_formats import NAMES, format_card, format_cards
from console.catalog.import_launch import launch_once
from console.catalog.import_report import failed_rejects, report_of, version_of
from console.catalog.outputs import UnresolvedRefError, resolve_ref
from console.catalog.ticket_test import MOST_NAMES
from console.fleet.queries import live_workers
from console.runs import page_reads, queries, rows
from console.runs.launch_form import read_form
from console.runs.launch_views import plan_of, problem_rows
from console.runs.models import Run
from console.runs.states import LIVE, State
from console.web.pages import page, project_of

STEPS = ("format", "data", "review")
FIRST_TRY = "20"
TAIL_LINES = 14


@requires(get="runs.launch", post="runs.launch")
@page
def wizard(request: HttpRequest, project: str) -> HttpResponseBase:
    """The step that the query names; POST launches the reviewed text."""
    if request.method == "POST":
        return _launch(request, project)
    if uid := request.GET.get("from"):
        return _again(request, project, uid)
    step = request.GET.get("step", STEPS[0])
    if step not in STEPS:
        raise Http404
    params = _params(request)
    if step == "format" or format_card(params.get("format", "")) is None:
        context = {**_steps(request, "format"), "cards": format_cards(), "keep": _keep(request)}
        return render(request, "catalog/import_format.html", context)
    form = read_wizard(params)
    _check_upload(project_of(request), form)
    if step == "review" and not form.ok:
        context = _data(request, form, bad=True)
        return render(request, "catalog/import_data.html", context, status=422)
    if step == "review":
        return render(request, "catalog/import_review.html", _review(request, form.text))
    return render(request, "catalog/import_data.html", _data(request, form, bad=False))


@requires(get="runs.view")
@page
def progress(request: HttpRequest, project: str, uid: str) -> HttpResponseBase:
    """A launched import: how far it is, then its report or its cause of failure."""
    run = queries.run_of(project_of(request), uid)
    if run.kind != "import":
        raise Http404
    attempts = page_reads.attempts(run)
    head = rows.run_head(
        run, queries.waiting_reason(run), attempts[-1].progress_from if attempts else None
    )
    version = version_of(run) if run.state == State.SUCCEEDED else None
    limit = run.config_resolved.get("limit")
    context = {
        **_steps(request, "run"), "run": head, "live": run.state in LIVE, "limit": limit,
        **(report_of(version) if version is not None else {}),
        "failure": _failure(run, attempts) if run.state == State.FAILED else None,
        "warnings": [w.body for w in page_reads.warnings(run)],
        "edit_url": _wizard_url(project, f"step=data&from={uid}"),
        "all_url": _wizard_url(project, f"step=review&all=1&from={uid}") if limit else "",
    }  # fmt: skip
    return render(request, "catalog/import_run.html", context)


def _check_upload(project: Project, form: WizardForm) -> None:
    """An upload that the source names must be one of the project's."""
    if form.source.startswith(UPLOAD):
        try:
            resolve_ref(project, form.source)
        except UnresolvedRefError:
            form.refuse_source(_("No such file was uploaded to this project. Upload it again."))


def _again(request: HttpRequest, project: str, uid: str) -> HttpResponseBase:
    """From a run back to the form, with what it was launched with; `all` without its limit."""
    run = queries.run_of(project_of(request), uid)
    if run.kind != "import":
        raise Http404
    query = request.GET.copy()
    for key in ("from", "all"):
        query.pop(key, None)
    for key, value in params_of(run.config_text).items():
        query[key] = value
    if request.GET.get("all"):
        query.pop("limit", None)
    return redirect(_wizard_url(project, query.urlencode()))


def _launch(request: HttpRequest, project: str) -> HttpResponseBase:
    here = project_of(request)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    try:
        uid = launch_once(Actor.of_request(request), here, request.POST.get("once", ""), text)
    except ApiProblem as problem:
        messages.error(request, problem.message)
        form = read_form("import", text)
        context = {
            **_review(request, text), "problems": form.problems or problem_rows(problem)
        }
        return render(
            request, "catalog/import_review.html", context, status=problem.status_code
        )
    return redirect("catalog:import-run", project, uid)


def _data(request: HttpRequest, form: WizardForm, *, bad: bool) -> dict[str, Any]:
    """The form. Before it was sent, an empty required field is not held against anybody."""
    if not bad:
        for _part, groups in form.parts:
            for group in groups:
                for one in group.inputs:
                    one.errors = one.errors if one.value else []
    card, source = format_card(form.format), _params(request).get("source", "").strip()
    return {
        **_steps(request, "data"), "form": form, "card": card, "bad": bad, "hosts": _hosts(source),
        "first_try": FIRST_TRY, "names": "\n".join((card.names if card else ()) or NAMES),
        "most_names": MOST_NAMES, "most_bytes": settings.MAX_UPLOAD_BYTES,
        "uploaded": source.startswith(UPLOAD),
    }  # fmt: skip


def _review(request: HttpRequest, text: str) -> dict[str, Any]:
    form = read_form("import", text)
    values = form.checked.loaded.resolved if form.checked.loaded else {}
    return {
        **_steps(request, "review"), "text": text, "plan": plan_of(project_of(request), form),
        "problems": form.problems, "once": secrets.token_urlsafe(18),
        "hosts": _hosts(str(values.get("source", ""))), "limit": values.get("limit"),
        "uploaded": str(values.get("source", "")).startswith(UPLOAD),
    }  # fmt: skip


def _steps(request: HttpRequest, now: str) -> dict[str, Any]:
    """The trail of steps; those behind are links that keep what was typed."""
    names = [
        ("format", _("Format")), ("data", _("Data")), ("review", _("Review")), ("run", _("Import")),
    ]  # fmt: skip
    place = [name for name, _title in names].index(now)
    query = request.GET.copy()
    trail = []
    for number, (name, title) in enumerate(names):
        query["step"] = name
        behind = number < place and now != "run"
        trail.append({
            "number": number + 1, "title": title, "now": number == place, "done": number < place,
            "url": f"?{query.urlencode()}" if behind else "",
        })  # fmt: skip
    return {"trail": trail}


def _keep(request: HttpRequest) -> str:
    """What was typed before, carried on from the choice of a format."""
    query = request.GET.copy()
    for key in ("step", "format"):
        query.pop(key, None)
    return query.urlencode()


def _params(request: HttpRequest) -> dict[str, str]:
    return {key: value for key, value in request.GET.items() if key not in ("step", "from", "all")}


def _wizard_url(project: str, query: str) -> str:
    return reverse("catalog:import", args=[project]) + f"?{query}"


def _hosts(source: str) -> list[dict[str, Any]]:
    """Hosts whose workers take imports now, the folders that they may read below, and whether the
    source lies there as it is written; the host itself decides, after following links."""
    found: dict[str, dict[str, Any]] = {}
    for worker in live_workers():
        if "import" not in worker.kinds or "cpu" not in worker.queues:
            continue
        host = worker.host
        row = found.setdefault(host.name, {"name": host.name, "state": host.state, "roots": []})
        row["roots"] += [root for root in worker.roots if root not in row["roots"]]
    for row in found.values():
        path = PurePosixPath(source)
        row["reads"] = any(path.is_relative_to(root) for root in row["roots"])
        typed = source and not source.startswith(UPLOAD)
        row["outside"] = bool(typed and row["roots"] and not row["reads"])
    return [found[name] for name in sorted(found)]


def _failure(run: Run, attempts: list[Any]) -> dict[str, Any]:
    """What stopped it: the last lines of its log, and files of it that name the bad records."""
    tail = queries.read_tail(attempts[-1], TAIL_LINES).data if attempts else b""
    return {
        "tail": tail.decode("utf-8", errors="replace"),
        "rejects": failed_rejects(run),
        "log_url": reverse("runs:run", args=[run.project.slug, run.uid]) + "?tab=log",
        "files": [
            {
                "name": a.name,
                "url": reverse("runs:artifact", args=[run.project.slug, run.uid, a.pk]),
            }
            for a in run.artifacts.all()
        ],
    }
