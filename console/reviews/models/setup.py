"""How a project reviews: its policy, its reasons, its groups of reviewers, its exports."""
from __future__ import annotations

from django.db import models
from django.utils import timezone

from console.accounts.models import Project, User
from console.runs.uid import new_uid


class ReviewPolicy(models.Model):
    """How a project reviews. `rules` is [{reviews: 1 to 3, margin_below?, kinds?, missions?}]: the
    largest `reviews` of the rules that a ticket meets is how many it needs, 1 if it meets none."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="review_policy")
    version = models.PositiveIntegerField(default=1)
    rules = models.JSONField(default=list)
    gold_percent = models.FloatField(default=3.0)
    """of a reviewer's tickets that are checks, in percent"""
    gold_rest_days = models.PositiveIntegerField(default=30)
    """before the same check comes to the same reviewer again"""
    gold_floor = models.FloatField(default=0.9)
    """share of checks that a reviewer must get right"""
    gold_window = models.PositiveIntegerField(default=40)
    """how many of a reviewer's last checks the share is taken over"""
    drift_percent = models.FloatField(default=2.0)
    """of confident verdicts that are looked at as well, in percent"""
    drift_margin = models.FloatField(default=0.8)
    """vote strength from which on a verdict counts as confident"""
    due_hours = models.FloatField(default=4.0)
    """from a ticket's arrival until it is late"""
    weights = models.JSONField(default=dict)
    """{uncertainty, disagreement, age, slice_need}: their weights in the score"""
    seed = models.PositiveIntegerField(default=0)
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "review policies"

    def __str__(self) -> str:
        return f"policy {self.version}"


class ReasonList(models.Model):
    """One immutable version of a project's reasons: `codes` is [{code, label, label_zh, for}]."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reason_lists")
    version = models.PositiveIntegerField()
    codes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="reason_list_version")
        ]

    def __str__(self) -> str:
        return f"reasons {self.version}"


class ReviewerGroup(models.Model):
    """Reviewers whom tickets can be assigned to together."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reviewer_groups")
    name = models.CharField(max_length=64)
    members = models.ManyToManyField(User, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="reviewer_group_name")
        ]

    def __str__(self) -> str:
        return self.name


class Export(models.Model):
    """A snapshot of what people decided. `parts` is [{sha256, size, n}]: blobs of JSON Lines which,
    one after the other, are the file; written once, so its bytes never change."""

    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="review_exports")
    scope = models.CharField(max_length=8)
    """new: what no earlier export took; all: everything that is decided"""
    filter = models.JSONField(default=dict)
    parts = models.JSONField(default=list)
    n = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    """of the whole file; empty while it is being written"""
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.uid
