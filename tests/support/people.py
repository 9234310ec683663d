"""People named by their role, and clients that act for them."""
from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client

from console.accounts.audit import SYSTEM
from console.accounts.models import Membership, Project, User
from console.accounts.roles import Scope
from console.accounts.tokens import make_api_token, make_host_token

PASSWORD = "correct horse battery"


def make_user(username: str, **fields: Any) -> User:
    """Somebody whose password is PASSWORD."""
    user = User(username=username, display_name=username.capitalize(), **fields)
    user.password = _encoded(settings.PASSWORD_HASHERS[0])
    user.save()
    return user


@cache
def _encoded(_hasher: str) -> str:
    """PASSWORD as that hasher keeps it. A good one is slow, so people share the result."""
    return make_password(PASSWORD)


def make_project(slug: str) -> Project:
    return Project.objects.create(slug=slug, name=slug.capitalize())


def make_member(project: Project, role: str, username: str = "") -> User:
    """A new member of a project, named like their role unless told otherwise."""
    user = make_user(username or role)
    Membership.objects.create(project=project, user=user, role=role)
    return user


def browser(user: User | None = None, *, csrf: bool = False) -> Client:
    """A browser, signed in as the person. With `csrf` it is held to CSRF tokens."""
    client = Client(enforce_csrf_checks=csrf)
    if user is not None:
        client.force_login(user)
    return client


class ApiClient(Client):
    """Django's test client that sends and reads JSON with a bearer token."""

    def __init__(self, secret: str = "") -> None:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        super().__init__(headers=headers)
        self.secret = secret

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response of a JSON request; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = b"" if body is None else json.dumps(body).encode()
        return self.generic(
            method.upper(), path, data, content_type="application/json", headers=named
        )


class ApiClients:
    """Makes clients: `api(user)`, `api(user, scope="read")`, `api.host("gpu-1")`, `api()`."""

    def __call__(self, user: User | None = None, scope: str = Scope.ADMIN) -> ApiClient:
        if user is None:
            return ApiClient()
        _token, secret = make_api_token(SYSTEM, user, "test", scope)
        return ApiClient(secret)

    def host(self, name: str = "host") -> ApiClient:
        _token, secret = make_host_token(SYSTEM, name)
        return ApiClient(secret)
