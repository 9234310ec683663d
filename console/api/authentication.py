"""Who calls the API: a person by session cookie (with CSRF token), or a token, never both.

A request with an Authorization header is judged by it alone: its cookies are not looked at, so a
wrong token never falls back to whoever is signed in in that browser.
"""
from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from console.accounts.models import ApiToken, HostToken, User
from console.accounts.tokens import find_api_token, find_host_token
from console.api.problems import ApiProblem


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer gha_…` acts for its owner, `ghh_…` for a host."""

    def authenticate(
        self, request: Request
    ) -> tuple[User | AnonymousUser, ApiToken | HostToken] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise AuthenticationFailed("The Authorization header must be `Bearer TOKEN`.")
        secret = secret.strip()
        if api_token := find_api_token(secret):
            return api_token.user, api_token
        if host_token := find_host_token(secret):
            return AnonymousUser(), host_token
        raise AuthenticationFailed("The token is unknown, expired or revoked.")

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="gatehouse"'


class CookieAuthentication(SessionAuthentication):
    """The browser's session. Unsafe methods need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found and isinstance(found[0], User) and found[0].must_change_password:
            raise ApiProblem(
                403, "password_change_required", "Sign in and choose a password of your own."
            )
        return found

    def enforce_csrf(self, request: Request) -> None:
        super().enforce_csrf(request)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="gatehouse"'
