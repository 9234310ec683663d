"""Endpoints of importing: the formats, and a try of a ticket pattern."""
from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.views import ApiView, valid
from console.catalog.import_formats import format_cards
from console.catalog.ticket_test import (
    LONGEST_NAME,
    LONGEST_PATTERN,
    MOST_NAMES,
    try_pattern,
)


class ImportFormatSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="as the config of `import` names it")
    title = serializers.CharField()
    layout = serializers.CharField(help_text="what the source folder must look like")
    tree = serializers.CharField(help_text="an example, one line an entry")
    geometry = serializers.ListField(child=serializers.CharField())


class TicketTrySerializer(serializers.Serializer[Any]):
    pattern = serializers.CharField(max_length=LONGEST_PATTERN, trim_whitespace=False)
    names = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_NAME, trim_whitespace=False),
        max_length=MOST_NAMES, help_text="paths of images inside the source",
    )  # fmt: skip


class TicketAnswerSerializer(serializers.Serializer[Any]):
    tickets = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        help_text="one per name; empty: the image is a ticket of its own",
    )
    distinct = serializers.IntegerField(help_text="how many tickets the names belong to")
    problem = serializers.CharField(allow_blank=True)


@requires(get="datasets.view")
class ImportFormatsView(ApiView):
    @extend_schema(responses=ImportFormatSerializer(many=True))
    def get(self, request: Request, project: str) -> Response:
        """The foreign formats that can be imported."""
        return Response(ImportFormatSerializer(format_cards(), many=True).data)


@requires(post="runs.launch")
class ImportTicketsView(ApiView):
    @extend_schema(request=TicketTrySerializer, responses=TicketAnswerSerializer)
    def post(self, request: Request, project: str) -> Response:
        """Which ticket a pattern finds in each of some names, as an import would. Nothing is
        launched."""
        body = valid(TicketTrySerializer(data=request.data))
        return Response(TicketAnswerSerializer(try_pattern(body["pattern"], body["names"])).data)
