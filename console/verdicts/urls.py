"""Pages of this app."""

from __future__ import annotations

from django.urls import path

from console.verdicts import views

app_name = "verdicts"
_P = "p/<slug:project>/verdicts/"
urlpatterns = [
    path(_P, views.board, name="board"),
    path(_P + "flips/", views.flip_list, name="flips"),
    path(_P + "<str:uid>/<int:key>/<int:number>/image", views.image, name="image"),
]
