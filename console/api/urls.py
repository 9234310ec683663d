"""Everything below /api/v1/. Each app lists its endpoints in `api_urls.py`."""
from __future__ import annotations

from django.urls import include, path, re_path

from console.api.views import SchemaView, gone

app_name = "api"
urlpatterns = [
    path("v1/schema/", SchemaView.as_view(), name="schema"),
    path("v1/", include("console.accounts.api_urls")),
    path("v1/", include("console.catalog.api_urls")),
    path("v1/", include("console.runs.api_urls")),
    path("v1/", include("console.fleet.api_urls")),
    path("v1/", include("console.gates.api_urls")),
    path("v1/", include("console.reviews.api_urls")),
    path("v1/", include("console.guidance.api_urls")),
    path("v1/", include("console.verdicts.api_urls")),
    re_path(r"^.*$", gone),
]
