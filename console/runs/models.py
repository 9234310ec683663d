"""Runs, their attempts, and everything an attempt sends home."""
from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from console.accounts.models import Project, User
from console.fleet.models import Host
from console.runs.states import FINISHED, LIVE, AttemptState, Reason, State
from console.runs.uid import new_uid


class Run(models.Model):
    """One job. The row is the truth about it; `version` grows with every change of the row.

    `inputs` is [{path, ref, type, digest}] (digest empty for what the host resolves itself),
    `bindings` [{ref, digest, output}] with the id of a catalog Output. `headline` is
    {name: {value, unit, n}} of the report.
    """

    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=16, default=State.QUEUED)
    reason = models.CharField(max_length=16, blank=True)
    """why the last attempt ended; empty while there was none"""
    error = models.JSONField(default=dict)
    """the last error event: {code, message, hint, where}"""
    priority = models.IntegerField(default=0)
    """higher runs first"""
    queue = models.CharField(max_length=16, default="cpu")

    config_text = models.TextField()
    config_filename = models.CharField(max_length=200, default="config.yaml")
    config_resolved = models.JSONField(default=dict)
    config_provenance = models.JSONField(default=dict)
    config_sha256 = models.CharField(max_length=64)
    config_ref = models.CharField(max_length=140, blank=True)
    """NAME@VERSION of the saved config that the text came from"""
    settings = models.JSONField(default=dict)
    """values of --set by dotted path"""
    inputs = models.JSONField(default=list)
    bindings = models.JSONField(default=list)

    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)
    queued_at = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)
    updated = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    attempt_number = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    """attempts since a person launched or resumed it"""
    phase = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=400, blank=True)
    progress_done = models.FloatField(null=True, blank=True)
    progress_total = models.FloatField(null=True, blank=True)
    progress_unit = models.CharField(max_length=32, blank=True)
    headline = models.JSONField(default=dict)
    report = models.JSONField(null=True, blank=True)
    manifest = models.JSONField(null=True, blank=True)

    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    parent_relation = models.CharField(max_length=8, blank=True)
    """retry or clone"""
    folder_host = models.ForeignKey(
        Host, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    """the host that has the run folder, and so its checkpoints"""
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    tag_line = models.CharField(max_length=400, default=" ", blank=True)
    """tags, each with a blank before and after it, so that one is found by substring"""
    note = models.TextField(blank=True, max_length=4000)
    pinned = models.BooleanField(default=False)
    """the baseline that others of its kind are compared with"""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="run_by_project"),
            models.Index(fields=["project", "state", "-id"], name="run_by_state"),
            models.Index(fields=["project", "kind", "-id"], name="run_by_kind"),
            models.Index(fields=["state", "queue"], name="run_by_queue"),
            models.Index(fields=["updated"], name="run_by_update"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=sorted(State)), name="run_state_known"),
            models.CheckConstraint(
                condition=Q(reason__in=["", *sorted(Reason)]), name="run_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(LIVE), ended=None)
                | Q(state__in=sorted(FINISHED), ended__isnull=False),
                name="run_ended_when_finished",
            ),
        ]

    def __str__(self) -> str:
        return self.uid

    @property
    def tags(self) -> list[str]:
        return self.tag_line.split()

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


class Attempt(models.Model):
    """One try of a run on one host. Every write of the host names `lease`; a new lease fences the
    old one off. `last_seq` and `log_size` say what was taken in, in the same transaction."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, default=AttemptState.RUNNING)
    reason = models.CharField(max_length=16, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    host = models.ForeignKey(Host, null=True, on_delete=models.SET_NULL, related_name="attempts")
    worker = models.CharField(max_length=160, blank=True)
    boot_id = models.CharField(max_length=64, blank=True)
    pid = models.PositiveIntegerField(null=True, blank=True)
    pgid = models.PositiveIntegerField(null=True, blank=True)
    gpus = models.JSONField(null=True, blank=True)
    """device indices leased to it; None when devices are not leased"""
    lease = models.UUIDField(unique=True)
    lease_expires = models.DateTimeField()
    last_seq = models.PositiveBigIntegerField(default=0)
    log_size = models.PositiveBigIntegerField(default=0)
    rewind_step = models.BigIntegerField(null=True, blank=True)
    """points of earlier attempts past this step are superseded"""
    progress_from = models.JSONField(null=True, blank=True)
    """[seconds since 1970, done] of its first progress event, for the ETA"""
    last_event = models.DateTimeField(null=True, blank=True)
    started = models.DateTimeField(default=timezone.now)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run_id", "number"]
        indexes = [models.Index(fields=["state", "lease_expires"], name="attempt_by_lease")]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="attempt_number_in_run"),
            models.UniqueConstraint(
                fields=["run"], condition=Q(state="running"), name="one_running_attempt"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(AttemptState)), name="attempt_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.number}"


class RunEvent(models.Model):
    """An event that is kept as a row: everything but metrics, progress and samples."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    time = models.DateTimeField()
    type = models.CharField(max_length=16)
    body = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "type", "id"], name="event_by_type")]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "seq"], name="event_seq_in_attempt")
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id}#{self.seq} {self.type}"


class MetricSeries(models.Model):
    """One metric of one run; `n` counts all points taken in, superseded ones too."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="series")
    key = models.CharField(max_length=200)
    n = models.PositiveBigIntegerField(default=0)
    chunks = models.PositiveIntegerField(default=0)
    last_step = models.BigIntegerField(default=0)
    last_value = models.FloatField(default=0.0)
    minimum = models.FloatField(default=0.0)
    maximum = models.FloatField(default=0.0)

    class Meta:
        ordering = ["key"]
        verbose_name_plural = "metric series"
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="series_key_in_run")]

    def __str__(self) -> str:
        return self.key


class MetricChunk(models.Model):
    """Packed points of one attempt, in the order of arrival; only a series' last one grows."""

    series = models.ForeignKey(MetricSeries, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    """the attempt's number"""
    start = models.PositiveBigIntegerField()
    """how many points of the series arrived before"""
    n = models.PositiveIntegerField()
    first_step = models.BigIntegerField()
    last_step = models.BigIntegerField()
    """least and greatest step in the chunk"""
    data = models.BinaryField()
    """n steps (int64), n values (float64), n times (float64, seconds since 1970); little endian"""

    class Meta:
        ordering = ["series_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["series", "number"], name="chunk_number_in_series")
        ]

    def __str__(self) -> str:
        return f"{self.series_id}[{self.number}]"


class LogChunk(models.Model):
    """A piece of an attempt's stdout and stderr; `offset` in bytes from the attempt's start."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="log")
    offset = models.PositiveBigIntegerField()
    size = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["attempt_id", "offset"]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "offset"], name="log_offset_in_attempt")
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id}@{self.offset}"


class Artifact(models.Model):
    """A file that a run announced. Served by id, its bytes by hash, never by its path."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=200)
    path = models.CharField(max_length=400)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    media = models.CharField(max_length=100)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "path"], name="artifact_path_in_run")]

    def __str__(self) -> str:
        return self.name


class Sample(models.Model):
    """One image with truth and prediction at a step. Objects are in the image's pixels."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="samples")
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="samples")
    seq = models.PositiveBigIntegerField()
    step = models.BigIntegerField()
    name = models.CharField(max_length=200)
    image_sha = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    truth = models.JSONField(default=list)
    prediction = models.JSONField(default=list)
    raw = models.TextField(blank=True)
    note = models.CharField(max_length=400, blank=True)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "step"], name="sample_by_step")]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "seq"], name="sample_seq_in_attempt")
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.step}"
