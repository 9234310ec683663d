"""The page on which a lead turns decisions into the next version of a dataset."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.pagination import place_page
from console.api.problems import ApiProblem
from console.catalog import queries as catalog
from console.guidance import relabelling
from console.web.pages import page, pager, project_of

PAGE_SIZE = 50


@requires(get="reviews.audit", post="datasets.relabel")
@page
def labels(request: HttpRequest, project: str, name: str, number: int) -> HttpResponseBase:
    """Which labels would be corrected, and how many; POST queues the run that does it."""
    here = project_of(request)
    version = catalog.dataset_version(here, name, number)
    if request.method == "POST":
        try:
            run, _snapshot = relabelling.relabel(Actor.of_request(request), here, version)
        except ApiProblem as error:
            messages.error(request, error.message)
            return redirect("guidance:labels", project, name, number)
        messages.success(request, _("The next version is being written by this run."))
        return redirect("runs:run", project, run.uid)
    context = {"version": version, "dataset": version.dataset}
    try:
        found = relabelling.preview(here, version)
    except ApiProblem as error:
        return render(request, "guidance/labels.html", {**context, "problem": error.message})
    cursor = request.GET.get("cursor", "")
    places, following = place_page(range(len(found.changes)), cursor, PAGE_SIZE)
    context |= {
        "found": found,
        "newest": version.dataset.latest,
        "rows": [found.changes[place] for place in places],
        **pager(request, following),
    }
    return render(request, "guidance/labels.html", context)
