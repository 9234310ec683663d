"""The event stream of a project's runs (server-sent events)."""
from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from console.accounts.access import access_of, requires
from console.accounts.models import ApiToken, Project
from console.accounts.roles import SIGNED_IN, scope_allows
from console.api.problems import ApiProblem
from console.api.views import ApiView
from console.runs.broadcast import WINDOW, Subscription, broadcaster, changed_since, public
from console.runs.queries import run_of

KEEP_ALIVE_S = 15.0
LONGEST_S = 900.0
"""a stream ends after this and the browser opens it again, so that a lost right ends it too"""
RETRY_MS = 2000
FIRST_LOOK = timedelta(seconds=60)
"""what changed this long before the stream began is sent at its start"""
RIGHT = "runs.view"


class EventStreamRenderer(BaseRenderer):
    """Lets a browser that accepts event streams only get through content negotiation."""

    media_type = "text/event-stream"
    format = "sse"

    def render(
        self, data: Any, accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return JSONRenderer().render(data)


@requires(get=SIGNED_IN)
class StreamView(ApiView):
    query_parameters = frozenset({"project", "run"})
    renderer_classes = (JSONRenderer, EventStreamRenderer)

    @extend_schema(
        responses={(200, "text/event-stream"): str},
        parameters=[
            OpenApiParameter("project", str, required=True),
            OpenApiParameter("run", str, description="only this run"),
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Changes of runs as they happen: `event: run` with the newest state of a run, `event:
        reset` when some were dropped and the reader should read its page again. Goes on after
        `Last-Event-ID`."""
        slug = request.query_params.get("project", "")
        if not slug:
            errors = [{"parameter": "project", "detail": "required"}]
            raise ApiProblem(400, "bad_parameter", "Name the project.", errors=errors)
        project = _project(request, slug)
        uid = request.query_params.get("run", "")
        if uid:
            run_of(project, uid)
        since = _since(request.headers.get("Last-Event-ID", ""), uid)
        response = StreamingHttpResponse(
            events(project.pk, uid, since), content_type="text/event-stream"
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        return response


def _project(request: Request, slug: str) -> Project:
    access = access_of(request.user, slug)
    token = request.auth
    allowed = RIGHT in access.rights and (
        not isinstance(token, ApiToken) or scope_allows(token.scope, RIGHT)
    )
    if access.project is None or not allowed:
        raise PermissionDenied(f"Your role does not include {RIGHT}.")
    return access.project


def _since(last_id: str, uid: str) -> datetime:
    """From which change on to send: after the last event that the reader has, with an overlap
    for transactions that were open then."""
    if last_id.isascii() and last_id.isdigit() and len(last_id) <= 15:
        return datetime.fromtimestamp(int(last_id) / 1000, UTC) - WINDOW
    if uid:
        return datetime.fromtimestamp(0, UTC)
    return datetime.now(UTC) - FIRST_LOOK


async def events(project_id: int, uid: str, since: datetime) -> AsyncIterator[bytes]:
    """The stream's bytes until the reader leaves or its time is over."""
    subscription = Subscription(project_id, uid)
    broadcaster.add(subscription)
    ends = time.monotonic() + LONGEST_S
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        for row in await sync_to_async(changed_since)(since, [project_id], uid):
            yield _frame(row)
        # What follows comes from the broadcaster: a reader must not keep a connection for hours.
        await sync_to_async(close_old_connections)()
        while (left := ends - time.monotonic()) > 0:
            rows = await subscription.take(min(KEEP_ALIVE_S, left))
            if subscription.overflowed:
                subscription.overflowed = False
                yield b"event: reset\ndata: {}\n\n"
            for row in rows:
                yield _frame(row)
            if not rows:
                yield b": keep-alive\n\n"
    finally:
        broadcaster.remove(subscription)


def _frame(row: Mapping[str, Any]) -> bytes:
    number = int(row["updated"].timestamp() * 1000)
    text = json.dumps(public(row), ensure_ascii=False, separators=(",", ":"))
    return f"id: {number}\nevent: run\ndata: {text}\n\n".encode()
