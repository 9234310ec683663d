"""Pages of this app."""
from __future__ import annotations

from django.urls import path

from console.fleet import views

app_name = "fleet"
urlpatterns = [
    path("p/<slug:project>/fleet/", views.fleet, name="fleet"),
    path("p/<slug:project>/fleet/<str:host>/drain/", views.drain, name="drain"),
]
