"""The API's side of deny-by-default: the view's declared requirement against who calls."""
from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from console.accounts.access import access_of, requirement_of
from console.accounts.models import ApiToken, HostToken, User
from console.accounts.roles import HOST, PUBLIC, SIGNED_IN, scope_allows
from console.api.problems import ApiProblem

if TYPE_CHECKING:
    # rest_framework.views imports this module for its default settings.
    from rest_framework.views import APIView


class HasRight(BasePermission):
    """Sets `request.project`, `request.role` and `request.rights`.

    401 without credentials, 404 for a project that is not theirs, 403 for a missing right.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        requirement = requirement_of(type(view))
        method = request.method or "GET"
        right = requirement.for_method(method) if requirement else None
        if right is None and method not in view.allowed_methods:
            raise MethodNotAllowed(method)
        if right is None:
            raise ApiProblem(403, "undeclared", "This endpoint declares no permission.")
        if right == PUBLIC:
            return True
        if isinstance(request.auth, HostToken):
            return _check_host(right)
        if not isinstance(request.user, User):
            raise NotAuthenticated("Sign in or send a token.")
        if right == HOST:
            raise ApiProblem(403, "host_only", "Only a host token may do this.")
        return _check_person(request, view, right)


def _check_host(right: str) -> bool:
    if right != HOST:
        raise ApiProblem(403, "host_token", "A host token is good for the host API only.")
    return True


def _check_person(request: Request, view: APIView, right: str) -> bool:
    access = access_of(request.user, view.kwargs.get("project"))
    rights = access.rights
    token = request.auth
    if isinstance(token, ApiToken):
        rights = frozenset(name for name in rights if scope_allows(token.scope, name))
    request.project = access.project
    request.role = access.role
    request.rights = rights
    if right in rights or right == SIGNED_IN:
        return True
    if isinstance(token, ApiToken) and right in access.rights:
        raise ApiProblem(403, "scope", f"The token's scope ({token.scope}) does not cover {right}.")
    raise ApiProblem(403, "forbidden", f"Your role does not include {right}.")
