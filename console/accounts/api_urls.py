"""Endpoints of this app below /api/v1/."""
from __future__ import annotations

from django.urls import path

from console.accounts import api

urlpatterns = [
    path("me/", api.MeView.as_view(), name="me"),
    path("projects/", api.ProjectsView.as_view(), name="projects"),
    path("projects/<slug:project>/", api.ProjectView.as_view(), name="project"),
    path("projects/<slug:project>/members/", api.MembersView.as_view(), name="members"),
    path(
        "projects/<slug:project>/members/<str:username>/", api.MemberView.as_view(), name="member"
    ),
    path("projects/<slug:project>/audit/", api.AuditView.as_view(), name="audit"),
    path("users/", api.UsersView.as_view(), name="users"),
    path("tokens/", api.TokensView.as_view(), name="tokens"),
    path("tokens/<str:prefix>/", api.TokenView.as_view(), name="token"),
    path("host-tokens/", api.HostTokensView.as_view(), name="host_tokens"),
    path("host-tokens/<str:prefix>/", api.HostTokenView.as_view(), name="host_token"),
]
