"""Helpers of page views: problems as pages, paging links, the project of the request."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render

from console.accounts.models import Project
from console.api.problems import ApiProblem

P = ParamSpec("P")
_GZIP = GZipMiddleware(lambda request: HttpResponse())
PageView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(view: PageView[P]) -> PageView[P]:
    """A problem that a service or query raises becomes a page with its sentence and status."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return _packed(request, view(request, *args, **kwargs))
        except ApiProblem as problem:
            context = {"problem": problem.message, "code": problem.code}
            return render(request, "web/problem.html", context, status=problem.status_code)

    return answer


def _packed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Pages and JSON go compressed; Django pads them at random, so that their length tells
    nothing about a secret in them. Files and images are sent as they are."""
    media = response.headers.get("Content-Type", "")
    if isinstance(response, HttpResponse) and media.startswith(("text/html", "application/json")):
        return _GZIP.process_response(request, response)
    return response


def project_of(request: HttpRequest) -> Project:
    """The project that the access check found. Only for views below /p/<project>/."""
    project = vars(request)["project"]
    assert isinstance(project, Project)
    return project


def link(request: HttpRequest, **changes: Any) -> str:
    """This page's query string with some keys changed; None or empty removes a key."""
    query = request.GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return "?" + query.urlencode()


def pager(request: HttpRequest, next_cursor: str | None) -> dict[str, str]:
    """Links of a keyset page: on to older rows, back to the first page."""
    return {
        "next_url": link(request, cursor=next_cursor) if next_cursor else "",
        "previous_url": link(request, cursor=None) if request.GET.get("cursor") else "",
    }
