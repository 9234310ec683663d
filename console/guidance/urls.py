"""Pages of this app."""

from __future__ import annotations

from django.urls import path

from console.guidance import label_views, views

app_name = "guidance"
_P = "p/<slug:project>/guidance/"
_M = _P + "m/<str:mission>/"
urlpatterns = [
    path(
        "p/<slug:project>/datasets/<str:name>/<int:number>/labels/",
        label_views.labels,
        name="labels",
    ),
    path(_P, views.index, name="index"),
    path(_P + "yours/", views.yours, name="yours"),
    path(_P + "promote/<str:uid>/", views.promote, name="promote"),
    path(_M, views.mission, name="mission"),
    path(_M + "diff/", views.diff, name="diff"),
    path(_M + "edit/", views.edit, name="edit"),
    path(_M + "revert/", views.revert, name="revert"),
    path(_M + "do/<str:what>", views.act, name="act"),
]
