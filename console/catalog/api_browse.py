"""Endpoints for looking through a dataset version: records, windows, facets, rejects, groups."""
from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.pagination import (
    OLDEST,
    PAGE_PARAMETERS,
    Order,
    limit_of,
    page_of_request,
    paged,
    place_page,
)
from console.api.views import ApiView
from console.catalog import browse, filters, queries, reports
from console.catalog import serializers as forms
from console.catalog.browse import bad_parameter
from console.catalog.models import DatasetGroup, DatasetVersion
from console.catalog.streams import FORMATS, rows_response

MOST_TILES = 400
GROUP_ORDER = Order("groups", ("order",))
REJECT_COLUMNS = ["file", "line", "path", "rule", "message", "sentence", "record"]
FORMAT = OpenApiParameter("as", str, enum=list(FORMATS), description="csv unless told otherwise")


class VersionView(ApiView):
    """Endpoints below one version."""

    def version(self, name: str, number: int) -> DatasetVersion:
        return queries.dataset_version(self.project, name, number)

    def context(self, version: DatasetVersion) -> dict[str, Any]:
        return {"version": version, "project": self.project}


@requires(get="datasets.view")
class RecordsView(VersionView):
    query_parameters = PAGE_PARAMETERS | filters.NAMES

    @extend_schema(responses=paged(forms.RecordSerializer), parameters=filters.PARAMETERS)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """The records of a version that pass the filter, in file order, split after split."""
        version = self.version(name, number)
        found = browse.select(version, filters.filter_of(request.query_params))
        cursor = request.query_params.get("cursor", "")
        places, following = place_page(found.places, cursor, limit_of(request))
        rows = forms.RecordSerializer(
            browse.rows_at(version, places), many=True, context=self.context(version)
        )
        return Response({"items": rows.data, "next_cursor": following})


@requires(get="datasets.view")
class WindowView(VersionView):
    query_parameters = frozenset({"first", "count"}) | filters.NAMES

    @extend_schema(
        responses=forms.WindowSerializer,
        parameters=[
            OpenApiParameter("first", int, description="how many matching records to skip"),
            OpenApiParameter("count", int, description=f"0 to {MOST_TILES}"),
            *filters.PARAMETERS,
        ],
    )
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """Some of the matching records by their position among them: any depth costs the same."""
        version = self.version(name, number)
        found = browse.select(version, filters.filter_of(request.query_params))
        first, count = _number(request, "first", 0), _number(request, "count", 60)
        if count > MOST_TILES:
            raise bad_parameter("count", f"count is at most {MOST_TILES}.")
        rows = browse.rows_at(version, found.places[first : first + count])
        context = self.context(version)
        tiles = forms.TileSerializer(rows, many=True, context=context).data
        return Response({"total": found.total, "first": first, "items": tiles})


@requires(get="datasets.view")
class PlacesView(VersionView):
    query_parameters = filters.NAMES

    @extend_schema(responses=forms.PlacesSerializer, parameters=filters.PARAMETERS)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """The place of every record that passes the filter, from 0 in file order."""
        version = self.version(name, number)
        found = browse.select(version, filters.filter_of(request.query_params))
        return Response({"total": found.total, "places": found.places.tolist()})


@requires(get="datasets.view")
class FacetsView(VersionView):
    query_parameters = filters.NAMES

    @extend_schema(responses=forms.FacetsSerializer, parameters=filters.PARAMETERS)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """Every value that can be filtered by, and how many of the matching records have it."""
        version = self.version(name, number)
        wanted = filters.filter_of(request.query_params)
        rows = [
            {"kind": f.kind, "label": f.label, "objects": f.objects, "images": f.images,
             "matching": n}
            for f, n in browse.facet_counts(version, wanted)
        ]  # fmt: skip
        return Response({"total": browse.select(version, wanted).total, "facets": rows})


@requires(get="datasets.view")
class ReportView(VersionView):
    @extend_schema(responses=forms.ReportSerializer)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """The quality report without its long lists, and what it says about trust."""
        version = self.version(name, number)
        return Response(
            {
                "report": version.report,
                "verdicts": [verdict.to_json() for verdict in reports.verdicts(version)],
            }
        )


@requires(get="datasets.view")
class FilesView(VersionView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.FileSerializer))
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """The files of a version, sorted by path."""
        files = self.version(name, number).output.files
        cursor = request.query_params.get("cursor", "")
        places, following = place_page(range(len(files)), cursor, limit_of(request))
        return Response({"items": [files[i] for i in places], "next_cursor": following})


@requires(get="datasets.view")
class NearDuplicatesView(VersionView):
    query_parameters = PAGE_PARAMETERS | {"kind"}

    @extend_schema(
        responses=paged(forms.GroupSerializer),
        parameters=[
            OpenApiParameter(
                "kind", str, enum=DatasetGroup.Kind.values,
                description="near-duplicates (default), the same image or ticket in two splits",
            )
        ],
    )
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """Groups of images that are the same or nearly so, those across splits first."""
        version = self.version(name, number)
        kind = request.query_params.get("kind") or DatasetGroup.Kind.NEAR
        if kind not in DatasetGroup.Kind.values:
            raise bad_parameter("kind", f"kind is one of {', '.join(DatasetGroup.Kind.values)}.")
        page = page_of_request(request, queries.groups(version, kind), GROUP_ORDER)
        context = {**self.context(version), "rows": reports.records_of(version, page.items)}
        groups = forms.GroupSerializer(page.items, many=True, context=context)
        return Response({"items": groups.data, "next_cursor": page.next_cursor})


@requires(get="datasets.view")
class RejectsView(VersionView):
    query_parameters = PAGE_PARAMETERS | {"rule", "text"}

    @extend_schema(
        responses=paged(forms.RejectSerializer),
        parameters=[
            OpenApiParameter("rule", str, description="only this rule"),
            OpenApiParameter("text", str, description="part of the place or message"),
        ],
    )
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """What was left out of a version, by file and line, with the reason."""
        params = request.query_params
        rows = queries.rejects(
            self.version(name, number), params.get("rule", ""), params.get("text", "")
        )
        page = page_of_request(request, rows, OLDEST)
        items = forms.RejectSerializer(page.items, many=True).data
        return Response({"items": items, "next_cursor": page.next_cursor})


@requires(get="datasets.view")
class RejectsExportView(VersionView):
    query_parameters = frozenset({"rule", "text", "as"})

    @extend_schema(
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)},
        parameters=[
            FORMAT,
            OpenApiParameter("rule", str, description="only this rule"),
            OpenApiParameter("text", str, description="part of the place or message"),
        ],
    )
    def get(
        self, request: Request, project: str, name: str, number: int
    ) -> HttpResponseBase:
        """Download the rejects as CSV or JSON Lines."""
        params = request.query_params
        rows = queries.rejects(
            self.version(name, number), params.get("rule", ""), params.get("text", "")
        )
        return rows_response(
            request._request, (reports.reject_line(row) for row in rows.iterator(500)),
            REJECT_COLUMNS, format_of(request), f"{name}-v{number}-rejects",
        )


def format_of(request: Request) -> str:
    """The format of an export. Raises ApiProblem 400 for one that there is not."""
    found = request.query_params.get("as") or "csv"
    if found not in FORMATS:
        raise bad_parameter("as", f"as is one of {', '.join(FORMATS)}.")
    return found


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad_parameter(name, f"{name} must be a whole number.")
    return int(text)
