"""Pages of datasets: list, one version with its images, one record."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.pagination import keyset_page
from console.catalog import browse, queries, reports, services
from console.catalog.dataset_views import TILE_SIZE, class_line, class_names, frame, shot_of
from console.catalog.filters import filter_of, filter_query
from console.catalog.media import file_response, preview_response
from console.catalog.models import DatasetVersion
from console.catalog.record_tabs import carried, record_tab
from console.catalog.relabelled import relabelled
from console.reviews.blindness import is_kept_blind
from console.runs.lineage import ref_url
from console.web.pages import page, pager, project_of
from mlcore.contract.desc import attributes_of, class_of

SHOWN_IMAGES = 8
SHOWN_CLASSES = 12


@requires(get="datasets.view")
@page
def datasets(request: HttpRequest, project: str) -> HttpResponseBase:
    rows = keyset_page(queries.datasets(project_of(request)), cursor=request.GET.get("cursor", ""))
    context = {"datasets": rows.items, **pager(request, rows.next_cursor)}
    return render(request, "catalog/datasets.html", context)


@requires(get="datasets.view", post="datasets.edit")
@page
def dataset(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    """One version at first glance: can I trust this data?"""
    if request.method == "POST":
        return _describe(request, project, name)
    version = queries.dataset_version(project_of(request), name, _version_number(request))
    classes = reports.class_rows(version)
    shown = browse.rows_at(version, _spread(version.n_records, SHOWN_IMAGES))
    versions = list(queries.dataset_versions(version.dataset))
    context = {
        **frame(version, "overview"),
        "versions": list(zip(versions, [*versions[1:], None], strict=True)),
        "classes": classes[:SHOWN_CLASSES], "more_classes": len(classes) - SHOWN_CLASSES,
        "class_line": class_line(version), "verdicts": reports.verdicts(version),
        "histograms": reports.histograms(version)[:2],
        "records": [shot_of(project, version, row, TILE_SIZE) for row in shown],
        "run_url": _run_url(project, version.output.run_uid),
        "relabelled": _relabelled(request, project, version),
    }  # fmt: skip
    return render(request, "catalog/dataset.html", context)


@requires(get="datasets.view")
@page
def record(
    request: HttpRequest, project: str, name: str, number: int, key: int
) -> HttpResponseBase:
    """One image with its objects; hovering an object marks it in the list and the other way."""
    version = queries.dataset_version(project_of(request), name, number)
    row = queries.record(version, key)
    wanted = filter_of(request.GET)
    before, after = browse.neighbours(row, wanted)
    places = {name: index % 8 + 1 for index, name in enumerate(class_names(version))}
    objects = [
        {
            "name": f"truth-{index}", "class": class_of(entry["desc"]),
            "color": places.get(class_of(entry["desc"]), 8),
            "attributes": attributes_of(entry["desc"]), "desc": entry["desc"],
            "shape": _shape(entry),
        }
        for index, entry in enumerate(row.objects_json)
    ]  # fmt: skip
    context = {
        "version": version,
        "row": row,
        "objects": objects,
        "class_line": class_line(version),
        "sample": shot_of(project, version, row),
        "before": _record_url(request, project, version, before, carried(request)),
        "after": _record_url(request, project, version, after, carried(request)),
        "back": _browse_url(request, project, version, browse.position(row, wanted)),
        "original": reverse("catalog:image", args=[project, name, number, row.pk]),
        **record_tab(request, row),
    }
    return render(request, "catalog/record.html", context)


@requires(get="datasets.view")
@page
def image(request: HttpRequest, project: str, name: str, number: int, key: int) -> HttpResponseBase:
    """An image of a record: small with `size`, else the original file."""
    version = queries.dataset_version(project_of(request), name, number)
    row = queries.record(version, key)
    size = request.GET.get("size", "")
    if size.isascii() and size.isdigit():
        return preview_response(request, row.image_sha, int(size[:5]))
    return file_response(request, row.image_sha, row.image_path, download=True)


def _describe(request: HttpRequest, project: str, name: str) -> HttpResponse:
    found = queries.dataset_named(project_of(request), name)
    services.describe_dataset(Actor.of_request(request), found, request.POST.get("description", ""))
    messages.success(request, _("The description is saved."))
    return redirect("catalog:dataset", project, name)


def _relabelled(
    request: HttpRequest, project: str, version: DatasetVersion
) -> dict[str, Any] | None:
    """Where the labels come from; the tickets themselves not for who may get them blind."""
    found = relabelled(version)
    if found is not None and is_kept_blind(vars(request)["rights"]):
        found["rows"] = []
    return found and {**found, "url": ref_url(project, str(found.get("dataset", "")))}


def _version_number(request: HttpRequest) -> int | None:
    text = request.GET.get("v", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _spread(count: int, most: int) -> list[int]:
    """At most so many places, spread evenly over a version."""
    shown = min(count, most)
    return [place * count // shown for place in range(shown)]


def _record_url(
    request: HttpRequest, project: str, version: DatasetVersion, key: int | None, more: str = ""
) -> str:
    """`more` is a query to carry besides the filter."""
    if key is None:
        return ""
    path = reverse("catalog:record", args=[project, version.dataset.name, version.number, key])
    query = "&".join(part for part in (filter_query(request.GET), more) if part)
    return f"{path}?{query}" if query else path


def _browse_url(request: HttpRequest, project: str, version: DatasetVersion, at: int) -> str:
    """The browser with the same filter, scrolled to a position."""
    path = reverse("catalog:dataset-browse", args=[project, version.dataset.name, version.number])
    query = QueryDict(filter_query(request.GET), mutable=True)
    query["at"] = str(at)
    return f"{path}?{query.urlencode()}"


def _shape(entry: dict[str, Any]) -> str:
    return next((kind for kind in ("bbox_2d", "poly", "line") if kind in entry), "")


def _run_url(project: str, uid: str) -> str:
    return reverse("runs:run", args=[project, uid]) if uid else ""
