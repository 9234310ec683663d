"""Pages of this app."""
from __future__ import annotations

from django.urls import path

from console.gates import views

app_name = "gates"
urlpatterns = [
    path("p/<slug:project>/gates/", views.gates, name="gates"),
    path("p/<slug:project>/gates/<str:uid>/", views.gate, name="gate"),
]
