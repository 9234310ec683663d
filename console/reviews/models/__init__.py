"""The tables of the review queue."""
from __future__ import annotations

from console.reviews.models.desk import DeskSettings, SavedView
from console.reviews.models.log import DayAnchor, Photo, ReviewEvent
from console.reviews.models.setup import Export, ReasonList, ReviewerGroup, ReviewPolicy
from console.reviews.models.tickets import ItemSource, ReviewItem
from console.reviews.models.work import (
    GoldItem,
    Lease,
    Notice,
    Operation,
    Review,
    ReviewerRecord,
    Skip,
)

__all__ = [
    "DayAnchor", "DeskSettings", "Export", "GoldItem", "ItemSource", "Lease", "Notice", "Operation",
    "Photo", "ReasonList", "Review", "ReviewEvent", "ReviewItem", "ReviewPolicy", "ReviewerGroup",
    "ReviewerRecord", "SavedView", "Skip",
]
