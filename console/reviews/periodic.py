"""The queue's share of the periodic work."""
from __future__ import annotations

from datetime import date

from django.utils import timezone

from console.accounts.models import Project
from console.reviews.chain import SETTLING, anchor_days
from console.reviews.leases import reap
from console.reviews.models import ReviewItem
from console.reviews.operations import advance_pending

_anchored: set[date] = set()
"""days on which this process has anchored the days before; once a day is enough"""


def tick() -> int:
    """End leases that ran out, go on with acts on many, anchor days that are over. Returns how
    many leases ended."""
    ended = reap()
    advance_pending()
    anchor_when_due()
    return ended


def anchor_when_due() -> None:
    """Anchor what is over, a while after each midnight (UTC) and after a start."""
    today = (timezone.now() - SETTLING).date()
    if today in _anchored:
        return
    for project in Project.objects.filter(pk__in=ReviewItem.objects.values("project")):
        anchor_days(project)
    _anchored.clear()
    _anchored.add(today)
