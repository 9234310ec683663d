"""Endpoints that turn older JSONL and older training configs into today's forms; they store
nothing."""
from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.roles import SIGNED_IN
from console.api.views import ApiView, valid
from console.catalog import migrating
from console.catalog.serializers import LineProblemSerializer
from mlcore.contract.records import COORD_SPACES

LONGEST = 8_000_000
LONGEST_CONFIG = 1_000_000
MOST_FILES = 40

OLD_LINE = (
    '{"images": ["images/a.jpg"], "width": 640, "height": 480, "objects": '
    '[{"desc": "screw", "bbox": [12, 8, 60, 44]}]}\n'
)
NEW_LINE = (
    '{"id":"old-000001","images":["images/a.jpg"],"width":640,"height":480,'
    '"coord_space":"pixel","objects":[{"desc":"screw","bbox_2d":[12,8,60,44]}]}\n'
)
OLD_CONFIG = (
    "model: {model: /m/base}\n"
    "training: {max_steps: 100, learning_rate: 1.0e-4, rlhf_type: dpo}\n"
    "custom: {train_jsonl: d/train.jsonl}\n"
)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A record of an older form",
            value={"text": OLD_LINE, "filename": "old.jsonl", "coord_space": "pixel"},
            request_only=True,
        )
    ]
)
class RecordsToMigrateSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(
        trim_whitespace=False, allow_blank=True, max_length=LONGEST,
        help_text=f"JSONL; at most {migrating.MOST_LINES:,} lines",
    )
    filename = serializers.CharField(
        default="records.jsonl", max_length=200,
        help_text="what problems call it; records without an id get its stem and their line",
    )
    coord_space = serializers.ChoiceField(
        choices=COORD_SPACES, default=None, allow_null=True,
        help_text="of records that name none and hold numbers; without it they are rejected",
    )
    max_reject_share = serializers.FloatField(
        min_value=0, max_value=1, default=0,
        help_text="with more rejected lines the answer is a 422 that names them",
    )


class LineFateSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="from 1")
    status = serializers.ChoiceField(choices=("kept", "rejected"))
    id = serializers.CharField(allow_blank=True, help_text="of the record; empty when rejected")
    changes = serializers.DictField(
        child=serializers.IntegerField(), help_text="what was changed, and how often"
    )
    rules = serializers.ListField(child=serializers.CharField(), help_text="why it was rejected")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The record in the contract",
            value={
                "lines": 1, "kept": 1, "rejected": 0,
                "changes": {"bbox to bbox_2d": 1, "coord_space given": 1, "ids given": 1},
                "by_rule": {},
                "text": NEW_LINE,
                "fates": [
                    {
                        "line": 1, "status": "kept", "id": "old-000001",
                        "changes": {
                            "bbox to bbox_2d": 1, "coord_space given": 1, "ids given": 1
                        },
                        "rules": [],
                    }
                ],
                "problems": [],
            },
            response_only=True,
        )
    ]
)
class MigratedRecordsSerializer(serializers.Serializer[Any]):
    lines = serializers.IntegerField()
    kept = serializers.IntegerField()
    rejected = serializers.IntegerField()
    changes = serializers.DictField(child=serializers.IntegerField())
    by_rule = serializers.DictField(child=serializers.IntegerField())
    text = serializers.CharField(help_text="the records as JSONL, in the order of their lines")
    fates = LineFateSerializer(many=True, help_text="one per line")
    problems = LineProblemSerializer(
        many=True, help_text=f"the first {migrating.MOST_PROBLEMS:,}; `by_rule` counts all"
    )


class _Texts(serializers.DictField):
    child = serializers.CharField(
        trim_whitespace=False, allow_blank=True, max_length=LONGEST_CONFIG
    )

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > MOST_FILES:
            raise serializers.ValidationError(f"at most {MOST_FILES} files")
        return super().to_internal_value(data)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "An older config with its parent",
            value={
                "text": "extends: base.yaml\ncustom: {train_jsonl: d/train.jsonl}\n",
                "filename": "old.yaml",
                "files": {"base.yaml": "model: {model: /m/base}\ntraining: {max_steps: 100}\n"},
            },
            request_only=True,
        )
    ]
)
class ConfigToMigrateSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, max_length=LONGEST_CONFIG)
    filename = serializers.CharField(default="config.yaml", max_length=200)
    files = _Texts(
        default=dict,
        help_text="texts of the files that it names (`extends`, a mixture, prompts, the training "
        "JSONL whose lines give the steps of an epoch), by the names in it",
    )


class KeyFateSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="dotted, as in the old file")
    value = serializers.JSONField()
    status = serializers.ChoiceField(choices=("carried", "removed", "unsupported", "unknown"))
    to = serializers.ListField(child=serializers.CharField(), help_text="the keys that now say it")
    note = serializers.CharField(allow_blank=True)


class KeySetSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    value = serializers.JSONField()
    why = serializers.CharField()


class KeyToFillSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    line = serializers.IntegerField(help_text="of the new text")
    why = serializers.CharField()


class MigratedConfigSerializer(serializers.Serializer[Any]):
    schema = serializers.CharField()
    loads = serializers.BooleanField(help_text="nothing is left to fill in")
    counts = serializers.DictField(child=serializers.IntegerField())
    keys = KeyFateSerializer(many=True, help_text="every key of the old file, in its order")
    set = KeySetSerializer(many=True, help_text="what was written although no old key said it")
    fill_in = KeyToFillSerializer(many=True, help_text="what a person must write")
    text = serializers.CharField(help_text="the new config")


@requires(post=SIGNED_IN)
class MigrateRecordsView(ApiView):
    @extend_schema(request=RecordsToMigrateSerializer, responses=MigratedRecordsSerializer)
    def post(self, request: Request) -> Response:
        """Turn JSONL of older forms (quad, bbox, polygon, coord tokens, missing ids) into records
        of the contract. Images are left aside. Past the reject share: a 422 that names every
        line."""
        body = valid(RecordsToMigrateSerializer(data=request.data))
        return Response(migrating.migrate_records(
            body["text"], body["filename"], body["coord_space"], body["max_reject_share"]
        ))


@requires(post=SIGNED_IN)
class MigrateConfigView(ApiView):
    @extend_schema(request=ConfigToMigrateSerializer, responses=MigratedConfigSerializer)
    def post(self, request: Request) -> Response:
        """Turn a training config of the ms-swift-like form into one of today's, with the fate of
        every key. A text that is no such config is a 422."""
        body = valid(ConfigToMigrateSerializer(data=request.data))
        return Response(
            migrating.migrate_config(body["text"], body["filename"], body["files"])
        )
