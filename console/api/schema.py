"""How endpoints describe themselves in the OpenAPI document."""
from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    """Groups operations by the first word of the path after the project."""

    def get_tags(self) -> list[str]:
        parts = [p for p in self.path.removeprefix("/api/v1").split("/") if p]
        if parts[:1] == ["projects"] and len(parts) > 2:
            return [parts[2]]
        return parts[:1]


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "console.api.authentication.TokenAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class CookieScheme(OpenApiAuthenticationExtension):
    target_class = "console.api.authentication.CookieAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "gatehouse_session"}
