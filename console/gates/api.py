"""Endpoints for gate results."""
from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.pagination import PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.views import ApiView
from console.gates import queries
from console.gates.models import GateResult


class GateResultSerializer(serializers.ModelSerializer[GateResult]):
    run = serializers.CharField(source="run.uid", read_only=True)

    class Meta:
        model = GateResult
        fields = (
            "id", "run", "policy", "passed", "evaluation_digest", "model_digest", "checks",
            "evidence", "created",
        )
        read_only_fields = fields


@requires(get="gates.view")
class GatesView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"policy", "model_digest"}

    @extend_schema(
        responses=paged(GateResultSerializer),
        parameters=[
            OpenApiParameter("policy", str, description="only of this policy"),
            OpenApiParameter("model_digest", str, description="only of this model"),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        """Verdicts of gates, newest first."""
        params = request.query_params
        rows = queries.results_of(
            self.project, params.get("policy", ""), params.get("model_digest", "")
        )
        page = page_of_request(request, rows)
        return page_response(page, lambda row: GateResultSerializer(row).data)


@requires(get="gates.view")
class GateView(ApiView):
    @extend_schema(responses=GateResultSerializer)
    def get(self, request: Request, project: str, pk: int) -> Response:
        """One verdict with every check."""
        return Response(GateResultSerializer(queries.result(self.project, pk)).data)
