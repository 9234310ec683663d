"""Pages of datasets: list, one version with its images, one record."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.pagination import OLDEST, keyset_page
from console.catalog import queries, services
from console.catalog.media import file_response, preview_response
from console.catalog.models import DatasetRecord, DatasetVersion
from console.catalog.queries import RecordFilter
from console.web.pages import page, pager, project_of
from mlcore.contract.desc import attributes_of, class_of

GRID = 24
TILE_SIZE = 320
FULL_SIZE = 1280
SHOWN_REJECTS = 100


@requires(get="datasets.view")
@page
def datasets(request: HttpRequest, project: str) -> HttpResponseBase:
    rows = keyset_page(queries.datasets(project_of(request)), cursor=request.GET.get("cursor", ""))
    context = {"datasets": rows.items, **pager(request, rows.next_cursor)}
    return render(request, "catalog/datasets.html", context)


@requires(get="datasets.view", post="datasets.edit")
@page
def dataset(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    """One version: figures, classes, rejects and the images that pass the filter."""
    if request.method == "POST":
        return _describe(request, project, name)
    version = queries.dataset_version(project_of(request), name, _version_number(request))
    wanted = _filter(request)
    rows = keyset_page(
        queries.records(version, wanted), OLDEST, request.GET.get("cursor", ""), GRID
    )
    classes = sorted(version.classes, key=lambda c: -int(c["objects"]))
    context = {
        "version": version, "dataset": version.dataset,
        "versions": queries.dataset_versions(version.dataset),
        "classes": _with_share(classes), "class_line": _class_line(version),
        "filters": {
            "split": wanted.split, "class": request.GET.get("class", ""), "q": wanted.text,
            "objects": request.GET.get("objects", ""), "any": bool(_query(request)),
        },
        "rejects": list(queries.rejects(version)[:SHOWN_REJECTS]),
        "report": _report_rows(version.report),
        "records": [_tile(request, project, version, row) for row in rows.items],
        "run_url": _run_url(project, version.output.run_uid),
        **pager(request, rows.next_cursor),
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
    before, after = queries.neighbours(row, _filter(request))
    places = {c["name"]: index % 8 + 1 for index, c in enumerate(_class_order(version))}
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
        "class_line": _class_line(version),
        "sample": _sample(project, version, row, FULL_SIZE),
        "before": _record_url(request, project, version, before),
        "after": _record_url(request, project, version, after),
        "back": reverse("catalog:dataset", args=[project, name]) + "?" + _query(request, v=number),
        "original": reverse("catalog:image", args=[project, name, number, row.pk]),
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


def _version_number(request: HttpRequest) -> int | None:
    text = request.GET.get("v", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _filter(request: HttpRequest) -> RecordFilter:
    low, high = queries.parse_range(request.GET.get("objects", ""))
    chosen = request.GET.get("class", "")
    return RecordFilter(
        split=request.GET.get("split", ""),
        classes=(chosen,) if chosen else (),
        min_objects=low,
        max_objects=high,
        text=request.GET.get("q", ""),
    )


def _query(request: HttpRequest, **more: Any) -> str:
    """The filter part of the query string, to carry from the grid to a record and back."""
    query = request.GET.copy()
    for key in list(query):
        if key not in ("split", "class", "objects", "q") or not query[key]:
            query.pop(key)
    for key, value in more.items():
        query[key] = str(value)
    return query.urlencode()


def _class_order(version: DatasetVersion) -> list[dict[str, Any]]:
    return sorted(version.classes, key=lambda c: -int(c["objects"]))


def _class_line(version: DatasetVersion) -> str:
    return "|".join(str(c["name"]) for c in _class_order(version))


def _with_share(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    most = max((int(c["objects"]) for c in classes), default=1) or 1
    return [
        {**c, "share": 100 * int(c["objects"]) / most, "color": index % 8 + 1}
        for index, c in enumerate(classes)
    ]


def _tile(
    request: HttpRequest, project: str, version: DatasetVersion, row: DatasetRecord
) -> dict[str, Any]:
    return {
        **_sample(project, version, row, TILE_SIZE),
        "split": row.split,
        "n_objects": row.n_objects,
        "url": _record_url(request, project, version, row.pk),
    }


def _sample(project: str, version: DatasetVersion, row: DatasetRecord, size: int) -> dict[str, Any]:
    path = reverse("catalog:image", args=[project, version.dataset.name, version.number, row.pk])
    return {
        "name": row.record_id,
        "width": row.width,
        "height": row.height,
        "image": f"{path}?size={size}",
        "objects": {"truth": row.objects_json},
    }


def _record_url(
    request: HttpRequest, project: str, version: DatasetVersion, key: int | None
) -> str:
    if key is None:
        return ""
    path = reverse("catalog:record", args=[project, version.dataset.name, version.number, key])
    query = _query(request)
    return f"{path}?{query}" if query else path


def _shape(entry: dict[str, Any]) -> str:
    return next((kind for kind in ("bbox_2d", "poly", "line") if kind in entry), "")


def _report_rows(report: dict[str, Any]) -> list[tuple[str, Any]]:
    """The plain figures of a quality report, for a table."""
    return [
        (key.replace("_", " "), value)
        for key, value in report.items()
        if isinstance(value, int | float | str) and key != "schema"
    ][:24]


def _run_url(project: str, uid: str) -> str:
    return reverse("runs:run", args=[project, uid]) if uid else ""
