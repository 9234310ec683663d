"""Endpoints for guidance. Every change needs the ETag of the version that was looked at."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.etags import etag_of, require_match
from console.api.idempotency import idempotent
from console.api.pagination import PAGE_PARAMETERS, Order, page_of_request, page_response, paged
from console.api.problems import ApiProblem
from console.api.views import ApiView, valid
from console.guidance import decisions, queries, reading, services
from console.guidance.models import CorrectedRecords, GuidanceVersion
from console.reviews import blindness
from console.runs import queries as runs

BY_NUMBER = Order("number", ("-number",))


class GuidanceChangeSerializer(serializers.Serializer[Any]):
    verb = serializers.ChoiceField(choices=["add", "update", "delete"])
    key = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    rationale = serializers.CharField(allow_blank=True)
    evidence = serializers.ListField(child=serializers.CharField(), help_text="keys of tickets")


class GuidanceVersionSerializer(serializers.ModelSerializer[GuidanceVersion]):
    mission = serializers.CharField(source="guidance.mission", read_only=True)
    parent = serializers.IntegerField(source="parent.number", read_only=True, allow_null=True)
    author = serializers.CharField(source="author.username", read_only=True, allow_null=True)
    run = serializers.CharField(
        source="run_uid", read_only=True, help_text="uid of the run that it was promoted from"
    )
    changes = GuidanceChangeSerializer(many=True, read_only=True)
    experiences = serializers.DictField(
        source="entry.experiences", child=serializers.CharField(), read_only=True
    )
    metadata = serializers.DictField(source="entry.metadata", read_only=True)

    class Meta:
        model = GuidanceVersion
        fields = (
            "ref",
            "mission",
            "number",
            "parent",
            "origin",
            "run",
            "restored",
            "digest",
            "experiences",
            "metadata",
            "effects",
            "changes",
            "author",
            "message",
            "created",
        )
        read_only_fields = fields


class ImportSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=reading.LONGEST, help_text="a guidance file")
    mission = serializers.CharField(
        max_length=120, default="", allow_blank=True, help_text="empty: the only one of the file"
    )
    message = serializers.CharField(max_length=400, default="", allow_blank=True)


class EditSerializer(serializers.Serializer[Any]):
    experiences = serializers.DictField(
        child=serializers.CharField(max_length=4000), help_text="texts by key, all of them"
    )
    message = serializers.CharField(max_length=400, default="", allow_blank=True)


class RunNameSerializer(serializers.Serializer[Any]):
    run = serializers.CharField(max_length=40, help_text="uid of a finished run of kind stage_b")
    message = serializers.CharField(max_length=400, default="", allow_blank=True)


class RevertSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=1, help_text="the version to bring back")


class GuidanceDiffSerializer(serializers.Serializer[Any]):
    old = serializers.IntegerField(allow_null=True)
    new = serializers.IntegerField()
    changes = GuidanceChangeSerializer(many=True)


class CorrectedRecordsSerializer(serializers.ModelSerializer[CorrectedRecords]):
    run = serializers.CharField(source="run_uid", read_only=True)
    digest = serializers.CharField(source="output.digest", read_only=True)
    summaries = serializers.CharField(source="source.ref", read_only=True)
    author = serializers.CharField(source="author.username", read_only=True, allow_null=True)

    class Meta:
        model = CorrectedRecords
        fields = (
            "ref",
            "mission",
            "number",
            "run",
            "summaries",
            "digest",
            "records",
            "corrected",
            "left_out",
            "author",
            "created",
        )
        read_only_fields = fields


class GuidanceApiView(ApiView):
    """Evidence of guidance names tickets; those that may come to the caller blind without the label
    on record."""

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if isinstance(response, Response) and response.status_code < 400:
            response.data = blindness.without_labels(self.request.rights, response.data)
        return super().finalize_response(request, response, *args, **kwargs)


@requires(get="guidance.view", post="guidance.edit")
class GuidancesView(GuidanceApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(GuidanceVersionSerializer))
    def get(self, request: Request, project: str) -> Response:
        """The version in force of every mission."""
        page = page_of_request(request, queries.current_versions(self.project))
        return page_response(page, lambda row: GuidanceVersionSerializer(row).data)

    @extend_schema(request=ImportSerializer, responses={201: GuidanceVersionSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Import a guidance file as its mission's next version. 409 where nothing would change."""
        body = valid(ImportSerializer(data=request.data))
        actor = Actor.of_request(request)
        version = services.import_text(
            actor, self.project, body["mission"], body["text"], body["message"]
        )
        return _answer(version, 201)


@requires(get="guidance.view", put="guidance.edit")
class GuidanceView(GuidanceApiView):
    @extend_schema(responses=GuidanceVersionSerializer)
    def get(self, request: Request, project: str, mission: str) -> Response:
        """The version in force. Its ETag is what a change must match."""
        return _answer(queries.version(self.project, mission))

    @extend_schema(request=EditSerializer, responses=GuidanceVersionSerializer)
    def put(self, request: Request, project: str, mission: str) -> Response:
        """New texts as the next version. Needs If-Match."""
        now = _matched(request, queries.version(self.project, mission))
        body = valid(EditSerializer(data=request.data))
        return _answer(
            services.edit(
                Actor.of_request(request),
                self.project,
                mission,
                body["experiences"],
                body["message"],
                now.number,
            )
        )


@requires(get="guidance.view")
class GuidanceVersionsView(GuidanceApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(GuidanceVersionSerializer))
    def get(self, request: Request, project: str, mission: str) -> Response:
        """Every version of a mission, newest first."""
        rows = queries.versions(queries.mission(self.project, mission))
        page = page_of_request(request, rows, BY_NUMBER)
        return page_response(page, lambda row: GuidanceVersionSerializer(row).data)


@requires(get="guidance.view")
class GuidanceVersionView(GuidanceApiView):
    @extend_schema(responses=GuidanceVersionSerializer)
    def get(self, request: Request, project: str, mission: str, number: int) -> Response:
        """One version."""
        return _answer(queries.version(self.project, mission, number))


@requires(get="guidance.view")
class GuidanceDiffView(GuidanceApiView):
    query_parameters = frozenset({"from"})

    @extend_schema(
        responses=GuidanceDiffSerializer,
        parameters=[OpenApiParameter("from", int, description="the version's parent by default")],
    )
    def get(self, request: Request, project: str, mission: str, number: int) -> Response:
        """What differs, key by key, with the tickets that are evidence of each change."""
        new = queries.version(self.project, mission, number)
        asked = request.query_params.get("from", "")
        if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 7):
            raise ApiProblem(400, "bad_parameter", "from is the number of a version.")
        old = queries.version(self.project, mission, int(asked)) if asked else new.parent
        before = queries.as_guidance(old) if old else None
        changes = reading.changes(before, queries.as_guidance(new))
        body = {"old": old.number if old else None, "new": new.number, "changes": changes}
        return Response(GuidanceDiffSerializer(body).data)


@requires(post="guidance.edit")
class PromoteView(GuidanceApiView):
    @extend_schema(request=RunNameSerializer, responses={201: GuidanceVersionSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Promote the guidance of a finished run to its mission. Needs If-Match with the ETag of
        the version in force; `*` for the first one."""
        body = valid(RunNameSerializer(data=request.data))
        run = runs.run_of(self.project, body["run"])
        mission, _output = services.promotable(self.project, run)
        now = queries.current_versions(self.project).filter(guidance__mission=mission).first()
        require_match(request, _etag(now) if now else etag_of("guidance", mission, 0))
        version = services.promote(
            Actor.of_request(request),
            self.project,
            run,
            body["message"],
            now.number if now else 0,
        )
        return _answer(version, 201)


@requires(post="guidance.edit")
class RevertView(GuidanceApiView):
    @extend_schema(request=RevertSerializer, responses={201: GuidanceVersionSerializer})
    @idempotent()
    def post(self, request: Request, project: str, mission: str) -> Response:
        """Bring an earlier version back as the next one. Needs If-Match."""
        now = _matched(request, queries.version(self.project, mission))
        body = valid(RevertSerializer(data=request.data))
        actor = Actor.of_request(request)
        version = services.revert(actor, self.project, mission, body["number"], now.number)
        return _answer(version, 201)


@requires(get="guidance.view", post="guidance.edit")
class CorrectedView(GuidanceApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(CorrectedRecordsSerializer))
    def get(self, request: Request, project: str) -> Response:
        """Stage-A records with the labels that people decided, newest first."""
        page = page_of_request(request, queries.corrected(self.project))
        return page_response(page, lambda row: CorrectedRecordsSerializer(row).data)

    @extend_schema(request=RunNameSerializer, responses={201: CorrectedRecordsSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Make the next version from the summaries of a Stage-B run. 409 where nothing differs."""
        body = valid(RunNameSerializer(data=request.data))
        run = runs.run_of(self.project, body["run"])
        made = decisions.correct(Actor.of_request(request), self.project, run)
        return Response(CorrectedRecordsSerializer(made).data, status=201)


def _etag(version: GuidanceVersion) -> str:
    return etag_of("guidance", version.guidance.mission, version.number)


def _matched(request: Request, version: GuidanceVersion) -> GuidanceVersion:
    require_match(request, _etag(version))
    return version


def _answer(version: GuidanceVersion, status: int = 200) -> Response:
    body = GuidanceVersionSerializer(version).data
    return Response(body, status=status, headers={"ETag": _etag(version)})
