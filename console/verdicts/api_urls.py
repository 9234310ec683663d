"""Endpoints of this app below /api/v1/."""

from __future__ import annotations

from django.urls import path

from console.verdicts import api

_V = "projects/<slug:project>/verdicts/"
urlpatterns = [
    path(_V, api.VerdictSetsView.as_view(), name="verdict_sets"),
    path(_V + "flips/", api.FlipsView.as_view(), name="verdict_flips"),
    path(_V + "points/", api.OperatingPointsView.as_view(), name="operating_points"),
    path(_V + "runs/<str:uid>/", api.VerdictSetView.as_view(), name="verdict_set"),
    path(_V + "runs/<str:uid>/curve/", api.VerdictCurveView.as_view(), name="verdict_curve"),
]
