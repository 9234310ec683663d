"""Endpoints that correct a dataset's labels by what people decided."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.idempotency import idempotent
from console.api.pagination import PAGE_PARAMETERS, limit_of, place_page
from console.api.views import ApiView
from console.catalog import queries as catalog
from console.guidance import relabelling


class CorrectionSerializer(serializers.Serializer[Any]):
    ticket_key = serializers.CharField()
    was = serializers.CharField()
    now = serializers.CharField(allow_null=True, help_text="null: left out of the version")
    item = serializers.IntegerField(help_text="the decided ticket of the review queue")
    settled = serializers.CharField()


class CorrectionsSerializer(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    tickets = serializers.IntegerField()
    decisions = serializers.IntegerField(help_text="tickets of this dataset that people decided")
    corrected = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="unusable, or there under the other label too")
    runs = serializers.ListField(child=serializers.CharField(), help_text="that judged it")
    items = CorrectionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RelabelSerializer(serializers.Serializer[Any]):
    run = serializers.CharField(help_text="uid of the run that writes the next version")
    snapshot = serializers.CharField(help_text="uid of the review export it reads")
    decisions = serializers.CharField(help_text="reference of the snapshot's file")


@requires(get="reviews.audit", post="datasets.relabel")
class CorrectionsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=CorrectionsSerializer)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """The labels of a version that differ from what people decided. 403 for who may get its
        tickets blind."""
        version = catalog.dataset_version(self.project, name, number)
        found = relabelling.preview(self.project, version)
        changes = found.changes
        cursor = request.query_params.get("cursor", "")
        places, following = place_page(range(len(changes)), cursor, limit_of(request))
        body = {
            "dataset": version.ref,
            "tickets": found.tickets,
            "decisions": found.decisions,
            "corrected": found.corrected,
            "left_out": found.left_out,
            "runs": [run.uid for run in found.runs],
            "items": [
                {
                    "ticket_key": changes[place].ticket_key,
                    "was": changes[place].was,
                    "now": changes[place].now,
                    "item": changes[place].decided.item,
                    "settled": changes[place].decided.settled,
                }
                for place in places
            ],
            "next_cursor": following,
        }
        return Response(CorrectionsSerializer(body).data)

    @extend_schema(request=None, responses={202: RelabelSerializer})
    @idempotent()
    def post(self, request: Request, project: str, name: str, number: int) -> Response:
        """Queue the run that writes the next version with corrected labels. The decisions are kept
        as a review export and cannot be undone afterwards. 409 where no label differs."""
        version = catalog.dataset_version(self.project, name, number)
        actor = Actor.of_request(request)
        run, snapshot = relabelling.relabel(actor, self.project, version)
        body = {
            "run": run.uid,
            "snapshot": snapshot.uid,
            "decisions": run.config_resolved["decisions"],
        }
        path = f"/api/v1/projects/{project}/runs/{run.uid}/"
        return Response(RelabelSerializer(body).data, status=202, headers={"Location": path})
