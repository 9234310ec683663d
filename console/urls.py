"""All routes. Each app's pages are in its `urls.py`, its endpoints in its `api_urls.py`."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.i18n import set_language

from console.accounts.access import public


@public
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing about anything else, so that anybody may ask."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    re_path(r"^healthz/?$", healthz, name="healthz"),
    path("language/", public(set_language), name="set_language"),
    path("api/", include("console.api.urls")),
    path("", include("console.accounts.urls")),
    path("", include("console.catalog.urls")),
    path("", include("console.runs.urls")),
    path("", include("console.fleet.urls")),
    path("", include("console.gates.urls")),
    path("", include("console.reviews.urls")),
    path("", include("console.guidance.urls")),
    path("", include("console.verdicts.urls")),
    path("", include("console.web.urls")),
]
