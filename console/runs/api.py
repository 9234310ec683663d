"""Endpoints of runs: list, launch, one run and the acts on it."""
from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.etags import etag_of, not_modified, require_match
from console.api.idempotency import idempotent
from console.api.pagination import PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.problems import ApiProblem
from console.api.views import ApiView, valid
from console.catalog.models import ConfigVersion
from console.runs import comparing, forms, page_reads, queries, services
from console.runs.models import Run


@requires(get="runs.view", post="runs.launch")
class RunsView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"state", "kind", "name", "q", "tag"}

    @extend_schema(
        responses=paged(forms.RunSerializer),
        parameters=[
            OpenApiParameter("state", str, many=True, description="in one of these states"),
            OpenApiParameter("kind", str, many=True, description="of one of these kinds"),
            OpenApiParameter("name", str, description="exactly this name"),
            OpenApiParameter("q", str, description="part of the name, or start of the uid"),
            OpenApiParameter("tag", str, many=True, description="has every one of these tags"),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        """The runs of a project, newest first."""
        params = request.query_params
        wanted = queries.RunFilter(
            _listed(params.getlist("state")), _listed(params.getlist("kind")),
            params.get("name", ""), params.get("q", ""), _listed(params.getlist("tag")),
        )
        page = page_of_request(request, queries.runs_of(self.project, wanted))
        return page_response(page, lambda run: forms.RunSerializer(run).data)

    @extend_schema(request=forms.LaunchSerializer, responses={201: forms.RunDetailSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Launch a run. 422 names every problem of the config and its inputs."""
        body = valid(forms.LaunchSerializer(data=request.data))
        values = launch_values(self.project, body)
        if "text" not in values:
            errors = [{"pointer": "/config", "detail": "send config or config_ref"}]
            raise ApiProblem(422, "invalid", "There is no config to run.", errors=errors)
        launched = services.launch(
            Actor.of_request(request), self.project, services.LaunchRequest(**values)
        )
        return _created(launched)


@requires(get="runs.view")
class CompareView(ApiView):
    query_parameters = frozenset({"run", "base"})

    @extend_schema(
        responses=forms.ComparisonSerializer,
        parameters=[
            OpenApiParameter("run", str, many=True, description="uids, two to two hundred"),
            OpenApiParameter("base", str, description="uid that the others are held against"),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        """What differs between runs: keys of their configs, and figures with differences."""
        uids = list(dict.fromkeys(_listed(request.query_params.getlist("run"))))
        if not 2 <= len(uids) <= comparing.MAX_RUNS:
            raise ApiProblem(
                400, "bad_parameter", f"run takes 2 to {comparing.MAX_RUNS} different uids."
            )
        runs = page_reads.compared(self.project, uids)
        if len(runs) < len(uids):
            raise Http404
        base = comparing.baseline_of(runs, request.query_params.get("base", ""))
        return Response(
            {
                "runs": uids,
                "base": base.uid,
                "keys": [
                    {
                        "path": row.path,
                        "values": row.values,
                        "present": row.present,
                        "differs": row.differs,
                    }
                    for row in comparing.key_rows(runs, base)
                    if row.varies
                ],
                "figures": [
                    {
                        "name": row.name,
                        "unit": row.unit,
                        "values": row.values,
                        "deltas": row.deltas,
                        "n": row.counts,
                    }
                    for row in comparing.figure_rows(runs, base)
                ],
            }
        )


@requires(get="runs.view", patch="runs.control")
class RunView(ApiView):
    @extend_schema(responses=forms.RunDetailSerializer)
    def get(self, request: Request, project: str, uid: str) -> Response:
        """One run with config, report and attempts. The ETag changes with every change."""
        run = queries.run_of(self.project, uid)
        if run.state != "queued" and not_modified(request, _etag(run)):
            return Response(status=304, headers={"ETag": _etag(run)})
        return _detail(run)

    @extend_schema(request=forms.EditSerializer, responses=forms.RunDetailSerializer)
    def patch(self, request: Request, project: str, uid: str) -> Response:
        """Change name, note, tags, pin, or the priority of a queued run. An If-Match is checked;
        without one the last writer wins, because the version of a live run never rests."""
        run = queries.run_of(self.project, uid)
        if "If-Match" in request.headers:
            require_match(request, _etag(run))
        body = valid(forms.EditSerializer(data=request.data))
        services.edit(Actor.of_request(request), run, body)
        return _detail(queries.run_of(self.project, uid))


@requires(post="runs.control")
class CancelView(ApiView):
    @extend_schema(request=None, responses=forms.RunDetailSerializer)
    @idempotent()
    def post(self, request: Request, project: str, uid: str) -> Response:
        """Cancel a queued run, or ask a running one to stop. 409 when it has ended."""
        services.cancel(Actor.of_request(request), queries.run_of(self.project, uid))
        return _detail(queries.run_of(self.project, uid))


@requires(post="runs.control")
class ResumeView(ApiView):
    @extend_schema(request=None, responses=forms.RunDetailSerializer)
    @idempotent()
    def post(self, request: Request, project: str, uid: str) -> Response:
        """Continue a stopped run from its last checkpoint as its next attempt."""
        services.resume(Actor.of_request(request), queries.run_of(self.project, uid))
        return _detail(queries.run_of(self.project, uid))


@requires(post="runs.launch")
class RetryView(ApiView):
    @extend_schema(request=None, responses={201: forms.RunDetailSerializer})
    @idempotent()
    def post(self, request: Request, project: str, uid: str) -> Response:
        """A new run with the same config and inputs."""
        made = services.retry(Actor.of_request(request), queries.run_of(self.project, uid))
        return _created(made)


@requires(post="runs.launch")
class CloneView(ApiView):
    @extend_schema(request=forms.LaunchSerializer, responses={201: forms.RunDetailSerializer})
    @idempotent()
    def post(self, request: Request, project: str, uid: str) -> Response:
        """A new run like this one but for what the body says."""
        run = queries.run_of(self.project, uid)
        body = valid(forms.LaunchSerializer(data=request.data))
        wanted = services.request_of(run, **launch_values(self.project, body))
        return _created(services.clone(Actor.of_request(request), run, wanted))


@requires(get="runs.view")
class WaitingView(ApiView):
    @extend_schema(responses=forms.WaitingSerializer)
    def get(self, request: Request, project: str, uid: str) -> Response:
        """One sentence for why a queued run waits; empty for any other run."""
        run = queries.run_of(self.project, uid)
        return Response({"state": run.state, "waiting_reason": queries.waiting_reason(run)})


def launch_values(project: Project, body: dict[str, Any]) -> dict[str, Any]:
    """The members of a LaunchRequest that a request's body gives."""
    values = {
        name: body[name]
        for name in ("filename", "name", "inputs", "priority", "queue", "tags", "note")
        if name in body
    }
    if "set" in body:
        values["settings"] = body["set"]
    if "config" in body:
        values |= {"text": body["config"].replace("\r\n", "\n"), "config_ref": ""}
    if "config_ref" in body:
        version = _saved(project, body["config_ref"])
        values |= {"text": version.text, "config_ref": body["config_ref"]}
        values.setdefault("filename", f"{version.config.name}.yaml")
    return values


def _saved(project: Project, ref: str) -> ConfigVersion:
    name, _at, number = ref.rpartition("@")
    rows = ConfigVersion.objects.filter(config__project=project, config__name=name)
    found = rows.select_related("config")
    version = found.filter(number=int(number)).first() if number.isdecimal() else None
    if version is None:
        detail = f"There is no config {ref} in this project; write NAME@VERSION."
        errors = [{"pointer": "/config_ref", "detail": detail}]
        raise ApiProblem(422, "invalid", detail, errors=errors)
    return version


def _listed(values: list[str]) -> list[str]:
    """`a&b` and `a,b` alike."""
    return [part for value in values for part in value.split(",") if part]


def _etag(run: Run) -> str:
    return etag_of(run.uid, run.version)


def _detail(run: Run) -> Response:
    return Response(forms.RunDetailSerializer(run).data, headers={"ETag": _etag(run)})


def _created(run: Run) -> Response:
    path = f"/api/v1/projects/{run.project.slug}/runs/{run.uid}/"
    run = queries.run_of(run.project, run.uid)
    headers = {"ETag": _etag(run), "Location": path}
    return Response(forms.RunDetailSerializer(run).data, status=201, headers=headers)
