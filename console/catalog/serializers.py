"""The JSON forms of the catalog."""
from __future__ import annotations

from collections import Counter
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from console.catalog.diffs import FIELDS as DIFF_FIELDS
from console.catalog.models import (
    ConfigFile,
    ConfigVersion,
    Dataset,
    DatasetFacet,
    DatasetGroup,
    DatasetRecord,
    DatasetReject,
    DatasetVersion,
    ModelEntry,
    ModelVersion,
)
from mlcore.contract.desc import class_of
from mlcore.contract.rules import RULES


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
            "key", "place", "id", "split", "index", "width", "height", "image", "image_sha",
            "objects", "n_objects", "classes", "summary",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_classes(self, row: DatasetRecord) -> dict[str, int]:
        return dict(Counter(class_of(entry["desc"]) for entry in row.objects_json))

    @extend_schema_field({"type": "string", "format": "uri-reference"})
    def get_image(self, row: DatasetRecord) -> str:
        version: DatasetVersion = self.context["version"]
        slug = self.context["project"].slug
        return image_url(slug, version.dataset.name, version.number, row.pk)


def image_url(project: str, name: str, number: int, key: int) -> str:
    """Where the image of a record is served; `?size=320` gives a preview."""
    return reverse("api:dataset_image", args=[project, name, number, key])


class TileSerializer(RecordSerializer):
    """What a tile of the browser shows."""

    class Meta:
        model = DatasetRecord
        fields = (
            "key", "place", "id", "split", "width", "height", "image", "objects", "n_objects",
        )
        read_only_fields = fields


class WindowSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="records that pass the filter")
    first = serializers.IntegerField(help_text="position of the first item among them, from 0")
    items = TileSerializer(many=True)


class PlacesSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    places = serializers.ListField(child=serializers.IntegerField())


class FacetSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=DatasetFacet.Kind.values)
    label = serializers.CharField()
    objects = serializers.IntegerField(help_text="objects of the whole version")
    images = serializers.IntegerField(help_text="images of the whole version")
    matching = serializers.IntegerField(help_text="images that also pass the filter")


class FacetsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    facets = FacetSerializer(many=True)


class VerdictSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["ok", "warn", "bad", "unknown"])
    sentence = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    report = serializers.JSONField(help_text="report.json, long lists replaced by their length")
    verdicts = VerdictSerializer(many=True)


class GroupImageSerializer(serializers.Serializer[Any]):
    split = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    path = serializers.CharField(allow_null=True)
    distance = serializers.IntegerField(
        allow_null=True, help_text="bits of the perceptual hash to the first of the group"
    )
    key = serializers.IntegerField(allow_null=True, help_text="of the record, if it is there")
    image = serializers.CharField(allow_null=True)


class GroupSerializer(serializers.ModelSerializer[DatasetGroup]):
    """`context` holds project, version and `rows`: the records that groups name, by id."""

    images = serializers.SerializerMethodField()

    class Meta:
        model = DatasetGroup
        fields = ("order", "kind", "name", "across_splits", "images")
        read_only_fields = fields

    @extend_schema_field(GroupImageSerializer(many=True))
    def get_images(self, group: DatasetGroup) -> list[dict[str, Any]]:
        version: DatasetVersion = self.context["version"]
        out = []
        for image in group.images:
            row = self.context["rows"].get(image.get("id"))
            place = (self.context["project"].slug, version.dataset.name, version.number)
            out.append({
                "split": str(image.get("split", "")), "id": image.get("id"),
                "path": image.get("path"), "distance": image.get("distance"),
                "key": row.pk if row else None, "image": image_url(*place, row.pk) if row else None,
            })
        return out


class VersionDiffSerializer(serializers.Serializer[Any]):
    old = serializers.IntegerField(help_text="number of the version compared with")
    new = serializers.IntegerField()
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    same = serializers.IntegerField()


class RecordChangeSerializer(serializers.Serializer[Any]):
    change = serializers.ChoiceField(choices=["added", "removed", "changed"])
    id = serializers.CharField()
    fields = serializers.ListField(  # type: ignore[assignment]
        child=serializers.ChoiceField(choices=list(DIFF_FIELDS))
    )
    old = RecordSerializer(allow_null=True)
    new = RecordSerializer(allow_null=True)


class LinesSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, max_length=8_000_000)
    filename = serializers.CharField(default="records.jsonl", max_length=200)


class LineProblemSerializer(serializers.Serializer[Any]):
    file = serializers.CharField()
    line = serializers.IntegerField()
    path = serializers.CharField()
    rule = serializers.CharField()
    message = serializers.CharField()


class ValidationSerializer(serializers.Serializer[Any]):
    records = serializers.IntegerField()
    valid = serializers.IntegerField()
    rejected = serializers.IntegerField()
    problems = LineProblemSerializer(many=True)
    by_rule = serializers.DictField(child=serializers.IntegerField())
    fingerprint = serializers.CharField()


class RejectSerializer(serializers.ModelSerializer[DatasetReject]):
    sentence = serializers.SerializerMethodField(help_text="what the rule says")

    class Meta:
        model = DatasetReject
        fields = ("place", "code", "sentence", "message", "detail")
        read_only_fields = fields

    def get_sentence(self, row: DatasetReject) -> str:
        return RULES.get(row.code, "")


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
