"""Verdicts of gates, as the runs of kind `gate` reported them."""
from __future__ import annotations

from django.db import models
from django.utils import timezone

from console.accounts.models import Project
from console.runs.models import Run


class GateResult(models.Model):
    """One policy held against one evaluation. Immutable: another verdict is another run.

    `checks` is [{id, metric, value, limit, comparison, n, passed, reason}]; `evidence` holds the
    digests that the verdict stands on. `model_digest` is empty when the evidence names no model.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="gate_results")
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="gate_result")
    policy = models.CharField(max_length=200)
    passed = models.BooleanField()
    evaluation_digest = models.CharField(max_length=64, blank=True)
    model_digest = models.CharField(max_length=64, blank=True)
    checks = models.JSONField(default=list)
    evidence = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="gate_by_project"),
            models.Index(fields=["project", "model_digest"], name="gate_by_model"),
        ]

    def __str__(self) -> str:
        return f"{self.policy}: {'passed' if self.passed else 'not passed'}"
