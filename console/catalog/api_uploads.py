"""The endpoint that takes a zip for an import."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.parsers import UnreadParser
from console.api.problems import ApiProblem
from console.api.views import ApiView
from console.catalog import uploads

CHUNK = 1 << 20
MEDIA_TYPES = ("application/octet-stream", "application/zip")


class UploadSerializer(serializers.Serializer[Any]):
    ref = serializers.CharField(help_text="write it as `source` in the config of an import")
    name = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


@requires(post="datasets.edit")
class UploadsView(ApiView):
    parser_classes = (UnreadParser,)
    query_parameters = frozenset({"name"})

    @extend_schema(
        request=dict.fromkeys(MEDIA_TYPES, OpenApiTypes.BINARY),
        responses={201: UploadSerializer},
        parameters=[
            OpenApiParameter("name", str, required=True, description="name of the file, .zip")
        ],
        examples=[
            OpenApiExample(
                "An upload",
                value={
                    "ref": "upload:bccd.zip@3f2a9c0d1e2f4a5b", "name": "bccd.zip",
                    "bytes": 7_346_112,
                    "sha256": "9b0c1f0b5f8e0d3f4f4a3a8a6f2f1f6e8e9d6c0b7a5f4e3d2c1b0a9f8e7d6c5b",
                },
                response_only=True, status_codes=["201"],
            )
        ],
    )
    def post(self, request: Request, project: str) -> Response:
        """Upload a zip of a folder to import, as the raw body. It is unpacked by the import, on the
        host that runs it."""
        plain: HttpRequest = request._request
        media = (plain.content_type or "").lower()
        if media not in MEDIA_TYPES:
            raise ApiProblem(
                415, "unsupported_media_type",
                f"Send the bytes of the file as {MEDIA_TYPES[0]}, not as {media or 'nothing'}.",
            )
        stated = plain.headers.get("Content-Length", "")
        made = uploads.take(
            Actor.of_request(request), self.project, request.query_params.get("name", ""),
            int(stated) if stated.isdigit() else 0, _chunks(plain),
        )
        file = made.files[0]
        body = {"ref": made.ref, "name": made.name, "bytes": made.bytes, "sha256": file["sha256"]}
        return Response(body, status=201)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk
