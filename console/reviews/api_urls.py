"""Endpoints of this app below /api/v1/."""
from __future__ import annotations

from django.urls import path

from console.reviews import api

_REVIEW = "projects/<slug:project>/review/"
_ITEM = _REVIEW + "<int:pk>/"
urlpatterns = [
    path(_REVIEW + "items/", api.ReviewItemsView.as_view(), name="review_items"),
    path(_REVIEW + "next/", api.ReviewNextView.as_view(), name="review_next"),
    path(_REVIEW + "mine/", api.ReviewMineView.as_view(), name="review_mine"),
    path(_REVIEW + "heartbeat/", api.ReviewHeartbeatView.as_view(), name="review_heartbeat"),
    path(_REVIEW + "release/", api.ReviewReleaseAllView.as_view(), name="review_release_all"),
    path(_ITEM, api.ReviewItemView.as_view(), name="review_item"),
    path(_ITEM + "images/<int:number>/", api.ReviewImageView.as_view(), name="review_image"),
    path(_ITEM + "decision/", api.ReviewDecisionView.as_view(), name="review_decision"),
    path(_ITEM + "undo/", api.ReviewUndoView.as_view(), name="review_undo"),
    path(_ITEM + "release/", api.ReviewReleaseView.as_view(), name="review_release"),
    path(_ITEM + "comment/", api.ReviewCommentView.as_view(), name="review_comment"),
]
