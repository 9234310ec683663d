"""Blobs, configs, outputs, datasets and models. Versions are immutable once written."""
from __future__ import annotations

from django.db import models
from django.utils import timezone

from console.accounts.models import Project, User

UPLOAD_DIGITS = 16
"""hex digits of the digest in the name of an upload"""


class Blob(models.Model):
    """A file in the content-addressed store: BLOB_ROOT/ab/<sha256>. `size` in bytes."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.sha256


class ConfigFile(models.Model):
    """A named config; its texts are versions."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="configs")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=32)
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(default=timezone.now)
    latest = models.PositiveIntegerField(default=0)
    archived = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="config_name_in_project")
        ]

    def __str__(self) -> str:
        return self.name


class ConfigVersion(models.Model):
    """One immutable text. `sha256` is over its UTF-8 bytes; `parent` is the version edited."""

    config = models.ForeignKey(ConfigFile, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=32)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    message = models.CharField(max_length=400, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["config", "number"], name="config_version_number")
        ]

    def __str__(self) -> str:
        return f"{self.config.name}@{self.number}"


class Output(models.Model):
    """What a run made: a named tree of blobs. `files` is [{path, sha256, size}] sorted by path.

    A file that a person uploaded is one too, of type `upload`, named as the file, without a run. A
    later attempt of a run may make an output again: the newest row is what the ref means.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="outputs")
    run_uid = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=64)
    type = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)
    files = models.JSONField(default=list)
    bytes = models.BigIntegerField(default=0)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["run_uid", "name"], name="output_by_run"),
            models.Index(fields=["project", "digest"], name="output_by_digest"),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        if self.type == "upload":
            return f"upload:{self.name}@{self.digest[:UPLOAD_DIGITS]}"
        return f"run:{self.run_uid}/{self.name}"


class Dataset(models.Model):
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=4000)
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(default=timezone.now)
    latest = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="dataset_name_in_project")
        ]

    def __str__(self) -> str:
        return self.name


class ReadyVersions(models.Manager["DatasetVersion"]):
    """Versions whose rows are all there. A half-written one is seen by its writer only."""

    def get_queryset(self) -> models.QuerySet[DatasetVersion]:
        return super().get_queryset().filter(ready=True)


class DatasetVersion(models.Model):
    """`splits` is {split: records}; `classes` is [{name, objects, images}] of dataset.json.

    `report` is report.json without its long lists, which are rows (`DatasetGroup`). While rows are
    being written `ready` is false, `number` is 0 and `writing_since` grows with every batch: a
    writer that has not been heard of for a while is dead, and another may begin again.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(default=0)
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="dataset_versions")
    digest = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=80, blank=True)
    coord_space = models.CharField(max_length=16, default="pixel")
    splits = models.JSONField(default=dict)
    classes = models.JSONField(default=list)
    report = models.JSONField(default=dict)
    n_records = models.PositiveIntegerField(default=0)
    n_objects = models.PositiveIntegerField(default=0)
    n_rejects = models.PositiveIntegerField(default=0)
    ready = models.BooleanField(default=False)
    writing_since = models.DateTimeField(null=True)
    writer = models.CharField(max_length=32, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = ReadyVersions()
    everything = models.Manager["DatasetVersion"]()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "number"], condition=models.Q(number__gt=0),
                name="dataset_version_number",
            ),
            models.UniqueConstraint(fields=["dataset", "digest"], name="dataset_version_digest"),
        ]

    def __str__(self) -> str:
        return f"dataset:{self.dataset.name}@{self.number}"

    @property
    def ref(self) -> str:
        return f"dataset:{self.dataset.name}@{self.number}"


class DatasetRecord(models.Model):
    """One line of a split, for showing. `objects` as in the line, in pixels. What records are
    filtered by is in `DatasetFacet` and `DatasetColumn`."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="records")
    place = models.PositiveIntegerField()
    """from 0, in file order, split after split"""
    split = models.CharField(max_length=32)
    index = models.PositiveIntegerField()
    """the line's place in its split, from 0"""
    record_id = models.CharField(max_length=200)
    image_path = models.CharField(max_length=400)
    image_sha = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    objects_json = models.JSONField(default=list)
    summary = models.TextField(blank=True)
    n_objects = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "place"], name="record_place_in_version")
        ]
        indexes = [models.Index(fields=["version", "record_id"], name="record_by_id")]

    def __str__(self) -> str:
        return f"{self.split}/{self.record_id}"


class DatasetFacet(models.Model):
    """Which records of a version have something: one bit per place, packed and deflated.

    A version has as many rows as it has splits, classes and attribute values, not as it has
    records, so any combination of filters is a few ANDs in memory.
    """

    class Kind(models.TextChoices):
        SPLIT = "split"
        CLASS = "class"
        ATTRIBUTE = "attribute"
        GEOMETRY = "geometry"
        NEGATIVE = "negative"
        NEAR = "near"
        LEAK = "leak"

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="facets")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    label = models.CharField(max_length=400)
    """a class, `class|key=value`, a split, a geometry; of negatives a class or `*` for any"""
    objects_n = models.PositiveIntegerField(default=0)
    images_n = models.PositiveIntegerField(default=0)
    bits = models.BinaryField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "kind", "label"], name="facet_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class DatasetColumn(models.Model):
    """One number or text per record of a version, by place, as one deflated array."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="columns")
    name = models.CharField(max_length=16)
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="column_once")]

    def __str__(self) -> str:
        return self.name


class DatasetGroup(models.Model):
    """Images that are the same or nearly so, as the quality report found them.

    `images` is [{split, id, path, distance}], distance in bits of the perceptual hash.
    """

    class Kind(models.TextChoices):
        NEAR = "near"
        LEAK = "leak"
        TICKET = "ticket"

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="groups")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    order = models.PositiveIntegerField()
    """groups across splits first, then as in the report"""
    name = models.CharField(max_length=200, blank=True)
    across_splits = models.BooleanField(default=False)
    images = models.JSONField(default=list)

    class Meta:
        ordering = ["kind", "order"]
        constraints = [
            models.UniqueConstraint(fields=["version", "kind", "order"], name="group_order")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.order}"


class DatasetReject(models.Model):
    """A line that did not make it into the dataset, and why."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="rejects")
    place = models.CharField(max_length=500)
    """`file:line` of the source"""
    code = models.CharField(max_length=64)
    message = models.TextField()
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["version", "code"], name="reject_by_rule")]

    def __str__(self) -> str:
        return f"{self.place}: {self.code}"


class ModelEntry(models.Model):
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=4000)
    created = models.DateTimeField(default=timezone.now, editable=False)
    updated = models.DateTimeField(default=timezone.now)
    latest = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "model entries"
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="model_name_in_project")
        ]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """`headline` is the report's few numbers: {name: {value, unit, n}}."""

    entry = models.ForeignKey(ModelEntry, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="model_versions")
    run_uid = models.CharField(max_length=40, blank=True)
    digest = models.CharField(max_length=64)
    headline = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "number"], name="model_version_number"),
            models.UniqueConstraint(fields=["entry", "digest"], name="model_version_digest"),
        ]

    def __str__(self) -> str:
        return f"model:{self.entry.name}@{self.number}"

    @property
    def ref(self) -> str:
        return f"model:{self.entry.name}@{self.number}"
