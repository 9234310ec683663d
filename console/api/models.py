"""Answers kept for repeated requests."""
from __future__ import annotations

from django.db import models
from django.utils import timezone


class StoredAnswer(models.Model):
    """What a POST with an Idempotency-Key answered; a repeat within 24 hours gets it again."""

    caller = models.CharField(max_length=80)
    """`user:ID` or `host:PREFIX`: keys of different callers never meet"""
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    """SHA-256 over method, path and body"""
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(default="null")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="key_of_caller")]
        indexes = [models.Index(fields=["created"], name="answer_by_age")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
