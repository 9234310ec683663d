"""Pages of this app."""

from __future__ import annotations

from django.urls import path

from console.reviews import desk_views, queue_views

app_name = "reviews"
_R = "p/<slug:project>/review/"
urlpatterns = [
    path(_R, desk_views.review, name="review"),
    path(_R + "desk/", desk_views.desk, name="desk"),
    path(_R + "adjudicate/", desk_views.adjudicate, name="adjudicate"),
    path(_R + "queue/", queue_views.queue, name="queue"),
    path(_R + "take-in/<str:uid>/", queue_views.retake, name="retake"),
    path(_R + "quality/", queue_views.quality, name="quality"),
    path(_R + "tickets/<int:pk>/", queue_views.ticket, name="ticket"),
    path(_R + "tickets/<int:pk>/checklist/", desk_views.checklist, name="checklist"),
]
