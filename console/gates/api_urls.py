"""Endpoints of this app below /api/v1/."""
from __future__ import annotations

from django.urls import path

from console.gates import api

urlpatterns = [
    path("projects/<slug:project>/gates/", api.GatesView.as_view(), name="gates"),
    path("projects/<slug:project>/gates/<int:pk>/", api.GateView.as_view(), name="gate"),
]
