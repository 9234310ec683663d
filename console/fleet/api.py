"""Endpoints for hosts."""
from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.pagination import PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.views import ApiView, valid
from console.fleet import services
from console.fleet.models import Host, WorkerProcess


class WorkerSerializer(serializers.ModelSerializer[WorkerProcess]):
    class Meta:
        model = WorkerProcess
        fields = ("name", "queues", "kinds", "slots", "roots", "version", "started", "last_seen")
        read_only_fields = fields


class HostSerializer(serializers.ModelSerializer[Host]):
    id = serializers.IntegerField(read_only=True)
    state = serializers.ChoiceField(choices=["online", "draining", "offline"], read_only=True)
    workers = WorkerSerializer(many=True, read_only=True)

    class Meta:
        model = Host
        fields = (
            "id", "name", "state", "draining", "slots", "queues", "kinds", "gpus", "version",
            "first_seen", "last_seen", "workers",
        )
        read_only_fields = fields


class DrainSerializer(serializers.Serializer[Any]):
    draining = serializers.BooleanField()


@requires(get="fleet.view")
class HostsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(HostSerializer))
    def get(self, request: Request, project: str) -> Response:
        """The hosts that run jobs, with their workers."""
        page = page_of_request(request, Host.objects.prefetch_related("workers"))
        return page_response(page, lambda host: HostSerializer(host).data)


@requires(post="fleet.manage")
class DrainView(ApiView):
    @extend_schema(request=DrainSerializer, responses=HostSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Let a host finish what it has and take nothing new, or take work again."""
        host = get_object_or_404(Host, pk=pk)
        body = valid(DrainSerializer(data=request.data))
        services.set_draining(Actor.of_request(request), host, draining=body["draining"])
        return Response(HostSerializer(host).data)
