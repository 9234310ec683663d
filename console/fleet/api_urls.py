"""Endpoints of this app below /api/v1/."""
from __future__ import annotations

from django.urls import path

from console.fleet import api

urlpatterns = [
    path("projects/<slug:project>/hosts/", api.HostsView.as_view(), name="hosts"),
    path("hosts/<int:pk>/drain/", api.DrainView.as_view(), name="host_drain"),
]
