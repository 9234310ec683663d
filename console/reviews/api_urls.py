"""Endpoints of this app below /api/v1/."""
from __future__ import annotations

from django.urls import path

from console.reviews import api, api_lead, api_own, api_setup

_REVIEW = "projects/<slug:project>/review/"
_ITEM = _REVIEW + "<int:pk>/"
urlpatterns = [
    path("me/desk/", api_own.DeskSettingsView.as_view(), name="desk_settings"),
    path(_REVIEW + "views/", api_own.SavedViewsView.as_view(), name="review_views"),
    path(_REVIEW + "views/<int:pk>/", api_own.SavedViewView.as_view(), name="review_view"),
    path(_REVIEW + "items/", api.ReviewItemsView.as_view(), name="review_items"),
    path(_REVIEW + "summary/", api.ReviewSummaryView.as_view(), name="review_summary"),
    path(_REVIEW + "next/", api.ReviewNextView.as_view(), name="review_next"),
    path(_REVIEW + "mine/", api.ReviewMineView.as_view(), name="review_mine"),
    path(_REVIEW + "heartbeat/", api.ReviewHeartbeatView.as_view(), name="review_heartbeat"),
    path(_REVIEW + "release/", api.ReviewReleaseAllView.as_view(), name="review_release_all"),
    path(_REVIEW + "bulk/", api_lead.ReviewBulkView.as_view(), name="review_bulk"),
    path(
        _REVIEW + "operations/<str:uid>/", api_lead.ReviewOperationView.as_view(),
        name="review_operation",
    ),
    path(_REVIEW + "groups/", api_lead.ReviewGroupsView.as_view(), name="review_groups"),
    path(_REVIEW + "groups/<str:name>/", api_lead.ReviewGroupView.as_view(), name="review_group"),
    path(_REVIEW + "gold/", api_lead.ReviewGoldView.as_view(), name="review_gold"),
    path(
        _REVIEW + "gold/<int:pk>/", api_lead.ReviewGoldItemView.as_view(), name="review_gold_item"
    ),
    path(_REVIEW + "accuracy/", api_lead.ReviewAccuracyView.as_view(), name="review_accuracy"),
    path(_REVIEW + "agreement/", api_lead.ReviewAgreementView.as_view(), name="review_agreement"),
    path(_REVIEW + "events/", api_lead.ReviewEventsView.as_view(), name="review_events"),
    path(_REVIEW + "log/", api_lead.ReviewLogCheckView.as_view(), name="review_log"),
    path(_REVIEW + "notices/", api_lead.ReviewNoticesView.as_view(), name="review_notices"),
    path(
        _REVIEW + "notices/<int:pk>/", api_lead.ReviewNoticeView.as_view(), name="review_notice"
    ),
    path(_REVIEW + "policy/", api_setup.ReviewPolicyView.as_view(), name="review_policy"),
    path(_REVIEW + "reasons/", api_setup.ReviewReasonsView.as_view(), name="review_reasons"),
    path(_REVIEW + "exports/", api_setup.ReviewExportsView.as_view(), name="review_exports"),
    path(
        _REVIEW + "exports/<str:uid>/", api_setup.ReviewExportView.as_view(), name="review_export"
    ),
    path(
        _REVIEW + "exports/<str:uid>/file/", api_setup.ReviewExportFileView.as_view(),
        name="review_export_file",
    ),
    path(_ITEM, api.ReviewItemView.as_view(), name="review_item"),
    path(_ITEM + "images/<int:number>/", api.ReviewImageView.as_view(), name="review_image"),
    path(_ITEM + "decision/", api.ReviewDecisionView.as_view(), name="review_decision"),
    path(_ITEM + "undo/", api.ReviewUndoView.as_view(), name="review_undo"),
    path(_ITEM + "release/", api.ReviewReleaseView.as_view(), name="review_release"),
    path(_ITEM + "comment/", api.ReviewCommentView.as_view(), name="review_comment"),
]
