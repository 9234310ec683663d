"""Endpoints for kinds and configs."""
from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.roles import SIGNED_IN
from console.api.etags import etag_of, not_modified, require_match
from console.api.idempotency import idempotent
from console.api.pagination import PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.problems import ApiProblem, config_errors
from console.api.views import ApiView, valid
from console.catalog import configs, queries
from console.catalog import serializers as forms
from console.catalog.models import ConfigFile, ConfigVersion
from mlcore.kinds import KINDS, describe, near_kind


@requires(get=SIGNED_IN)
class KindsView(ApiView):
    @extend_schema(responses=forms.KindSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every job kind: what it needs and what it makes."""
        return Response([forms.KindSerializer(asdict(kind)).data for kind in KINDS.values()])


@requires(get=SIGNED_IN)
class KindView(ApiView):
    @extend_schema(responses=forms.KindDetailSerializer)
    def get(self, request: Request, kind: str) -> Response:
        """One kind with the JSON schema of its config."""
        if kind not in KINDS:
            raise ApiProblem(404, "not_found", f"{kind!r} is not a job kind{near_kind(kind)}")
        return Response(forms.KindDetailSerializer(describe(kind)).data)


@requires(post="configs.view")
class CheckView(ApiView):
    @extend_schema(request=forms.TextSerializer, responses=forms.CheckSerializer)
    def post(self, request: Request, project: str) -> Response:
        """Check a config text without storing it: all its problems, or what it resolves to."""
        body = valid(forms.TextSerializer(data=request.data))
        checked = configs.check_text(body["text"], body["filename"])
        loaded = checked.loaded
        answer = {
            "ok": checked.ok,
            "kind": loaded.kind if loaded else None,
            "sha256": loaded.sha256 if loaded else None,
            "resolved": loaded.resolved if loaded else None,
            "provenance": loaded.provenance if loaded else None,
            "errors": config_errors(checked.problems),
        }
        return Response(answer)


@requires(get="configs.view", post="configs.edit")
class ConfigsView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"kind", "archived"}

    @extend_schema(
        responses=paged(forms.ConfigSerializer),
        parameters=[
            OpenApiParameter("kind", str, description="only this job kind"),
            OpenApiParameter("archived", bool, description="the archived ones instead"),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        """The configs of a project, newest first."""
        archived = flag(request, "archived")
        kind = request.query_params.get("kind", "")
        rows = queries.configs(self.project, kind=kind, archived=archived)
        page = page_of_request(request, rows)
        return page_response(page, lambda row: forms.ConfigSerializer(row).data)

    @extend_schema(request=forms.NewConfigSerializer, responses={201: forms.ConfigTextSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Make a config with its first version. 422 lists every problem of the text."""
        body = valid(forms.NewConfigSerializer(data=request.data))
        version = configs.save_version(
            Actor.of_request(request), self.project, body["name"], body["text"], body["message"],
            expected_latest=0,
        )
        return _version_response(version, status=201)


@requires(get="configs.view", patch="configs.edit")
class ConfigView(ApiView):
    @extend_schema(responses=forms.ConfigTextSerializer)
    def get(self, request: Request, project: str, name: str) -> Response:
        """The newest version of a config. Its ETag is what a new version must match."""
        version = queries.config_version(self.project, name)
        if not_modified(request, _etag(version.config)):
            return Response(status=304, headers={"ETag": _etag(version.config)})
        return _version_response(version)

    @extend_schema(request=forms.ArchiveSerializer, responses=forms.ConfigSerializer)
    def patch(self, request: Request, project: str, name: str) -> Response:
        """Archive a config or bring it back. Needs If-Match."""
        config = queries.config_named(self.project, name)
        require_match(request, _etag(config))
        body = valid(forms.ArchiveSerializer(data=request.data))
        configs.set_archived(Actor.of_request(request), config, archived=body["archived"])
        headers = {"ETag": _etag(config)}
        return Response(forms.ConfigSerializer(config).data, headers=headers)


@requires(get="configs.view", post="configs.edit")
class ConfigVersionsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.ConfigVersionSerializer))
    def get(self, request: Request, project: str, name: str) -> Response:
        """The versions of a config, newest first, without their texts."""
        config = queries.config_named(self.project, name)
        page = page_of_request(request, queries.config_versions(config))
        return page_response(page, lambda row: forms.ConfigVersionSerializer(row).data)

    @extend_schema(
        request=forms.NewConfigVersionSerializer, responses={201: forms.ConfigTextSerializer}
    )
    @idempotent()
    def post(self, request: Request, project: str, name: str) -> Response:
        """Write the next version. Needs If-Match with the ETag of the version it was made from."""
        config = queries.config_named(self.project, name)
        require_match(request, _etag(config))
        body = valid(forms.NewConfigVersionSerializer(data=request.data))
        version = configs.save_version(
            Actor.of_request(request), self.project, name, body["text"], body["message"],
            expected_latest=config.latest,
        )
        return _version_response(version, status=201)


@requires(get="configs.view")
class ConfigVersionView(ApiView):
    @extend_schema(responses=forms.ConfigTextSerializer)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """One version with its text."""
        version = queries.config_version(self.project, name, number)
        return Response(forms.ConfigTextSerializer(version).data)


@requires(get="configs.view")
class ConfigDiffView(ApiView):
    query_parameters = frozenset({"old", "new"})

    @extend_schema(
        responses=forms.DiffSerializer,
        parameters=[
            OpenApiParameter("old", OpenApiTypes.INT, required=True, description="version"),
            OpenApiParameter("new", OpenApiTypes.INT, required=True, description="version"),
        ],
    )
    def get(self, request: Request, project: str, name: str) -> Response:
        """The difference between two versions, as a patch and side by side."""
        old = queries.config_version(self.project, name, number_of(request, "old"))
        new = queries.config_version(self.project, name, number_of(request, "new"))
        rows = [asdict(row) for row in configs.diff_rows(old.text, new.text)]
        patch = configs.unified_diff(old, new)
        return Response({"old": old.number, "new": new.number, "patch": patch, "rows": rows})


def number_of(request: Request, name: str) -> int:
    """A required whole number of the query string. Raises ApiProblem 400."""
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiProblem(
            400, "bad_parameter", f"{name} must be a whole number.",
            errors=[{"parameter": name, "detail": "a whole number"}],
        )
    return int(text)


def flag(request: Request, name: str) -> bool:
    """An optional `true` or `false` of the query string. Raises ApiProblem 400."""
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise ApiProblem(
            400, "bad_parameter", f"{name} must be true or false.",
            errors=[{"parameter": name, "detail": "true or false"}],
        )
    return text == "true"


def _etag(config: ConfigFile) -> str:
    return etag_of(config.pk, config.latest, config.archived)


def _version_response(version: ConfigVersion, status: int = 200) -> Response:
    body: Any = forms.ConfigTextSerializer(version).data
    return Response(body, status=status, headers={"ETag": _etag(version.config)})
