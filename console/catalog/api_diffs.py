"""Endpoints for what changed between two versions of a dataset, and for checking lines."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.pagination import PAGE_PARAMETERS, limit_of, paged, place_page
from console.api.views import ApiView, valid
from console.catalog import diffs, lines, queries
from console.catalog import serializers as forms
from console.catalog.api_browse import FORMAT, VersionView, format_of
from console.catalog.browse import bad_parameter
from console.catalog.models import DatasetRecord, DatasetVersion
from console.catalog.streams import rows_response

AGAINST = OpenApiParameter("against", int, required=True, description="number of the old version")
CHANGE = OpenApiParameter("change", str, enum=list(diffs.CHANGES))
COLUMNS = [
    "change", "id", "fields", "old_split", "old_line", "old_objects", "old_image", "new_split",
    "new_line", "new_objects", "new_image",
]  # fmt: skip


class DiffBase(VersionView):
    def sides(
        self, request: Request, name: str, number: int
    ) -> tuple[DatasetVersion, DatasetVersion]:
        """Old and new. Raises ApiProblem 400 without a number to compare with, Http404."""
        text = request.query_params.get("against", "")
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise bad_parameter("against", "against is the number of the version to compare with.")
        return queries.dataset_version(self.project, name, int(text)), self.version(name, number)


@requires(get="datasets.view")
class DiffView(DiffBase):
    query_parameters = frozenset({"against"})

    @extend_schema(responses=forms.VersionDiffSerializer, parameters=[AGAINST])
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """How many records were added, removed, changed or stayed since another version."""
        old, new = self.sides(request, name, number)
        return Response({"old": old.number, "new": new.number, **diffs.diff(old, new).counts()})


@requires(get="datasets.view")
class DiffRecordsView(DiffBase):
    query_parameters = PAGE_PARAMETERS | {"against", "change"}

    @extend_schema(responses=paged(forms.RecordChangeSerializer), parameters=[AGAINST, CHANGE])
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """The records that were added, removed or changed, and which fields of them."""
        old, new = self.sides(request, name, number)
        change = request.query_params.get("change") or "changed"
        found = diffs.diff(old, new).places(change)
        cursor = request.query_params.get("cursor", "")
        places, following = place_page(found, cursor, limit_of(request))
        rows = diffs.changes_at(old, new, change, places)
        before = self._by_place(old, [row.old for row in rows if row.old])
        after = self._by_place(new, [row.new for row in rows if row.new])
        items = [
            {
                "change": change, "id": row.id, "fields": row.fields,
                "old": row.old and before[row.old.place], "new": row.new and after[row.new.place],
            }
            for row in rows
        ]  # fmt: skip
        return Response({"items": items, "next_cursor": following})

    def _by_place(
        self, version: DatasetVersion, rows: list[DatasetRecord]
    ) -> dict[int, dict[str, Any]]:
        """The JSON of many records at once: making a serializer costs more than using it."""
        made = forms.RecordSerializer(rows, many=True, context=self.context(version))
        return {row["place"]: row for row in made.data}


@requires(get="datasets.view")
class DiffExportView(DiffBase):
    query_parameters = frozenset({"against", "change", "as"})

    @extend_schema(
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)},
        parameters=[AGAINST, CHANGE, FORMAT],
    )
    def get(self, request: Request, project: str, name: str, number: int) -> HttpResponseBase:
        """Download every change as CSV or JSON Lines; only one kind of change if asked."""
        old, new = self.sides(request, name, number)
        change = request.query_params.get("change")
        wanted = (change,) if change else diffs.CHANGES
        diffs.diff(old, new).places(wanted[0])
        return rows_response(
            request._request, _rows(old, new, wanted), COLUMNS, format_of(request),
            f"{name}-v{old.number}-v{new.number}",
        )


def _rows(
    old: DatasetVersion, new: DatasetVersion, wanted: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    return (diffs.change_row(c, row) for c, row in diffs.all_changes(old, new, wanted))


@requires(post="datasets.view")
class ValidateLinesView(ApiView):
    @extend_schema(request=forms.LinesSerializer, responses=forms.ValidationSerializer)
    def post(self, request: Request, project: str) -> Response:
        """Check lines of a dataset against the contract, images left aside."""
        body = valid(forms.LinesSerializer(data=request.data))
        return Response(lines.validate_text(body["text"], body["filename"]))
