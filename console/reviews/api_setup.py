"""Endpoints of operators and bots: the policy, the reasons, and exports."""
from __future__ import annotations

from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.etags import etag_of, require_match
from console.api.idempotency import idempotent
from console.api.pagination import PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.problems import ApiProblem
from console.api.views import valid
from console.catalog.streams import bytes_response
from console.reviews import exporting, filters, forms, policy, services
from console.reviews.api import ReviewView
from console.reviews.models import Export, ReasonList, ReviewPolicy


@requires(get="reviews.view", patch="reviews.configure")
class ReviewPolicyView(ReviewView):
    @extend_schema(responses=forms.PolicySerializer)
    def get(self, request: Request, project: str) -> Response:
        """How this project reviews."""
        return _policy(policy.policy_of(self.project))

    @extend_schema(request=forms.PolicySerializer, responses=forms.PolicySerializer)
    def patch(self, request: Request, project: str) -> Response:
        """Change parts of it, naming by If-Match the policy that was read."""
        require_match(request, _policy_etag(policy.policy_of(self.project)))
        values = dict(request.data)
        services.set_policy(self.actor, self.project, values)
        return _policy(policy.policy_of(self.project))


@requires(get="reviews.view", put="reviews.configure")
class ReviewReasonsView(ReviewView):
    @extend_schema(responses=forms.ReasonListSerializer)
    def get(self, request: Request, project: str) -> Response:
        """The reasons that a decision may give."""
        return _reasons(policy.reasons_of(self.project))

    @extend_schema(request=forms.ReasonListSerializer, responses=forms.ReasonListSerializer)
    def put(self, request: Request, project: str) -> Response:
        """A new version of the list, naming by If-Match the version that was read."""
        require_match(request, _reasons_etag(policy.reasons_of(self.project)))
        body = valid(forms.ReasonListSerializer(data=request.data))
        return _reasons(services.write_reasons(self.actor, self.project, body["codes"]))


@requires(get="reviews.export", post="reviews.export")
class ReviewExportsView(ReviewView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.ExportSerializer))
    def get(self, request: Request, project: str) -> Response:
        """Snapshots of what was decided, newest first."""
        page = page_of_request(request, Export.objects.filter(project=self.project))
        return page_response(page, lambda row: forms.ExportSerializer(row).data)

    @extend_schema(
        request=forms.ExportRequestSerializer,
        responses={
            201: forms.ExportSerializer,
            202: OpenApiResponse(forms.ExportSerializer, "goes on; look again"),
        },
    )
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Take a snapshot of the decided tickets of a filter. They cannot be undone afterwards.
        A long one is a 202 and goes on by itself."""
        body = valid(forms.ExportRequestSerializer(data=request.data))
        wanted = filters.filter_of_json(body["filter"])
        made = services.start_export(self.actor, self.project, body["scope"], wanted)
        path = f"/api/v1/projects/{project}/review/exports/{made.uid}/"
        return Response(
            forms.ExportSerializer(made).data, status=201 if made.sha256 else 202,
            headers={"Location": path},
        )


@requires(get="reviews.export")
class ReviewExportView(ReviewView):
    @extend_schema(responses=forms.ExportSerializer)
    def get(self, request: Request, project: str, uid: str) -> Response:
        """One snapshot."""
        return Response(forms.ExportSerializer(self.export(uid)).data)

    def export(self, uid: str) -> Export:
        found = Export.objects.filter(project=self.project, uid=uid).first()
        if found is None:
            raise Http404
        return found


@requires(get="reviews.export")
class ReviewExportFileView(ReviewExportView):
    @extend_schema(
        responses={(200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR)}
    )
    def get(  # type: ignore[override]
        self, request: Request, project: str, uid: str
    ) -> HttpResponseBase:
        """The lines of a snapshot, always the same bytes. 409 while it is being written."""
        found = self.export(uid)
        if not found.sha256:
            raise ApiProblem(409, "not_ready", "The snapshot is still being written.")
        return bytes_response(
            request._request, exporting.chunks(found), f"reviews-{found.uid}.jsonl", found.size,
            etag_of(found.sha256),
        )


def _policy(found: ReviewPolicy) -> Response:
    return Response(forms.PolicySerializer(found).data, headers={"ETag": _policy_etag(found)})


def _policy_etag(found: ReviewPolicy) -> str:
    return etag_of("policy", found.project_id, found.version)


def _reasons(found: ReasonList) -> Response:
    body = {"version": found.version, "codes": found.codes}
    return Response(body, headers={"ETag": _reasons_etag(found)})


def _reasons_etag(found: ReasonList) -> str:
    return etag_of("reasons", found.project_id, found.version)
