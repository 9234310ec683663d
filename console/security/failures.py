"""What a browser is told when the CSRF token is missing or stale."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from console.api.problems import problem_response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The API gets a problem document, a person gets a sentence."""
    detail = _("The form has expired. Reload the page and send it again.")
    if request.path_info.startswith("/api/"):
        return problem_response(403, "csrf", f"{detail} ({reason})")
    return HttpResponse(detail, status=403, content_type="text/plain; charset=utf-8")
