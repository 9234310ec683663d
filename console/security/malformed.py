"""Refuses what no client of ours sends and no database stores: NUL in a path or query string."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from console.api.problems import problem_response


class RefuseMalformed(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return problem_response(400, "malformed", "NUL is not allowed in an address.")
        return None
