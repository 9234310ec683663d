"""The page of the fleet: who is working, who is waiting, on what."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.fleet import queries, services
from console.fleet.models import Host
from console.runs import page_reads, rows
from console.runs.models import Run
from console.runs.queries import waiting_reasons
from console.runs.states import State
from console.web.pages import page, project_of


@requires(get="fleet.view")
@page
def fleet(request: HttpRequest, project: str) -> HttpResponseBase:
    """Hosts with what they run, and the queue with one reason per waiting run."""
    live = page_reads.active(project_of(request))
    reasons = waiting_reasons(live)
    context = {
        "hosts": [_host_row(host, live) for host in queries.hosts()],
        "waiting": [
            {
                **rows.run_row(run, reasons.get(run.pk, "")),
                "queue": run.queue,
                "priority": run.priority,
            }
            for run in live
            if run.state == State.QUEUED
        ],
    }
    return render(request, "fleet/fleet.html", context)


@requires(post="fleet.manage")
@page
def drain(request: HttpRequest, project: str, host: str) -> HttpResponseBase:
    """Let a host finish what it has and take nothing new, or take work again."""
    found = get_object_or_404(Host, name=host)
    services.set_draining(Actor.of_request(request), found, draining=not found.draining)
    text = _("%(host)s drains.") if found.draining else _("%(host)s takes work again.")
    messages.success(request, text % {"host": found.name})
    return redirect("fleet:fleet", project)


def _host_row(host: Host, live: list[Run]) -> dict[str, Any]:
    mine = [r for r in live if r.state != State.QUEUED and r.folder_host_id == host.pk]
    return {
        "host": host,
        "state": host.state,
        "busy": queries.busy_slots(host),
        "runs": [rows.run_row(run) for run in mine],
        "workers": list(host.workers.all()),
    }
