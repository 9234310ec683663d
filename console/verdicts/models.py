"""What Stage-B runs said, as rows for showing: made from the files of an output and from nothing
else, so they can be thrown away and made again. Operating points are people's decisions."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from console.accounts.models import Project, User
from console.catalog.models import Output
from console.runs.models import Run


class VerdictSet(models.Model):
    """The verdicts of one output. `figures` is {"all", "kept"}: {tp, fp, tn, fn, none_pass,
    none_fail}; kept leaves out the tickets that are in people's hands (label in doubt, or no
    verdict). The newest epoch of a ticket counts."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="verdict_sets")
    output = models.OneToOneField(Output, on_delete=models.CASCADE, related_name="verdict_set")
    mission = models.CharField(max_length=200)
    tickets = models.PositiveIntegerField()
    figures = models.JSONField(default=dict)
    malformed = models.PositiveIntegerField()
    """tickets without a verdict"""
    doubted = models.PositiveIntegerField()
    """tickets that a person should look at, for whatever reason"""
    candidates = models.PositiveIntegerField()
    well_formed = models.PositiveIntegerField()
    rules_changed = models.PositiveIntegerField(null=True)
    """texts of guidance that differ after the run; none where meta.json does not tell"""
    people = models.JSONField(default=dict)
    """counts with what people decided: see `people.py`; empty until they are made"""
    people_mark = models.PositiveBigIntegerField(default=0)
    """the newest review that `people` knows of"""
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "mission", "-id"], name="verdicts_by_mission")]

    def __str__(self) -> str:
        return f"{self.mission} of {self.run_id}"


class VerdictTicket(models.Model):
    """One ticket. `detail` is {candidates: [{index, temperature, verdict, reason, text, format_ok,
    warnings, diagnosis}], images: [{name, sha256}], summaries: [...]}."""

    verdicts = models.ForeignKey(VerdictSet, on_delete=models.CASCADE, related_name="rows")
    place = models.PositiveIntegerField()
    """from 0, in the order in which the tickets were judged first"""
    ticket_key = models.CharField(max_length=300)
    group_id = models.CharField(max_length=200)
    label = models.CharField(max_length=4)
    verdict = models.CharField(max_length=4, blank=True)
    """empty where there is none"""
    reason = models.TextField(blank=True)
    strength = models.FloatField(null=True)
    """share of the valid candidates that say the verdict"""
    warning_line = models.CharField(max_length=400, default=" ", blank=True)
    """warnings, each with a blank before and after it, so that one is found by substring"""
    review_reason = models.CharField(max_length=64, blank=True)
    """why its label is in doubt"""
    review_note = models.TextField(blank=True)
    failure = models.CharField(max_length=400, blank=True)
    """why it has no verdict"""
    needs_person = models.BooleanField(default=False)
    guidance_step = models.IntegerField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["verdicts", "place"], name="verdict_place"),
            models.UniqueConstraint(fields=["verdicts", "ticket_key"], name="verdict_of_ticket"),
        ]

    def __str__(self) -> str:
        return self.ticket_key

    @property
    def warnings(self) -> list[str]:
        return self.warning_line.split()


class OperatingPoint(models.Model):
    """From which vote strength on a verdict needs no person, as an immutable version.

    `figures` is what the run's tickets gave at that point: see `operating.Point`.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    mission = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    threshold = models.FloatField()
    seconds = models.FloatField()
    """of a person for one decision"""
    seconds_n = models.PositiveIntegerField(default=0)
    """decisions that the seconds were measured over; 0 for an assumption"""
    run_uid = models.CharField(max_length=40)
    output_digest = models.CharField(max_length=64)
    figures = models.JSONField(default=dict)
    message = models.CharField(max_length=400, blank=True)
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "mission", "number"], name="operating_point_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.mission} point {self.number}"
