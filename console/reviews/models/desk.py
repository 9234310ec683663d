"""What a person keeps for themselves: keys and habits of the desk, and views of the queue."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from console.accounts.models import Project, User


class DeskSettings(models.Model):
    """How a person works at the desk, in every project. `keys` is {act: key} for the acts that they
    put on another key than `keys.KEYS` says."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    keys = models.JSONField(default=dict)
    break_minutes = models.PositiveSmallIntegerField(default=0)
    """of reviewing without a pause after which the desk speaks of one; 0 for never"""
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "desk settings"

    def __str__(self) -> str:
        return f"desk of {self.user_id}"


class SavedView(models.Model):
    """A named filter of a project's queue, a person's own. `query` is the query string of the
    queue's page, so the view can be passed on as an address."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "name"], name="view_of_person")
        ]

    def __str__(self) -> str:
        return self.name
