"""RFC 9457 problem documents: one shape for every error of the API.

    {"type", "title", "status", "code", "detail", "errors": [{"pointer", "detail", ...}]}

`code` is stable and for programs, `detail` is for people, `errors` name places in the request by
JSON pointer (a config problem also carries its line, column and dotted path).
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from mlcore.errors import ConfigError, Problem

MEDIA_TYPE = "application/problem+json"


class ApiProblem(exceptions.APIException):
    """Raise this from a service or view; the handler makes the document. `extra` adds members."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.code = code
        self.message = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = extra


def problem(
    status: int, code: str, detail: str, errors: Sequence[Mapping[str, Any]] = (), **extra: Any
) -> dict[str, Any]:
    """The document as plain data."""
    out: dict[str, Any] = {
        "type": f"urn:gatehouse:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }
    if errors:
        out["errors"] = [dict(error) for error in errors]
    return out


def problem_response(status: int, code: str, detail: str, **extra: Any) -> JsonResponse:
    """For middleware, which stands outside DRF."""
    return JsonResponse(
        problem(status, code, detail, **extra), status=status, content_type=MEDIA_TYPE
    )


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in path)


def config_errors(problems: Sequence[Problem], field: str = "text") -> list[dict[str, Any]]:
    """Problems of a config text that stands in the request's `field`."""
    return [
        {
            "pointer": f"/{field}", "detail": item.message, "file": item.file, "line": item.line,
            "column": item.column, "path": item.path,
        }
        for item in problems
    ]


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. Anything unknown stays an exception and becomes a 500."""
    found = _describe(error)
    if found is None:
        return None
    body, headers = found
    response = Response(body, status=body["status"], headers=headers)
    response.content_type = MEDIA_TYPE
    return response


def _describe(error: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    if isinstance(error, ApiProblem):
        body = problem(error.status_code, error.code, error.message, error.errors, **error.extra)
        return body, error.headers
    if isinstance(error, Http404):
        return problem(404, "not_found", "There is no such object, or it is not yours to see."), {}
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", "The request is too large."), {}
    if isinstance(error, PermissionDenied):
        return problem(403, "forbidden", str(error) or "You may not do this."), {}
    if isinstance(error, ConfigError):
        return problem(422, "config", error.message, config_errors(error.problems)), {}
    if isinstance(error, exceptions.ValidationError):
        errors = _field_errors(error.detail)
        return problem(422, "invalid", _summary(errors), errors), {}
    if isinstance(error, ModelValidationError):
        errors = _model_errors(error)
        return problem(422, "invalid", _summary(errors), errors), {}
    if isinstance(error, exceptions.APIException):
        return _describe_drf(error)
    return None


_CODES = {
    exceptions.ParseError: "malformed",
    exceptions.AuthenticationFailed: "unauthenticated",
    exceptions.NotAuthenticated: "unauthenticated",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "throttled",
}


def _describe_drf(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    code = _CODES.get(type(error), str(error.default_code))
    headers = {}
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="gatehouse"'
    if isinstance(error, exceptions.Throttled) and error.wait:
        headers["Retry-After"] = str(int(error.wait) + 1)
    return problem(error.status_code, code, str(error.detail)), headers


def _field_errors(detail: Any, path: tuple[str | int, ...] = ()) -> list[dict[str, Any]]:
    if isinstance(detail, Mapping):
        return [
            error
            for key, value in detail.items()
            for error in _field_errors(value, path if key == "non_field_errors" else (*path, key))
        ]
    if isinstance(detail, list):
        out = []
        for index, value in enumerate(detail):
            nested = isinstance(value, Mapping | list)
            out += _field_errors(value, (*path, index) if nested else path)
        return out
    return [{"pointer": pointer(path), "detail": str(detail)}]


def _model_errors(error: ModelValidationError) -> list[dict[str, Any]]:
    if not hasattr(error, "error_dict"):
        return [{"pointer": "", "detail": message} for message in error.messages]
    return [
        {"pointer": "" if name == "__all__" else pointer([name]), "detail": message}
        for name, messages in error.message_dict.items()
        for message in messages
    ]


def _summary(errors: Sequence[Mapping[str, Any]]) -> str:
    if not errors:
        return "The request is invalid."
    first = errors[0]
    rest = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first['pointer'] or 'request'}: {first['detail']}{rest}"
