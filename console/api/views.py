"""The base of every endpoint, and the few endpoints that belong to no app."""
from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from console.accounts.access import Requirement, public, requires
from console.accounts.models import Project
from console.accounts.roles import SIGNED_IN
from console.api.problems import ApiProblem, problem_response


class ApiView(APIView):
    """Subclasses carry `@requires(get="runs.view", post="runs.launch")`.

    `query_parameters` names what the query string may hold; anything else is a 400, so that a
    misspelt filter never silently answers another question.
    """

    requirement: ClassVar[Requirement]
    query_parameters: ClassVar[frozenset[str]] = frozenset()

    @property
    def project(self) -> Project:
        """The project of the URL, which the permission check has found."""
        project = self.request.project
        assert isinstance(project, Project)
        return project

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        unknown = sorted(set(request.query_params) - self.query_parameters)
        if unknown:
            known = ", ".join(sorted(self.query_parameters)) or "none"
            raise ApiProblem(
                400,
                "unknown_parameter",
                f"Unknown query parameter: {', '.join(unknown)}. Known: {known}.",
                errors=[{"parameter": name, "detail": "unknown"} for name in unknown],
            )


def valid(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """The checked body. Raises DRF's ValidationError, which becomes a 422 with pointers."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@requires(get=SIGNED_IN)
class SchemaView(SpectacularJSONAPIView):
    """The OpenAPI document of this API."""


@public
def gone(request: HttpRequest) -> HttpResponse:
    """Unknown paths and versions: an answer in the API's own form."""
    if not request.path_info.startswith("/api/v1/"):
        return problem_response(410, "no_such_version", "This version of the API is not served.")
    return problem_response(404, "not_found", "There is no such endpoint.")
