"""Response headers that hold for every page, above all the content security policy.

Scripts and styles come from this origin or carry the request's nonce; nothing inline, no eval.
Templates read the nonce as `{{ csp_nonce }}`.
"""
from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'nonce-{nonce}'",
        "style-src 'self' 'nonce-{nonce}'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
INERT_POLICY = "default-src 'none'; sandbox"
"""for files that people or jobs made: whatever they hold, nothing in them runs"""
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class SecurityHeaders(MiddlewareMixin):
    """Makes the nonce and sets the headers, unless the view has set a stricter policy itself."""

    def process_request(self, request: HttpRequest) -> None:
        request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        value = request.csp_nonce  # type: ignore[attr-defined]
        response.headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=value))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path_info.startswith("/static/"):
            # Pages and answers hold what one person may see.
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


def nonce(request: HttpRequest) -> dict[str, str]:
    """Template context: `csp_nonce` of this request."""
    return {"csp_nonce": request.csp_nonce}  # type: ignore[attr-defined]
