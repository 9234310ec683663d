"""Endpoints of this app below /api/v1/."""

from __future__ import annotations

from django.urls import path

from console.guidance import api, api_labels

_G = "projects/<slug:project>/guidance/"
_M = _G + "missions/<str:mission>/"
urlpatterns = [
    path(
        "projects/<slug:project>/datasets/<str:name>/versions/<int:number>/corrections/",
        api_labels.CorrectionsView.as_view(),
        name="dataset_corrections",
    ),
    path(_G, api.GuidancesView.as_view(), name="guidances"),
    path(_G + "promote/", api.PromoteView.as_view(), name="guidance_promote"),
    path(_G + "corrected/", api.CorrectedView.as_view(), name="guidance_corrected"),
    path(_M, api.GuidanceView.as_view(), name="guidance"),
    path(_M + "revert/", api.RevertView.as_view(), name="guidance_revert"),
    path(_M + "versions/", api.GuidanceVersionsView.as_view(), name="guidance_versions"),
    path(_M + "versions/<int:number>/", api.GuidanceVersionView.as_view(), name="guidance_version"),
    path(_M + "versions/<int:number>/diff/", api.GuidanceDiffView.as_view(), name="guidance_diff"),
]
