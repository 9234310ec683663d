"""Pages over many runs: home and the list."""
from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.models import Project
from console.api.pagination import keyset_page
from console.catalog import queries as catalog
from console.fleet import queries as fleet
from console.gates.page_reads import latest_results
from console.reviews import ingest as intake
from console.reviews import overview as review_queue
from console.runs import page_reads, queries, rows
from console.runs.comparing import MAX_RUNS
from console.runs.models import Run
from console.runs.queries import RunFilter
from console.runs.states import State
from console.verdicts import boards
from console.web import states
from console.web.pages import page, pager, project_of
from mlcore.kinds import KINDS

PAGE_SIZE = 50
NEWEST_THINGS = 5
YEAR_S = 31_536_000


@requires(get="project.view")
@page
def home(request: HttpRequest, project: str) -> HttpResponseBase:
    """What needs a person now; then what runs, what finished, hosts, gates, new things."""
    here = project_of(request)
    counts = page_reads.state_counts(here)
    context = {
        "line": rows.count_line(counts), "needs": _needs(here),
        "active": _active_rows(page_reads.active(here)),
        "finished": [rows.run_row(run) for run in page_reads.finished(here)],
        "hosts": [_host_row(host) for host in fleet.hosts()],
        "gates": [
            {"policy": g.policy, "passed": g.passed,
             "url": reverse("gates:gate", args=[here.slug, g.run.uid])}
            for g in latest_results(here, 6)
        ],
        "things": _newest_things(here), "review": review_queue.standing(here),
    }  # fmt: skip
    response = render(request, "runs/home.html", context)
    response.set_cookie("project", here.slug, max_age=YEAR_S, samesite="Lax", httponly=True)
    return response


@requires(get="runs.view")
@page
def run_list(request: HttpRequest, project: str) -> HttpResponseBase:
    """The table of runs; its filters are the URL."""
    here = project_of(request)
    asked = request.GET
    state, kind, text = asked.get("state", ""), asked.get("kind", ""), asked.get("q", "").strip()
    wanted = RunFilter([state] if state else (), [kind] if kind else (), q=text)
    found = keyset_page(
        queries.runs_of(here, wanted), cursor=asked.get("cursor", ""), limit=PAGE_SIZE
    )
    waiting = queries.waiting_reasons(found.items)
    counts = page_reads.state_counts(here)
    context = {
        "runs": [rows.run_row(run, waiting.get(run.pk, "")) for run in found.items],
        "filters": {
            "state": state, "kind": kind, "q": text, "any": bool(state or kind or text),
        },
        "states": [{"value": s.value, "word": states.look_of(s).word} for s in State],
        "counts": [
            {"state": s.value, "word": states.look_of(s).word, "n": counts[s]}
            for s in State if s in counts
        ],
        "kinds": list(KINDS), "compare_limit": MAX_RUNS, **pager(request, found.next_cursor),
    }  # fmt: skip
    return render(request, "runs/list.html", context)


def _active_rows(runs: list[Run]) -> list[dict[str, Any]]:
    waiting = queries.waiting_reasons(runs)
    return [_active_row(run, waiting.get(run.pk, "")) for run in runs]


def _active_row(run: Run, waiting: str) -> dict[str, Any]:
    attempt = run.attempts.order_by("-number").first()
    key = queries.key_metric([s.key for s in page_reads.series(run)])
    line = rows.spark(key, page_reads.spark_values(run, key)) if key else None
    return {
        **rows.run_row(run, waiting), "spark": line,
        "eta": rows.eta_seconds(run, attempt.progress_from if attempt else None),
    }


def _needs(project: Project) -> list[dict[str, Any]]:
    """Failed and interrupted runs, gates that did not pass, silent hosts, tickets that could not be
    taken in, alarms of verdicts."""
    stalled = [_need_of_stalled(project, run) for run in queries.stalled(project)]
    out = stalled + [_need_of_run(project, run) for run in page_reads.needing_attention(project)]
    for host in fleet.hosts():
        if host.state == "offline":
            out.append(
                {
                    "state": "offline", "title": host.name, "time": host.last_seen, "acts": [],
                    "url": reverse("fleet:fleet", args=[project.slug]),
                    "text": _("The host has stopped answering; runs of its queues wait."),
                }
            )  # fmt: skip
    out += [_need_of_intake(project, failure) for failure in intake.failures(project)]
    for verdicts, code in boards.standing(project):
        share = {
            "malformed": _("Too many tickets of the newest run got no verdict."),
            "review": _("Most tickets of the newest run need a person."),
        }
        out.append(
            {
                "state": "warning", "title": verdicts.mission, "time": verdicts.run.ended,
                "acts": [], "text": share[code],
                "url": f"{reverse('verdicts:board', args=[project.slug])}?"
                + urlencode({"mission": verdicts.mission}),
            }
        )  # fmt: skip
    return out


def _need_of_stalled(project: Project, run: Run) -> dict[str, Any]:
    url = reverse("runs:run", args=[project.slug, run.uid])
    text = _("It runs but has said nothing for more than five minutes. Look at its log.")
    act = {"url": f"{url}?tab=log", "icon": "log", "word": _("Log"), "post": False}
    return {"state": "warning", "title": run.name, "text": text, "url": url,
            "time": run.updated, "acts": [act]}


def _need_of_run(project: Project, run: Run) -> dict[str, Any]:
    url = reverse("runs:run", args=[project.slug, run.uid])
    head = rows.run_head(run, "", None)
    acts = [{"url": url, "icon": "eye", "word": _("Open"), "post": False}]
    if run.reason == "gate":
        acts = [{"url": reverse("gates:gate", args=[project.slug, run.uid]), "icon": "gates",
                 "word": _("Evidence"), "post": False}]
    elif head["can_resume"]:
        act = reverse("runs:act", args=[project.slug, run.uid, "resume"])
        acts.append({"url": act, "icon": "resume", "word": _("Resume"), "post": True})
    elif head["can_retry"]:
        act = reverse("runs:act", args=[project.slug, run.uid, "retry"])
        acts.append({"url": act, "icon": "retry", "word": _("Retry"), "post": True})
    reason = states.reason_sentence(run.reason)
    text = ": ".join(part for part in (reason, head["detail"]) if part)
    return {"state": run.state, "title": head["title"], "text": text, "url": url,
            "time": run.ended, "acts": acts}


def _need_of_intake(project: Project, failure: intake.Failure) -> dict[str, Any]:
    url = reverse("runs:run", args=[project.slug, failure.run.uid]) + "?tab=tickets"
    again = reverse("reviews:retake", args=[project.slug, failure.op.uid])
    act = {"url": again, "icon": "retry", "word": _("Take in again"), "post": True}
    text = _("Its tickets are not in the review queue. %(why)s") % {"why": failure.op.error}
    return {"state": "warning", "title": failure.run.name, "text": text, "url": url,
            "time": failure.op.finished, "acts": [act]}


def _host_row(host: Any) -> dict[str, Any]:
    busy = fleet.busy_slots(host)
    note = _("%(busy)d of %(slots)d slots busy") % {"busy": busy, "slots": host.slots}
    return {"name": host.name, "state": host.state, "note": note}


def _newest_things(project: Project) -> list[dict[str, Any]]:
    datasets = [
        {"icon": "datasets", "name": d.name, "number": d.latest, "created": d.updated,
         "url": reverse("catalog:dataset", args=[project.slug, d.name])}
        for d in catalog.datasets(project).order_by("-updated")[:NEWEST_THINGS]
    ]
    models = [
        {"icon": "models", "name": m.name, "number": m.latest, "created": m.updated,
         "url": reverse("catalog:model", args=[project.slug, m.name])}
        for m in catalog.models(project).order_by("-updated")[:NEWEST_THINGS]
    ]
    things = sorted(datasets + models, key=lambda t: t["created"], reverse=True)
    return things[:NEWEST_THINGS]
