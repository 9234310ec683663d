"""Endpoints for what runs sent home: metrics, log, events, samples, artifacts."""
from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.pagination import OLDEST, PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.problems import ApiProblem
from console.api.views import ApiView
from console.catalog.media import PREVIEW_SIZES, file_response, preview_response
from console.reviews import blindness
from console.runs import forms, queries
from console.runs.metric_store import superseded_after
from console.runs.models import Artifact, Run, RunEvent, Sample

DEFAULT_POINTS = 1000
MAX_POINTS = 20_000
MAX_KEYS = 100
DEFAULT_BYTES = 64 << 10
MAX_BYTES = 1 << 20
MAX_LINES = 5000


@requires(get="runs.view")
class MetricsView(ApiView):
    query_parameters = frozenset({"keys", "points", "from", "to", "after"})

    @extend_schema(
        responses=forms.MetricsSerializer,
        parameters=[
            OpenApiParameter("keys", str, many=True, description="these metrics, at most 100"),
            OpenApiParameter(
                "points", int, description="about so many points each, extremes kept"
            ),
            OpenApiParameter("from", int, description="least step"),
            OpenApiParameter("to", int, description="greatest step"),
            OpenApiParameter("after", str, description="`cursor` of an earlier answer"),
        ],
    )
    def get(self, request: Request, project: str, uid: str) -> Response:
        """Which metrics there are, and the points of the asked ones."""
        run = queries.run_of(self.project, uid)
        keys = [k for text in request.query_params.getlist("keys") for k in text.split(",") if k]
        if len(keys) > MAX_KEYS:
            raise _bad("keys", f"at most {MAX_KEYS} metrics at a time")
        epoch = sorted(superseded_after(run).items())
        seen, reset = _seen(request.query_params.get("after", ""), epoch)
        views = queries.read_metrics(
            run, keys, points=_number(request, "points", DEFAULT_POINTS, 2, MAX_POINTS),
            first=_step(request, "from"), last=_step(request, "to"), after=seen,
        )
        series = [
            {
                "key": view.key, "steps": view.points.steps.tolist(),
                "values": view.points.values.tolist(), "times": view.points.times.tolist(),
                "total": view.total,
            }
            for view in views
        ]
        cursor = _cursor(epoch, {**seen, **{view.key: view.total for view in views}})
        return Response(
            {"available": _available(run), "series": series, "cursor": cursor, "reset": reset}
        )


def _available(run: Run) -> list[dict[str, Any]]:
    names = ("key", "n", "last_step", "last_value", "minimum", "maximum")
    return list(queries.series_of(run).values(*names))


def _cursor(epoch: list[tuple[int, int]], seen: dict[str, int]) -> str:
    text = json.dumps([epoch, seen], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _seen(cursor: str, epoch: list[tuple[int, int]]) -> tuple[dict[str, int], bool]:
    """How many points per metric the reader has; nothing, and True, when some were superseded."""
    if not cursor:
        return {}, False
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        then, seen = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        counts = {str(key): int(n) for key, n in seen.items()}
        known = [(int(number), int(step)) for number, step in then]
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise _bad("after", "is not a cursor that this endpoint gave") from error
    return (counts, False) if known == epoch else ({}, True)


@requires(get="runs.view")
class LogView(ApiView):
    query_parameters = frozenset({"attempt", "offset", "limit", "tail"})

    @extend_schema(
        responses=forms.LogSerializer,
        parameters=[
            OpenApiParameter("attempt", int, description="number of the attempt; default newest"),
            OpenApiParameter("offset", int, description="first byte"),
            OpenApiParameter("limit", int, description=f"bytes, at most {MAX_BYTES}"),
            OpenApiParameter("tail", int, description="the last so many lines, instead of offset"),
        ],
    )
    def get(self, request: Request, project: str, uid: str) -> Response:
        """A part of the log. `next_offset` is where to go on."""
        run = queries.run_of(self.project, uid)
        limit = _number(request, "limit", DEFAULT_BYTES, 4, MAX_BYTES)
        if run.attempt_number == 0:
            body = {"attempt": 0, "offset": 0, "next_offset": 0, "size": 0, "text": ""}
            return Response(body)
        number = _number(request, "attempt", run.attempt_number, 1, 10**6)
        attempt = queries.attempt_of(run, number)
        if "tail" in request.query_params:
            part = queries.read_tail(attempt, _number(request, "tail", 100, 1, MAX_LINES))
        else:
            part = queries.read_log(attempt, _number(request, "offset", 0, 0, 10**15), limit)
        return Response(
            {
                "attempt": attempt.number, "offset": part.offset, "next_offset": part.end,
                "size": part.size, "text": part.data.decode("utf-8", "replace"),
            }
        )


@requires(get="runs.view")
class EventsView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"type"}

    @extend_schema(
        responses=paged(forms.EventSerializer),
        parameters=[OpenApiParameter("type", str, description="only events of this type")],
    )
    def get(self, request: Request, project: str, uid: str) -> Response:
        """Events other than metrics, progress and samples, oldest first."""
        run = queries.run_of(self.project, uid)
        rows = RunEvent.objects.filter(run=run).select_related("attempt")
        rows = blindness.told_events(request.rights, rows)
        if wanted := request.query_params.get("type"):
            rows = rows.filter(type=wanted)
        page = page_of_request(request, rows, OLDEST)
        return page_response(page, lambda row: forms.EventSerializer(row).data)


@requires(get="runs.view")
class SamplesView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"step", "name"}

    @extend_schema(
        responses=paged(forms.SampleSerializer),
        parameters=[
            OpenApiParameter("step", int, description="only of this step"),
            OpenApiParameter("name", str, description="only of this name"),
        ],
    )
    def get(self, request: Request, project: str, uid: str) -> Response:
        """Images with truth and prediction, newest first; superseded ones are left out."""
        rows = queries.visible_samples(queries.run_of(self.project, uid))
        step = _step(request, "step")
        if step is not None:
            rows = rows.filter(step=step)
        if name := request.query_params.get("name"):
            rows = rows.filter(name=name)
            if blindness.without_label(request.rights, name) != name:
                rows = rows.none()  # a name with the right label would be found
        page = page_of_request(request, rows)
        return page_response(page, lambda row: _sample(row, request))


@requires(get="runs.view")
class SampleImageView(ApiView):
    query_parameters = frozenset({"size"})

    @extend_schema(
        responses={(200, "image/*"): OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("size", int, enum=list(PREVIEW_SIZES))],
    )
    def get(self, request: Request, project: str, uid: str, pk: int) -> HttpResponseBase:
        """The image of a sample, or a preview of it."""
        rows = queries.run_of(self.project, uid).samples
        row = rows.filter(pk=pk).first()
        if row is None:
            raise Http404
        if "size" in request.query_params:
            size = _number(request, "size", 320, 1, max(PREVIEW_SIZES))
            return preview_response(request._request, row.image_sha, size)
        name = blindness.without_label(request.rights, row.name)
        return file_response(request._request, row.image_sha, name)


@requires(get="runs.view")
class ArtifactsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.ArtifactSerializer))
    def get(self, request: Request, project: str, uid: str) -> Response:
        """Files that the run announced, oldest first."""
        rows = Artifact.objects.filter(run=queries.run_of(self.project, uid))
        page = page_of_request(request, rows, OLDEST)
        return page_response(page, lambda row: forms.ArtifactSerializer(row).data)


@requires(get="runs.view")
class ArtifactView(ApiView):
    query_parameters = frozenset({"inline"})

    @extend_schema(
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("inline", int, enum=[1], description="show JPEG, PNG and plain text")
        ],
    )
    def get(self, request: Request, project: str, uid: str, pk: int) -> HttpResponseBase:
        """The bytes of an artifact, as a download unless showing it is harmless and asked for."""
        run = queries.run_of(self.project, uid)
        row = Artifact.objects.filter(run=run, pk=pk).first()
        if row is None:
            raise Http404
        blindness.refuse_files_of(request.rights, run)
        inline = "inline" in request.query_params
        return file_response(request._request, row.sha256, row.path, download=not inline)


def _sample(row: Sample, request: Request) -> dict[str, Any]:
    body: dict[str, Any] = forms.SampleSerializer(row).data
    return {**body, "name": blindness.without_label(request.rights, row.name)}


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text[:18]) <= most:
        raise _bad(name, f"must be a whole number from {least} to {most}")
    return int(text)


def _step(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise _bad(name, "must be a whole number")
    return int(text)


def _bad(name: str, detail: str) -> ApiProblem:
    errors = [{"parameter": name, "detail": detail}]
    return ApiProblem(400, "bad_parameter", f"{name} {detail}.", errors=errors)
