"""Endpoints of what a person sets for themselves: the desk's keys and habits, saved views."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.models import User
from console.accounts.roles import SIGNED_IN
from console.api.idempotency import idempotent
from console.api.views import ApiView, valid
from console.reviews import own
from console.reviews.api import ReviewView
from console.reviews.models import SavedView


class DeskSettingsSerializer(serializers.Serializer[Any]):
    keys = serializers.DictField(
        child=serializers.CharField(max_length=16), required=False,
        help_text="key by act, where it is not the usual one",
    )  # fmt: skip
    break_minutes = serializers.IntegerField(
        min_value=0, max_value=own.LONGEST_BREAK, required=False, help_text="0: no reminder"
    )


class SavedViewSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=60)
    query = serializers.CharField(
        max_length=2000, allow_blank=True, help_text="query string of the queue's page"
    )
    created = serializers.DateTimeField(read_only=True)


class SavedViewsSerializer(serializers.Serializer[Any]):
    views = SavedViewSerializer(many=True)


@requires(get=SIGNED_IN, patch=SIGNED_IN)
class DeskSettingsView(ApiView):
    @extend_schema(responses=DeskSettingsSerializer)
    def get(self, request: Request) -> Response:
        """The caller's own keys of the desk, and when it speaks of a break."""
        return _desk(request)

    @extend_schema(request=DeskSettingsSerializer, responses=DeskSettingsSerializer)
    def patch(self, request: Request) -> Response:
        """Change them. `keys` replaces all own keys; what is taken is refused."""
        body = valid(DeskSettingsSerializer(data=request.data))
        assert isinstance(request.user, User)
        own.set_desk(request.user, body)
        return _desk(request)


@requires(get="reviews.view", post="reviews.view")
class SavedViewsView(ReviewView):
    @extend_schema(responses=SavedViewsSerializer)
    def get(self, request: Request, project: str) -> Response:
        """The caller's saved views of the queue."""
        rows = own.views_of(self.viewer.user, self.project)
        return Response({"views": SavedViewSerializer(rows, many=True).data})

    @extend_schema(request=SavedViewSerializer, responses={201: SavedViewSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Keep a filter under a name; the same name again is written over."""
        body = valid(SavedViewSerializer(data=request.data))
        made = own.save_view(self.viewer.user, self.project, body["name"], body["query"])
        return Response(SavedViewSerializer(made).data, status=201)


@requires(delete="reviews.view")
class SavedViewView(ReviewView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, project: str, pk: int) -> Response:
        """Forget one of the caller's views."""
        found: SavedView | None = own.views_of(self.viewer.user, self.project).filter(pk=pk).first()
        if found is None:
            raise Http404
        found.delete()
        return Response(status=204)


def _desk(request: Request) -> Response:
    assert isinstance(request.user, User)
    found = own.desk_of(request.user)
    return Response({"keys": found.keys, "break_minutes": found.break_minutes})
