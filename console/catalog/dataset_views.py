"""Pages below a dataset version: images, rejects, near-duplicates, report, changes."""
from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.api.pagination import OLDEST, Order, keyset_page, place_page
from console.catalog import browse, diffs, queries, reports
from console.catalog.browse import bad_parameter
from console.catalog.filters import filter_of
from console.catalog.models import DatasetGroup, DatasetRecord, DatasetVersion
from console.web.pages import link, page, pager, project_of

TILE_SIZE = 320
FULL_SIZE = 1280
GROUPS = 20
REJECTS = 100
CHANGES = 50
GROUP_ORDER = Order("groups", ("order",))


def frame(version: DatasetVersion, tab: str) -> dict[str, Any]:
    """What every page of a version shows: its names, and how much each tab holds."""
    near = version.groups.filter(kind=DatasetGroup.Kind.NEAR).count()
    return {
        "version": version, "dataset": version.dataset, "tab": tab, "n_near": near,
        "newer": version.dataset.latest if version.dataset.latest > version.number else 0,
        "older": version.number - 1,
    }  # fmt: skip


def class_names(version: DatasetVersion) -> list[str]:
    """Classes in the order that gives them their colours: the most objects first."""
    facets = browse.index_of(version).facets
    return [f.label for f in facets if f.kind == reports.Kind.CLASS]


def class_line(version: DatasetVersion) -> str:
    return "|".join(class_names(version))


@requires(get="datasets.view")
@page
def browser(request: HttpRequest, project: str, name: str, number: int) -> HttpResponseBase:
    """Every image of a version behind filters; the script asks the API for what is in view."""
    version = queries.dataset_version(project_of(request), name, number)
    # Refused here rather than by the script; the script's first question is then answered at once.
    browse.select(version, filter_of(request.GET))
    place = [project, name, number]
    context = {
        **frame(version, "browse"),
        "class_line": class_line(version),
        "window_url": reverse("api:dataset_window", args=place),
        "facets_url": reverse("api:dataset_facets", args=place),
        "record_url": reverse("catalog:record", args=[*place, 0]),
        "words": browser_words(),
    }
    return render(request, "catalog/dataset_browse.html", context)


def browser_words() -> dict[str, str]:
    """What the browser's script says; `{n}` and the like are filled in by it."""
    return {
        "count": _("{n} of {total} images"), "all": _("{total} images"),
        "classes": _("Class"), "attributes": _("Attributes of {name}"),
        "geometry": _("Geometry"), "negative": _("Negatives"),
        "negative_any": _("Any class"), "special": _("Marked by the quality report"),
        "near": _("Near-duplicates"), "leak": _("In more than one split"),
        "failed": _("The images could not be loaded. Scroll or reload to try again."),
        "no_objects": _("No objects in this image."),
        "remove": _("Remove the filter {name}"),
        "bbox_2d": _("Box"), "poly": _("Polygon"), "line": _("Line"),
    }


@requires(get="datasets.view")
@page
def rejects(request: HttpRequest, project: str, name: str, number: int) -> HttpResponseBase:
    """What was left out and why, by rule."""
    version = queries.dataset_version(project_of(request), name, number)
    rule, text = request.GET.get("rule", ""), request.GET.get("text", "")
    found = queries.rejects(version, rule, text)
    rows = keyset_page(found, OLDEST, request.GET.get("cursor", ""), REJECTS)
    export = reverse("api:dataset_rejects_export", args=[project, name, number])
    context = {
        **frame(version, "rejects"),
        "rules": [
            {"code": code, "n": n, "sentence": reports.rule_sentence(code)}
            for code, n in queries.reject_rules(version)
        ],
        "rule": rule, "rule_sentence": reports.rule_sentence(rule), "text": text,
        "rejects": [(row, reports.rule_sentence(row.code)) for row in rows.items],
        "csv_url": export + link(request, cursor=None, **{"as": "csv"}),
        "jsonl_url": export + link(request, cursor=None, **{"as": "jsonl"}),
        **pager(request, rows.next_cursor),
    }  # fmt: skip
    return render(request, "catalog/dataset_rejects.html", context)


@requires(get="datasets.view")
@page
def near(request: HttpRequest, project: str, name: str, number: int) -> HttpResponseBase:
    """Images that are the same or nearly so, side by side; those across splits first."""
    version = queries.dataset_version(project_of(request), name, number)
    kind = request.GET.get("kind") or DatasetGroup.Kind.NEAR
    if kind not in DatasetGroup.Kind.values:
        raise bad_parameter("kind", f"kind is one of {', '.join(DatasetGroup.Kind.values)}.")
    rows = keyset_page(
        queries.groups(version, kind), GROUP_ORDER, request.GET.get("cursor", ""), GROUPS
    )
    found = reports.records_of(version, rows.items)
    key = "near_duplicates" if kind == DatasetGroup.Kind.NEAR else "leakage"
    checked = version.report.get(key)
    context = {
        **frame(version, "near"),
        "kind": kind,
        "kinds": [
            (DatasetGroup.Kind.NEAR, _("Near-duplicates")),
            (DatasetGroup.Kind.LEAK, _("Same image in two splits")),
            (DatasetGroup.Kind.TICKET, _("Ticket in two splits")),
        ],
        "groups": [(group, _images(project, version, group, found)) for group in rows.items],
        "checked": checked if isinstance(checked, dict) else None,
        "verdicts": [v for v in reports.verdicts(version) if v.name in ("near", "leakage")],
        "class_line": class_line(version),
        **pager(request, rows.next_cursor),
    }
    return render(request, "catalog/dataset_near.html", context)


def _images(
    project: str, version: DatasetVersion, group: DatasetGroup, rows: dict[str, DatasetRecord]
) -> list[dict[str, Any]]:
    """The images of a group; `shot` is None for one that is no record of this version."""
    out = []
    for image in group.images:
        row = rows.get(str(image.get("id", "")))
        out.append({**image, "shot": row and shot_of(project, version, row, TILE_SIZE)})
    return out


@requires(get="datasets.view")
@page
def report(request: HttpRequest, project: str, name: str, number: int) -> HttpResponseBase:
    """Everything that was counted: classes, attributes, sizes, rejects."""
    version = queries.dataset_version(project_of(request), name, number)
    place = [project, name, number]
    context = {
        **frame(version, "report"),
        "verdicts": reports.verdicts(version),
        "classes": reports.class_rows(version),
        "histograms": reports.histograms(version),
        "rules": queries.reject_rules(version),
        "sizes": version.report.get("image_sizes", [])[:12],
        "schema": version.report.get("schema", ""),
        "old": version.report.get("schema") != reports.REPORT_SCHEMA,
        "file_url": reverse("api:dataset_file", args=place) + "?path=report.json",
    }
    return render(request, "catalog/dataset_report.html", context)


@requires(get="datasets.view")
@page
def diff(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    """What changed between two versions, as counts and lists."""
    old, new = _sides(request, name)
    change = request.GET.get("change") or _first_change(diffs.diff(old, new))
    found = diffs.diff(old, new)
    cursor = request.GET.get("cursor", "")
    places, following = place_page(found.places(change), cursor, CHANGES)
    rows = [
        {
            "id": row.id, "fields": [_(diffs.FIELDS[name]) for name in row.fields],
            "old": row.old, "new": row.new,
            "url": _change_url(project, name, old, new, row.id),
        }
        for row in diffs.changes_at(old, new, change, places)
    ]  # fmt: skip
    export = reverse("api:dataset_diff_export", args=[project, name, new.number])
    context = {
        **frame(new, "diff"),
        "old": old, "new": new, "counts": found.counts(), "change": change, "rows": rows,
        "versions": list(queries.dataset_versions(new.dataset)),
        "csv_url": f"{export}?against={old.number}&as=csv",
        "jsonl_url": f"{export}?against={old.number}&as=jsonl",
        **pager(request, following),
    }  # fmt: skip
    return render(request, "catalog/dataset_diff.html", context)


@requires(get="datasets.view")
@page
def diff_record(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    """One record as it was and as it is, side by side."""
    old, new = _sides(request, name)
    found = diffs.change_of(old, new, request.GET.get("id", ""))
    sides = [
        {
            "version": version, "row": row, "shot": row and shot_of(project, version, row),
            "lost": _only_in(row, other), "class_line": class_line(version),
        }
        for version, row, other in ((old, found.old, found.new), (new, found.new, found.old))
    ]
    context = {
        **frame(new, "diff"),
        "old": old, "new": new, "record_id": found.id, "sides": sides,
        "fields": [_(diffs.FIELDS[name]) for name in found.fields],
        "back": reverse("catalog:dataset-diff", args=[project, name])
        + f"?from={old.number}&to={new.number}",
    }  # fmt: skip
    return render(request, "catalog/dataset_diff_record.html", context)


def _only_in(row: DatasetRecord | None, other: DatasetRecord | None) -> list[dict[str, Any]]:
    """Objects of a record that the other one does not have."""
    there = list(other.objects_json) if other else []
    out = []
    for entry in row.objects_json if row else []:
        if entry in there:
            there.remove(entry)
        else:
            out.append(entry)
    return out


def _first_change(found: diffs.VersionDiff) -> str:
    counts = found.counts()
    return next((c for c in ("changed", "added", "removed") if counts[c]), "changed")


def _sides(request: HttpRequest, name: str) -> tuple[DatasetVersion, DatasetVersion]:
    """The versions of `from` and `to`: the newest and the one before it unless told otherwise."""
    project = project_of(request)
    new = queries.dataset_version(project, name, _number(request, "to"))
    older = _number(request, "from") or max(new.number - 1, 1)
    return queries.dataset_version(project, name, older), new


def _number(request: HttpRequest, key: str) -> int | None:
    text = request.GET.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _change_url(
    project: str, name: str, old: DatasetVersion, new: DatasetVersion, record_id: str
) -> str:
    query = QueryDict(mutable=True)
    query.update({"from": str(old.number), "to": str(new.number), "id": record_id})
    path = reverse("catalog:dataset-diff-record", args=[project, name])
    return f"{path}?{query.urlencode()}"


def shot_of(
    project: str, version: DatasetVersion, row: DatasetRecord, size: int = FULL_SIZE
) -> dict[str, Any]:
    """A record for `runs/_shot.html`, with the address of its page."""
    place = [project, version.dataset.name, version.number, row.pk]
    return {
        "name": row.record_id, "width": row.width, "height": row.height,
        "image": f"{reverse('catalog:image', args=place)}?size={size}",
        "objects": {"truth": row.objects_json}, "url": reverse("catalog:record", args=place),
        "split": row.split, "n_objects": row.n_objects,
    }  # fmt: skip
