"""The log of every ticket, chained by hashes, with an anchor a day; and the photographs seen."""
from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils import timezone

from console.accounts.models import AppendOnlyError, AppendOnlyQuerySet, Project, User
from console.reviews.models.tickets import ReviewItem


class AppendOnly(models.Model):
    """Rows that are only ever added."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError(f"a {type(self).__name__} cannot be changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(f"a {type(self).__name__} cannot be deleted")


class ReviewEvent(AppendOnly):
    """One thing that happened to a ticket. `hash` is over the event and `before`, the hash of the
    ticket's event before it: see `chain.py`."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey(ReviewItem, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField()
    """of the ticket's events, from 1"""
    time = models.DateTimeField()
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=120)
    action = models.CharField(max_length=16)
    old = models.CharField(max_length=12, blank=True)
    new = models.CharField(max_length=12)
    reason = models.TextField(blank=True)
    ticket_version = models.PositiveIntegerField()
    guidance_step = models.IntegerField(null=True)
    client = models.CharField(max_length=64, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    detail = models.JSONField(default=dict)
    before = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["project", "time"], name="review_event_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["item", "number"], name="review_event_number")
        ]

    def __str__(self) -> str:
        return f"{self.item_id}#{self.number} {self.action}"


class DayAnchor(AppendOnly):
    """All events of one day (UTC) in one hash, over the anchor before it."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    n = models.PositiveIntegerField()
    last_event = models.PositiveBigIntegerField()
    before = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(fields=["project", "day"], name="anchor_of_day")
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.n}"


class Photo(models.Model):
    """An image of a ticket by its looks, for photographs that were used twice."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    ticket_key = models.CharField(max_length=300)
    group_id = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    """of the ticket's images, from 1"""
    name = models.CharField(max_length=400)
    sha256 = models.CharField(max_length=64)
    dhash = models.CharField(max_length=16, blank=True)
    """64 bits in hex; empty when the file is no image that can be read"""

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "group_id", "sha256"], name="photo_of_group"
            )
        ]

    def __str__(self) -> str:
        return f"{self.group_id}/{self.number}"
