"""Tickets in review and where they were heard of."""
from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from console.accounts.models import Project, User
from console.reviews.models.setup import Export, ReviewerGroup
from console.reviews.states import FINAL, Decision, Kind, State
from console.runs.models import Run

_VERDICTS = ["", "pass", "fail"]


class ReviewItem(models.Model):
    """A ticket and the evidence on which it is to be decided. `version` grows when the evidence
    changes. `images` is [{name, sha256, size, width?, height?, truth?, prediction?}] with objects
    in pixels; a sha256 that is empty says that the image is missing. `summaries` has a text each.
    `evidence` is what else bears on the reason: [{image, ticket_key, item, sha256, distance}] of a
    reused photograph. `score_parts` are the terms of `score`, before their weights."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="review_items")
    kind = models.CharField(max_length=16)
    ticket_key = models.CharField(max_length=300)
    group_id = models.CharField(max_length=200)
    mission = models.CharField(max_length=200, blank=True)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="review_items")
    output_digest = models.CharField(max_length=64, blank=True)
    fingerprint = models.CharField(max_length=64)
    """of what a decision rests on: the same ticket with the same one is never asked twice"""
    images = models.JSONField(default=list)
    summaries = models.JSONField(default=list)
    model_verdict = models.CharField(max_length=4, blank=True)
    model_reason = models.TextField(blank=True)
    margin = models.FloatField(null=True)
    """share of the model's valid candidates that say its verdict, 0 to 1"""
    warnings = models.JSONField(default=list)
    guidance_step = models.IntegerField(null=True)
    label = models.CharField(max_length=4, blank=True)
    """the verdict on record"""
    why_code = models.CharField(max_length=64, blank=True)
    why_text = models.TextField(blank=True)
    evidence = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=1)

    priority = models.IntegerField(default=0)
    """a lead's word; higher comes first, whatever the score"""
    score = models.FloatField(default=0.0)
    score_parts = models.JSONField(default=dict)
    state = models.CharField(max_length=12, default=State.PENDING)
    claimable = models.BooleanField(default=True)
    """pending or second; a column of its own so that one index serves every claim"""
    needed = models.PositiveSmallIntegerField(default=1)
    blind = models.BooleanField(default=False)
    """the first reviewer must not know the model's verdict either"""
    assigned_to = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    assigned_group = models.ForeignKey(
        ReviewerGroup, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    outcome = models.CharField(max_length=8, blank=True)
    gold = models.ForeignKey("GoldItem", null=True, on_delete=models.PROTECT, related_name="checks")
    """set on a check: the ticket of known outcome that this one repeats"""
    exported_in = models.ForeignKey(
        Export, null=True, on_delete=models.PROTECT, related_name="items"
    )
    consumed_by = models.CharField(max_length=80, blank=True)
    """what rests on the decision by now, such as `export:UID`: it cannot be undone any more"""
    created = models.DateTimeField(default=timezone.now)
    due = models.DateTimeField()
    settled = models.DateTimeField(null=True)
    updated = models.DateTimeField(default=timezone.now)
    head = models.CharField(max_length=64, blank=True)
    """hash of the newest event"""
    events_n = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["project", "claimable", "-priority", "-score", "id"], name="item_by_order"
            ),
            models.Index(
                fields=["project", "state", "-priority", "-score", "id"], name="item_by_state"
            ),
            models.Index(fields=["project", "ticket_key", "kind"], name="item_by_ticket"),
            models.Index(fields=["project", "mission", "state"], name="item_by_slice"),
            models.Index(fields=["exported_in", "id"], name="item_by_export"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=sorted(State)), name="item_state_known"),
            models.CheckConstraint(condition=Q(kind__in=sorted(Kind)), name="item_kind_known"),
            models.CheckConstraint(
                condition=Q(model_verdict__in=_VERDICTS, label__in=_VERDICTS),
                name="item_verdicts_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(FINAL), outcome__in=sorted(Decision))
                | Q(state__in=sorted(set(State) - FINAL), outcome=""),
                name="item_outcome_when_settled",
            ),
            models.CheckConstraint(
                condition=Q(claimable=True, state__in=["pending", "second"])
                | Q(claimable=False, state__in=sorted(set(State) - {"pending", "second"})),
                name="item_claimable_by_state",
            ),
            models.CheckConstraint(
                condition=Q(state=State.EXPORTED, exported_in__isnull=False)
                | (~Q(state=State.EXPORTED) & Q(exported_in=None)),
                name="item_export_when_exported",
            ),
            models.CheckConstraint(condition=Q(needed__gte=1, needed__lte=3), name="item_needed"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ticket_key}"


class ItemSource(models.Model):
    """Where an item was heard of: the same output, ticket and kind opens nothing twice."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="sources")
    source = models.CharField(max_length=64)
    """digest of the output, `run:UID` of an event"""
    ticket_key = models.CharField(max_length=300)
    kind = models.CharField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "source", "ticket_key", "kind"], name="item_of_source"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.ticket_key}"
