"""Refuses unsafe requests that another site made a browser send, before any view sees them.

CSRF tokens guard the forms; this guards every verb and route alike, also those without cookies,
because a page on another site can reach a console on localhost. Browsers send `Sec-Fetch-Site` or
`Origin`; a script that sends neither is no browser.
"""
from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from console.api.problems import problem_response

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class RefuseForeignOrigins(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if request.method in SAFE or _same_origin(request):
            return None
        return problem_response(
            403, "foreign_origin", "The request comes from another site and was refused."
        )


def _same_origin(request: HttpRequest) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("cross-site", "same-site"):
        return _trusted(request.headers.get("Origin", ""))
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    here = f"{request.scheme}://{request.get_host()}"
    return origin == here or _trusted(origin)


def _trusted(origin: str) -> bool:
    parts = urlsplit(origin)
    return f"{parts.scheme}://{parts.netloc}" in settings.CSRF_TRUSTED_ORIGINS
