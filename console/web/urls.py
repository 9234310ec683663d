"""Pages of this app."""
from __future__ import annotations

from django.urls import path

from console.web import settings_views, views

app_name = "web"
_S = "p/<slug:project>/settings/"
urlpatterns = [
    path("p/<slug:project>/search", views.search, name="search"),
    path(_S, settings_views.settings, name="settings"),
    path(_S + "people/", settings_views.people, name="people"),
    path(_S + "tokens/", settings_views.tokens, name="tokens"),
    path(_S + "hosts/", settings_views.hosts, name="hosts"),
    path(_S + "audit/", settings_views.audit_log, name="audit"),
    path(_S + "projects/", settings_views.projects, name="projects"),
]
