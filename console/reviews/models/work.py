"""What people do to tickets: leases, reviews, checks of reviewers, and acts on many at once."""
from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from console.accounts.models import Project, User
from console.reviews.models.tickets import ReviewItem
from console.reviews.states import COUNTED, Decision, Role
from console.runs.uid import new_uid


class Lease(models.Model):
    """Who has a ticket on the screen (hard) or next in line (soft). One ticket, one lease."""

    class Hold(models.TextChoices):
        HARD = "hard"
        SOFT = "soft"

    item = models.OneToOneField(ReviewItem, on_delete=models.CASCADE, related_name="lease")
    reviewer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    hold = models.CharField(max_length=4, choices=Hold.choices)
    back_to = models.CharField(max_length=12)
    """the state that the ticket has when this ends without a decision"""
    blind = models.BooleanField()
    """the model's verdict and other reviews were not shown"""
    client = models.CharField(max_length=64, blank=True)
    taken = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["expires"], name="lease_by_end"),
            models.Index(fields=["reviewer", "taken"], name="lease_by_reviewer"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(back_to__in=["pending", "second", "conflict"]), name="lease_back_to"
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.reviewer_id}"


class Review(models.Model):
    """One person's word about a ticket. Never deleted: an undo is a review of its own, and makes
    the one that it undoes no longer `active`."""

    item = models.ForeignKey(ReviewItem, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=12)
    decision = models.CharField(max_length=8)
    reasons = models.JSONField(default=list)
    reasons_n = models.PositiveSmallIntegerField(default=0)
    reasons_version = models.PositiveIntegerField(default=0)
    comment = models.TextField(blank=True)
    ticket_version = models.PositiveIntegerField()
    guidance_step = models.IntegerField(null=True)
    duration_ms = models.PositiveIntegerField(default=0)
    """active time on the ticket, in milliseconds"""
    blind = models.BooleanField(default=False)
    client = models.CharField(max_length=64, blank=True)
    active = models.BooleanField(default=True)
    undoes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="undo")
    right = models.BooleanField(null=True)
    """of a check: whether it is what the ticket is known to be"""
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["reviewer", "-id"], name="review_by_reviewer"),
            models.Index(fields=["item", "reviewer"], name="review_by_item"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=sorted(Role)), name="review_role_known"),
            models.CheckConstraint(
                condition=Q(decision__in=sorted(Decision)), name="review_decision_known"
            ),
            models.CheckConstraint(
                condition=~Q(decision=Decision.FAIL) | Q(reasons_n__gte=1),
                name="review_fail_has_reason",
            ),
            models.UniqueConstraint(
                fields=["item", "role"], condition=Q(active=True, role__in=sorted(COUNTED)),
                name="one_review_per_role",
            ),
            models.UniqueConstraint(
                fields=["item", "reviewer"], condition=Q(active=True, role__in=sorted(COUNTED)),
                name="one_review_per_person",
            ),
            models.CheckConstraint(
                condition=Q(role=Role.UNDO, undoes__isnull=False)
                | (~Q(role=Role.UNDO) & Q(undoes=None)),
                name="review_undo_names_its_review",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.role}: {self.decision}"


class Skip(models.Model):
    """Somebody passed a ticket over; it does not come to them again for a while."""

    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="skips")
    reviewer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "reviewer"], name="skip_of_reviewer")
        ]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.reviewer_id}"


class GoldItem(models.Model):
    """A ticket of known outcome that reviewers are checked with. Retired, never deleted."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="gold_items")
    item = models.OneToOneField(ReviewItem, on_delete=models.PROTECT, related_name="gold_source")
    outcome = models.CharField(max_length=8)
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["pass", "fail", "broken"]), name="gold_outcome_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.outcome}"


class ReviewerRecord(models.Model):
    """A reviewer in a project. Its row is locked by each claim, so one person's claims queue up."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    reviewer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    claims = models.PositiveIntegerField(default=0)
    """tickets given so far; with the policy's seed it says which of the next ones are checks"""
    checks_n = models.PositiveIntegerField(default=0)
    checks_right = models.PositiveIntegerField(default=0)
    """of the last checks, as many as the policy's window has"""
    below_floor = models.BooleanField(default=False)
    """every ticket of theirs gets a second review"""
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "reviewer"], name="record_of_reviewer")
        ]

    def __str__(self) -> str:
        return f"{self.reviewer_id}: {self.checks_right}/{self.checks_n}"


class Notice(models.Model):
    """Something that a lead has to look at."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="review_notices")
    code = models.CharField(max_length=32)
    about = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    detail = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now)
    done = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.code


class Operation(models.Model):
    """An act on many tickets, done in batches; any process may go on where another stopped."""

    class Act(models.TextChoices):
        ASSIGN = "assign"
        RELEASE = "release"
        PRIORITY = "priority"
        EXPORT = "export"
        INGEST = "ingest"

    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="operations")
    act = models.CharField(max_length=8, choices=Act.choices)
    filter = models.JSONField(default=dict)
    values = models.JSONField(default=dict)
    total = models.PositiveIntegerField(default=0)
    """how many tickets the filter found when it was asked for"""
    done = models.PositiveIntegerField(default=0)
    last = models.PositiveBigIntegerField(default=0)
    """key up to which the work is done"""
    finished = models.DateTimeField(null=True)
    error = models.CharField(max_length=400, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["finished", "updated"], name="operation_by_age")]

    def __str__(self) -> str:
        return f"{self.act} {self.uid}"
