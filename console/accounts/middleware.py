"""Deny by default: a view that declares no requirement answers nobody."""
from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from console.accounts.access import Requirement, access_of, requirement_of
from console.accounts.models import User
from console.accounts.roles import PUBLIC, SIGNED_IN
from console.api.problems import problem_response

log = logging.getLogger(__name__)
OPEN_WHILE_PASSWORD_IS_ONE_TIME = frozenset({"accounts:password", "accounts:sign_out"})


class DenyByDefault:
    """Checks pages here. API views are checked by DRF's permission, after their authentication;
    here they only have to declare a requirement, like everything else."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponse],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> HttpResponse | None:
        requirement = requirement_of(view)
        right = requirement.for_method(request.method or "GET") if requirement else None
        if requirement is None:
            log.error("view declares no requirement", extra={"view": repr(view)})
            return refuse(request, 403, "undeclared", "This page declares no permission.")
        if "cls" in vars(view) or right == PUBLIC:
            return None
        if right is None:
            return refuse(request, 405, "method_not_allowed", "This page has no such method.")
        return self._check_page(request, requirement, right, kwargs)

    def _check_page(
        self, request: HttpRequest, requirement: Requirement, right: str, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User):
            return to_sign_in(request)
        if user.must_change_password and not _may_keep_one_time_password(request):
            return _redirect(request, reverse("accounts:password"))
        access = access_of(user, kwargs.get("project"))
        request.project = access.project  # type: ignore[attr-defined]
        request.role = access.role  # type: ignore[attr-defined]
        request.rights = access.rights  # type: ignore[attr-defined]
        if right == SIGNED_IN or right in access.rights:
            return None
        return refuse(request, 403, "forbidden", f"Your role does not include {right}.")


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send a person to the sign-in page and back here afterwards; a script gets 401."""
    wanted = request.get_full_path() if request.method == "GET" else "/"
    if request.headers.get("HX-Request") == "true":
        wanted = request.headers.get("HX-Current-URL", "/")
    if request.path_info.startswith("/api/"):
        return problem_response(401, "unauthenticated", "Sign in or send a token.")
    return _redirect(request, reverse("accounts:sign_in") + "?" + urlencode({"next": wanted}))


def refuse(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """A refusal in the form that the client reads."""
    if request.path_info.startswith("/api/"):
        return problem_response(status, code, detail)
    return render(request, "403.html", {"code": code, "detail": detail}, status=status)


def _may_keep_one_time_password(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.view_name in OPEN_WHILE_PASSWORD_IS_ONE_TIME


def _redirect(request: HttpRequest, url: str) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        # htmx follows an ordinary redirect inside the fragment; this one moves the page.
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
