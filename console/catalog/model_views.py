"""Pages of models: list, and one version with its lineage, figures and gates."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.pagination import keyset_page
from console.catalog import queries, services
from console.gates.models import GateResult
from console.gates.page_reads import results_of_models
from console.runs.lineage import flow_of_model
from console.runs.rows import headline_list
from console.web.pages import page, pager, project_of

SHOWN_FILES = 60


@requires(get="models.view")
@page
def models(request: HttpRequest, project: str) -> HttpResponseBase:
    here = project_of(request)
    found = keyset_page(queries.models(here), cursor=request.GET.get("cursor", ""))
    digests = queries.newest_digests(found.items)
    verdicts = results_of_models(here, list(digests.values()))
    rows = [
        {
            "entry": entry,
            "headline": headline_list(vars(entry).get("headline") or {}),
            "gate": next(iter(verdicts.get(digests.get(entry.pk, ""), [])), None),
        }
        for entry in found.items
    ]
    return render(
        request, "catalog/models.html", {"models": rows, **pager(request, found.next_cursor)}
    )


@requires(get="models.view", post="models.edit")
@page
def model(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    """A version: what it is, where from, may it ship."""
    here = project_of(request)
    if request.method == "POST":
        entry = queries.model_named(here, name)
        services.describe_model(
            Actor.of_request(request), entry, request.POST.get("description", "")
        )
        messages.success(request, _("The description is saved."))
        return redirect("catalog:model", project, name)
    asked = request.GET.get("v", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else None
    version = queries.model_version(here, name, number)
    verdicts = results_of_models(here, [version.digest]).get(version.digest, [])
    context = {
        "entry": version.entry, "version": version, "headline": headline_list(version.headline),
        "versions": queries.model_versions(version.entry), "flow": flow_of_model(version),
        "gate": next(iter(verdicts), None),
        "gates": [_verdict(project, v) for v in verdicts],
        "files": version.output.files[:SHOWN_FILES],
        "run_url": reverse("runs:run", args=[project, version.run_uid]) if version.run_uid else "",
    }  # fmt: skip
    return render(request, "catalog/model.html", context)


def _verdict(project: str, result: GateResult) -> dict[str, Any]:
    return {
        "policy": result.policy,
        "passed": result.passed,
        "created": result.created,
        "url": reverse("gates:gate", args=[project, result.run.uid]),
        "n_passed": sum(bool(c.get("passed")) for c in result.checks),
        "n_checks": len(result.checks),
    }
