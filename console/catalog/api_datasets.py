"""Endpoints for datasets, their records and images, and for models."""
from __future__ import annotations

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.etags import etag_of, require_match
from console.api.pagination import (
    PAGE_PARAMETERS,
    page_of_request,
    page_response,
    paged,
)
from console.api.problems import ApiProblem
from console.api.views import ApiView, valid
from console.catalog import media, queries, services
from console.catalog import serializers as forms
from console.catalog.api_configs import number_of
from console.catalog.models import Dataset, ModelEntry
from console.reviews import blindness


@requires(get="datasets.view")
class DatasetsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.DatasetSerializer))
    def get(self, request: Request, project: str) -> Response:
        """The datasets of a project, newest first."""
        page = page_of_request(request, queries.datasets(self.project))
        return page_response(page, lambda row: forms.DatasetSerializer(row).data)


@requires(get="datasets.view", patch="datasets.edit")
class DatasetView(ApiView):
    @extend_schema(responses=forms.DatasetSerializer)
    def get(self, request: Request, project: str, name: str) -> Response:
        """One dataset."""
        return self._response(queries.dataset_named(self.project, name))

    @extend_schema(request=forms.DescriptionSerializer, responses=forms.DatasetSerializer)
    def patch(self, request: Request, project: str, name: str) -> Response:
        """Describe a dataset. Needs If-Match."""
        dataset = queries.dataset_named(self.project, name)
        require_match(request, _etag(dataset))
        body = valid(forms.DescriptionSerializer(data=request.data))
        services.describe_dataset(Actor.of_request(request), dataset, body["description"])
        return self._response(dataset)

    def _response(self, dataset: Dataset) -> Response:
        headers = {"ETag": _etag(dataset)}
        return Response(forms.DatasetSerializer(dataset).data, headers=headers)


@requires(get="datasets.view")
class DatasetVersionsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.DatasetVersionSerializer))
    def get(self, request: Request, project: str, name: str) -> Response:
        """The versions of a dataset, newest first."""
        rows = queries.dataset_versions(queries.dataset_named(self.project, name))
        page = page_of_request(request, rows)
        return page_response(page, lambda row: forms.DatasetVersionSerializer(row).data)


@requires(get="datasets.view")
class DatasetVersionView(ApiView):
    @extend_schema(responses=forms.DatasetVersionSerializer)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """One version; its report, files and records have addresses of their own."""
        version = queries.dataset_version(self.project, name, number)
        return Response(forms.DatasetVersionSerializer(version).data)


@requires(get="datasets.view")
class ImageView(ApiView):
    query_parameters = frozenset({"size"})

    @extend_schema(
        responses={(200, "image/*"): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter(
                "size", OpenApiTypes.INT, description="longest side of a JPEG preview in pixels",
                enum=list(media.PREVIEW_SIZES),
            )
        ],
    )
    def get(
        self, request: Request, project: str, name: str, number: int, record: int
    ) -> HttpResponseBase:
        """The image of a record as stored, or a preview of it."""
        row = queries.record(queries.dataset_version(self.project, name, number), record)
        plain = request._request
        if "size" in request.query_params:
            return media.preview_response(plain, row.image_sha, number_of(request, "size"))
        return media.file_response(plain, row.image_sha, row.image_path)


@requires(get="datasets.view")
class DatasetFileView(ApiView):
    query_parameters = frozenset({"path"})

    @extend_schema(
        responses={200: OpenApiResponse(OpenApiTypes.BINARY)},
        parameters=[
            OpenApiParameter("path", str, required=True, description="as listed in files")
        ],
    )
    def get(self, request: Request, project: str, name: str, number: int) -> HttpResponseBase:
        """Download one of a version's files."""
        version = queries.dataset_version(self.project, name, number)
        file = queries.file_of(version.output, request.query_params.get("path", ""))
        if file is None:
            raise ApiProblem(404, "not_found", "The version lists no such file.")
        blindness.refuse_dataset_file(request.rights, file["path"])
        blindness.refuse_output(request.rights, version.output)
        return media.file_response(request._request, file["sha256"], file["path"], download=True)


@requires(get="models.view")
class ModelsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.ModelSerializer))
    def get(self, request: Request, project: str) -> Response:
        """The models of a project, newest first."""
        page = page_of_request(request, ModelEntry.objects.filter(project=self.project))
        return page_response(page, lambda row: forms.ModelSerializer(row).data)


@requires(get="models.view", patch="models.edit")
class ModelView(ApiView):
    @extend_schema(responses=forms.ModelSerializer)
    def get(self, request: Request, project: str, name: str) -> Response:
        """One model."""
        return self._response(queries.model_named(self.project, name))

    @extend_schema(request=forms.DescriptionSerializer, responses=forms.ModelSerializer)
    def patch(self, request: Request, project: str, name: str) -> Response:
        """Describe a model. Needs If-Match."""
        entry = queries.model_named(self.project, name)
        require_match(request, _etag(entry))
        body = valid(forms.DescriptionSerializer(data=request.data))
        services.describe_model(Actor.of_request(request), entry, body["description"])
        return self._response(entry)

    def _response(self, entry: ModelEntry) -> Response:
        return Response(forms.ModelSerializer(entry).data, headers={"ETag": _etag(entry)})


@requires(get="models.view")
class ModelVersionsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.ModelVersionSerializer))
    def get(self, request: Request, project: str, name: str) -> Response:
        """The versions of a model, newest first."""
        rows = queries.model_versions(queries.model_named(self.project, name))
        page = page_of_request(request, rows)
        return page_response(page, lambda row: forms.ModelVersionSerializer(row).data)


@requires(get="models.view")
class ModelVersionView(ApiView):
    @extend_schema(responses=forms.ModelVersionSerializer)
    def get(self, request: Request, project: str, name: str, number: int) -> Response:
        """One version with its files and headline figures."""
        version = queries.model_version(self.project, name, number)
        return Response(forms.ModelVersionSerializer(version).data)


def _etag(thing: Dataset | ModelEntry) -> str:
    return etag_of(type(thing).__name__, thing.pk, thing.description)
