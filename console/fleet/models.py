"""Hosts that run jobs, and the worker processes on them."""
from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

OFFLINE_AFTER = timedelta(seconds=30)
"""silence after which a host or worker counts as gone"""


class Host(models.Model):
    """One machine, known by its name. `boot_id` tells whether its process ids still mean anything.

    `queues` and `kinds` are what its workers serve together; `gpus` is
    [{index, name, memory_mb}] as the host says.
    """

    name = models.CharField(max_length=120, unique=True)
    boot_id = models.CharField(max_length=64)
    slots = models.PositiveIntegerField(default=1)
    queues = models.JSONField(default=list)
    kinds = models.JSONField(default=list)
    gpus = models.JSONField(default=list)
    version = models.CharField(max_length=40, blank=True)
    first_seen = models.DateTimeField(default=timezone.now, editable=False)
    last_seen = models.DateTimeField(default=timezone.now)
    draining = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def online(self) -> bool:
        """True while it says hello or beats for its runs."""
        return self.last_seen > timezone.now() - OFFLINE_AFTER

    @property
    def state(self) -> str:
        """online, draining or offline."""
        if not self.online:
            return "offline"
        return "draining" if self.draining else "online"


class WorkerProcess(models.Model):
    """A worker that claims runs for its host: `slots` of them at a time, from its queues.

    `roots` are the folders below which its jobs may read by path, as it says itself.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="workers")
    name = models.CharField(max_length=160)
    queues = models.JSONField(default=list)
    kinds = models.JSONField(default=list)
    slots = models.PositiveIntegerField(default=1)
    roots = models.JSONField(default=list)
    version = models.CharField(max_length=40, blank=True)
    started = models.DateTimeField(default=timezone.now, editable=False)
    last_seen = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["host_id", "name"]
        constraints = [models.UniqueConstraint(fields=["host", "name"], name="worker_name_on_host")]

    def __str__(self) -> str:
        return self.name


class Pulse(models.Model):
    """One row: when the periodic work last ran. A gap tells that the console itself was away."""

    last_tick = models.DateTimeField()

    def __str__(self) -> str:
        return self.last_tick.isoformat()
