"""How endpoints describe themselves in the OpenAPI document."""
from __future__ import annotations

import re

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from console.api.pagination import MAX_LIMIT, PAGE_PARAMETERS


class Schema(AutoSchema):
    """Groups operations by the first word of the path after the project."""

    def get_operation_id(self) -> str:
        words = re.findall(r"[A-Z][a-z0-9]*", type(self.view).__name__.removesuffix("View"))
        return "_".join([*words, self.method]).lower()

    def get_tags(self) -> list[str]:
        parts = [p for p in self.path.removeprefix("/api/v1").split("/") if p]
        if parts[:1] == ["projects"] and len(parts) > 2:
            return [parts[2]]
        return parts[:1]

    def get_override_parameters(self) -> list[OpenApiParameter]:
        out = list(super().get_override_parameters())
        handler = vars(type(self.view)).get(self.method.lower())
        if handler is not None and vars(handler).get("takes_idempotency_key"):
            needed = bool(vars(handler).get("needs_idempotency_key"))
            header = OpenApiParameter.HEADER
            out.append(OpenApiParameter("Idempotency-Key", str, header, required=needed))
        known = vars(type(self.view)).get("query_parameters", frozenset())
        if self.method == "GET" and known >= PAGE_PARAMETERS:
            out.append(OpenApiParameter("cursor", str, description="next_cursor of a page"))
            out.append(OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}"))
        return out


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
