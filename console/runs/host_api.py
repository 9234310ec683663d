"""The API that worker hosts speak: hello, claim, heartbeat, events, log, blobs, finish, tick.

Paths have no trailing slash. Only a host token may call it.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.roles import HOST
from console.api.problems import ApiProblem
from console.api.views import ApiView, valid
from console.catalog import blobs
from console.catalog.media import file_response
from console.fleet import services as fleet
from console.runs import host_forms as forms
from console.runs import services
from console.runs.event_schema import parse_events
from console.runs.fencing import HEARTBEAT_S, LEASE
from console.runs.payload import read_json

CHUNK = 1 << 20
_OFFSET = re.compile(r"[0-9]{1,18}")


def _body(request: Request, form: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    return valid(form(data=_json(request)))


def _json(request: Request) -> Any:
    plain: HttpRequest = request._request
    return read_json(plain)


@requires(post=HOST)
class HelloView(ApiView):
    @extend_schema(request=forms.HelloSerializer, responses=forms.WelcomeSerializer)
    def post(self, request: Request) -> Response:
        """A worker says what it and its host can do; again every few seconds."""
        host = fleet.hello(fleet.Greeting(**_body(request, forms.HelloSerializer)))
        return Response(
            {
                "host_id": str(host.pk), "heartbeat_s": HEARTBEAT_S,
                "lease_s": int(LEASE.total_seconds()),
            }
        )


@requires(post=HOST)
class ClaimView(ApiView):
    @extend_schema(
        request=forms.ClaimSerializer, responses={200: forms.ClaimedSerializer, 204: None}
    )
    def post(self, request: Request) -> Response:
        """The best runnable run for this worker, or 204."""
        body = _body(request, forms.ClaimSerializer)
        attempt = services.claim(
            body["host_id"], body["worker"], body["queues"], body["kinds"]
        )
        if attempt is None:
            return Response(status=204)
        return Response(services.describe(attempt))


@requires(post=HOST)
class HeartbeatView(ApiView):
    @extend_schema(request=forms.HeartbeatSerializer, responses=forms.BeatSerializer)
    def post(self, request: Request, attempt: int) -> Response:
        """Keep the lease; hear whether a cancel was asked for."""
        body = _body(request, forms.HeartbeatSerializer)
        cancel, expires = services.beat(attempt, body["lease"], body["pid"], body["pgid"])
        return Response({"cancel": cancel, "lease_expires": expires})


@requires(post=HOST)
class EventsView(ApiView):
    @extend_schema(request=forms.EventsSerializer, responses=forms.LastSeqSerializer)
    def post(self, request: Request, attempt: int) -> Response:
        """Store a batch of events exactly once: those already here are skipped, and a gap before
        the batch is a 409 `event_gap` with the `last_seq` that is here."""
        body = _json(request)
        if not isinstance(body, dict) or body.keys() != {"lease", "events"}:
            raise ApiProblem(422, "invalid", "The body must be {lease, events}.")
        events = parse_events(body["events"])
        return Response({"last_seq": services.take_events(attempt, str(body["lease"]), events)})


@requires(post=HOST)
class LogView(ApiView):
    query_parameters = frozenset({"lease", "offset"})

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=forms.OffsetSerializer,
        parameters=[
            OpenApiParameter("lease", str, required=True),
            OpenApiParameter("offset", int, required=True, description="bytes already sent"),
        ],
    )
    def post(self, request: Request, attempt: int) -> Response:
        """Append raw bytes of log at an offset; another stored end is a 409 `offset_mismatch`."""
        text = request.query_params.get("offset", "")
        if not _OFFSET.fullmatch(text):
            raise ApiProblem(400, "bad_parameter", "offset must be a whole number of bytes.")
        lease = request.query_params.get("lease", "")
        end = services.take_log(attempt, lease, int(text), request._request.body)
        return Response({"offset": end})


@requires(post=HOST)
class FinishView(ApiView):
    @extend_schema(request=forms.FinishSerializer, responses=forms.StateSerializer)
    def post(self, request: Request, attempt: int) -> Response:
        """End the attempt, with its report and outputs; the blobs of their files, and the listing
        of each under its digest, must be here already."""
        body = _body(request, forms.FinishSerializer)
        lease = body.pop("lease")
        return Response({"state": services.finish(attempt, lease, services.Ending(**body))})


@requires(post=HOST)
class MissingBlobsView(ApiView):
    @extend_schema(request=forms.HashesSerializer, responses=forms.MissingSerializer)
    def post(self, request: Request) -> Response:
        """Which of these blobs the console does not have."""
        hashes = _body(request, forms.HashesSerializer)["sha256"]
        return Response({"missing": blobs.missing(hashes)})


@requires(get=HOST, put=HOST)
class BlobView(ApiView):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, sha256: str) -> HttpResponseBase:
        """The bytes of a blob."""
        return file_response(request._request, sha256, sha256, download=True)

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY}, responses={204: None}
    )
    def put(self, request: Request, sha256: str) -> Response:
        """Store a blob; its bytes must hash to its name."""
        blobs.put(sha256, _chunks(request._request))
        return Response(status=204)


@requires(post=HOST)
class TickView(ApiView):
    @extend_schema(request=None, responses=forms.TickedSerializer)
    def post(self, request: Request) -> Response:
        """The periodic work: expired leases end, waiting runs wake workers."""
        return Response(services.tick())


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk
