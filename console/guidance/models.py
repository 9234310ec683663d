"""Guidance of missions. A version is immutable: every change, also a revert, is the next one."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from console.accounts.models import Project, User
from console.catalog.models import Output


class Origin(models.TextChoices):
    """What made a version."""

    IMPORTED = "imported"
    PROMOTED = "promoted"
    EDITED = "edited"
    REVERTED = "reverted"


class MissionGuidance(models.Model):
    """A mission whose guidance the project keeps. `latest` is the number of its newest version,
    which is the one in force."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="guidance")
    mission = models.CharField(max_length=120)
    latest = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "mission"], name="guidance_of_mission")
        ]

    def __str__(self) -> str:
        return self.mission


class GuidanceVersion(models.Model):
    """One immutable state. `entry` is {step, updated_at, experiences, metadata} as in a guidance
    file; `output` is that file as a tree of one blob, which is what hosts fetch.

    `effects` is {key: {run, n, better, worse, p, adjusted_p, false_release, false_block,
    label_match}}: what the run that found a rule measured, for rules whose text has not changed
    since. `changes` is [{verb, key, before, after, rationale, evidence}] against `parent`.
    """

    guidance = models.ForeignKey(MissionGuidance, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    origin = models.CharField(max_length=8, choices=Origin.choices)
    run_uid = models.CharField(max_length=40, blank=True)
    """the run that it was promoted from"""
    restored = models.PositiveIntegerField(null=True)
    """the number of the version that a revert brought back"""
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="guidance_versions")
    digest = models.CharField(max_length=64)
    entry = models.JSONField(default=dict)
    effects = models.JSONField(default=dict)
    changes = models.JSONField(default=list)
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    message = models.CharField(max_length=400, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["guidance", "number"], name="guidance_version_number")
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"guidance:{self.guidance.mission}@{self.number}"


class Suggestion(models.Model):
    """What reviewers' reasons suggest as a rule. A draft: a person takes it into the editor and
    words it, or puts it aside; it is never applied by itself.

    `evidence` are keys of the tickets whose reviews name the reason.
    """

    class State(models.TextChoices):
        OPEN = "open"
        TAKEN = "taken"
        DISMISSED = "dismissed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="suggestions")
    mission = models.CharField(max_length=120)
    verdict = models.CharField(max_length=4)
    reason = models.CharField(max_length=64)
    """code of the reason"""
    text = models.CharField(max_length=400)
    evidence = models.JSONField(default=list)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "mission", "verdict", "reason"], name="suggestion_of_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.mission}: {self.reason}"


class CorrectedRecords(models.Model):
    """Stage-A records with the labels that people decided, as an immutable version.

    `output` holds `stage_a.jsonl` and `corrections.jsonl`, a line for every label that differs:
    {ticket_key, was, is, item, decided, log}.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="corrected")
    mission = models.CharField(max_length=120)
    number = models.PositiveIntegerField()
    run_uid = models.CharField(max_length=40)
    """the Stage-B run whose summaries were corrected"""
    source = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="+")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="+")
    records = models.PositiveIntegerField()
    corrected = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField()
    """tickets that people found unusable"""
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "corrected records"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "mission", "number"], name="corrected_number"
            )
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"records:{self.mission}@{self.number}"
