"""The JSON forms of the catalog."""
from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from console.catalog.models import (
    ConfigFile,
    ConfigVersion,
    Dataset,
    DatasetRecord,
    DatasetReject,
    DatasetVersion,
    ModelEntry,
    ModelVersion,
)


class ProblemItemSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    detail = serializers.CharField()
    file = serializers.CharField()
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    path = serializers.CharField(help_text="dotted path in the config")


class TextSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, max_length=1_000_000)
    filename = serializers.CharField(default="config.yaml", max_length=200)


class CheckSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    kind = serializers.CharField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    resolved = serializers.JSONField(allow_null=True)
    provenance = serializers.DictField(child=serializers.CharField(), allow_null=True)
    errors = ProblemItemSerializer(many=True)


class ConfigSerializer(serializers.ModelSerializer[ConfigFile]):
    class Meta:
        model = ConfigFile
        fields = ("name", "kind", "latest", "archived", "created", "updated")
        read_only_fields = fields


class ConfigVersionSerializer(serializers.ModelSerializer[ConfigVersion]):
    name = serializers.CharField(source="config.name", read_only=True)
    author = serializers.CharField(source="author.username", default=None, read_only=True)

    class Meta:
        model = ConfigVersion
        fields = ("name", "number", "kind", "sha256", "author", "message", "created")
        read_only_fields = fields


class ConfigTextSerializer(ConfigVersionSerializer):
    class Meta(ConfigVersionSerializer.Meta):
        fields = (*ConfigVersionSerializer.Meta.fields, "text")
        read_only_fields = fields


class NewConfigSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    text = serializers.CharField(trim_whitespace=False, max_length=1_000_000)
    message = serializers.CharField(default="", allow_blank=True, max_length=400)


class NewConfigVersionSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, max_length=1_000_000)
    message = serializers.CharField(default="", allow_blank=True, max_length=400)


class ArchiveSerializer(serializers.Serializer[Any]):
    archived = serializers.BooleanField()


class DiffRowSerializer(serializers.Serializer[Any]):
    tag = serializers.ChoiceField(choices=["same", "added", "removed", "changed"])
    old_number = serializers.IntegerField(allow_null=True)
    old = serializers.CharField()
    new_number = serializers.IntegerField(allow_null=True)
    new = serializers.CharField()


class DiffSerializer(serializers.Serializer[Any]):
    old = serializers.IntegerField()
    new = serializers.IntegerField()
    patch = serializers.CharField()
    rows = DiffRowSerializer(many=True)


class KindSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    device = serializers.ChoiceField(choices=["cpu", "gpu", "any"])
    inputs = serializers.ListField(child=serializers.CharField())
    outputs = serializers.DictField(child=serializers.CharField())
    resumable = serializers.BooleanField()


class KindDetailSerializer(KindSerializer):
    schema = serializers.JSONField(help_text="JSON schema of the kind's config")


class DescriptionSerializer(serializers.Serializer[Any]):
    description = serializers.CharField(allow_blank=True, max_length=4000)


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    class Meta:
        model = Dataset
        fields = ("name", "description", "latest", "created", "updated")
        read_only_fields = fields


class FileSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    ref = serializers.CharField(read_only=True)
    run = serializers.CharField(source="output.run_uid", read_only=True)
    bytes = serializers.IntegerField(source="output.bytes", read_only=True)
    splits = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    classes = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = DatasetVersion
        fields = (
            "ref", "number", "digest", "fingerprint", "coord_space", "splits", "classes",
            "n_records", "n_objects", "n_rejects", "bytes", "run", "created",
        )
        read_only_fields = fields


class DatasetVersionDetailSerializer(DatasetVersionSerializer):
    report = serializers.JSONField(read_only=True)
    files = FileSerializer(source="output.files", many=True, read_only=True)

    class Meta(DatasetVersionSerializer.Meta):
        fields = (*DatasetVersionSerializer.Meta.fields, "report", "files")
        read_only_fields = fields


class RecordSerializer(serializers.ModelSerializer[DatasetRecord]):
    """`context` holds the dataset version that the records are of."""

    key = serializers.IntegerField(source="pk", read_only=True)
    id = serializers.CharField(source="record_id", read_only=True)
    objects = serializers.ListField(
        source="objects_json", child=serializers.DictField(), read_only=True
    )
    classes = serializers.SerializerMethodField()
    image = serializers.SerializerMethodField()

    class Meta:
        model = DatasetRecord
        fields = (
            "key", "id", "split", "index", "width", "height", "image", "image_sha", "objects",
            "n_objects", "classes", "summary",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_classes(self, row: DatasetRecord) -> dict[str, int]:
        return {item.class_name: item.count for item in row.classes.all()}

    @extend_schema_field({"type": "string", "format": "uri-reference"})
    def get_image(self, row: DatasetRecord) -> str:
        version: DatasetVersion = self.context["version"]
        slug = self.context["project"].slug
        return image_url(slug, version.dataset.name, version.number, row.pk)


def image_url(project: str, name: str, number: int, key: int) -> str:
    """Where the image of a record is served; `?size=320` gives a preview."""
    return reverse("api:dataset_image", args=[project, name, number, key])


class RejectSerializer(serializers.ModelSerializer[DatasetReject]):
    class Meta:
        model = DatasetReject
        fields = ("place", "code", "message", "detail")
        read_only_fields = fields


class ModelSerializer(serializers.ModelSerializer[ModelEntry]):
    class Meta:
        model = ModelEntry
        fields = ("name", "description", "latest", "created", "updated")
        read_only_fields = fields


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    ref = serializers.CharField(read_only=True)
    run = serializers.CharField(source="run_uid", read_only=True)
    bytes = serializers.IntegerField(source="output.bytes", read_only=True)
    headline = serializers.DictField(read_only=True)
    files = FileSerializer(source="output.files", many=True, read_only=True)

    class Meta:
        model = ModelVersion
        fields = ("ref", "number", "digest", "headline", "bytes", "run", "files", "created")
        read_only_fields = fields
