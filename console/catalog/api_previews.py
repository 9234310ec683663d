"""Endpoints of previews: a record's tokens, a record augmented, the plan of a mixture."""
from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.problems import ApiProblem, config_errors
from console.api.views import ApiView, valid
from console.catalog import augment_preview, queries
from console.catalog.augment_preview import AugmentChoice, preview_augmentation
from console.catalog.configs import MAX_TEXT
from console.catalog.fusion_preview import MAX_EPOCH, NewMember, preview_fusion
from console.catalog.models import DatasetRecord
from console.catalog.record_tabs import CHOSEN, token_choice
from console.catalog.serializers import ProblemItemSerializer
from console.catalog.token_preview import preview_tokens
from console.security.headers import INERT_POLICY
from mlcore.errors import ConfigError


class TokenChipSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    tokens = serializers.IntegerField()
    name = serializers.CharField(
        help_text="image, special, text, desc, coord, format, summary or eos"
    )
    supervised = serializers.BooleanField(help_text="the model learns these tokens")
    start = serializers.IntegerField(help_text="place of the first token")
    object = serializers.IntegerField(
        allow_null=True, help_text="place of its object in the record"
    )
    axis = serializers.CharField(allow_blank=True, help_text="of a coordinate: x or y")
    at = serializers.FloatField(allow_null=True, help_text="of a coordinate: its pixel")
    grid = serializers.ListField(
        child=serializers.IntegerField(), help_text="of an image: rows and columns of its tokens"
    )


class TokenTurnSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    chips = TokenChipSerializer(many=True)


class TokenPreviewSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    profile = serializers.CharField()
    mode = serializers.CharField()
    turns = TokenTurnSerializer(many=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="tokens by kind")
    total = serializers.IntegerField(help_text="tokens of the example")
    supervised = serializers.IntegerField(help_text="tokens that are learned")
    limit = serializers.IntegerField()
    over_limit = serializers.BooleanField()


class AugmentRequestSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(
        trim_whitespace=False, max_length=MAX_TEXT, help_text="YAML: ops, bypass_prob, curriculum"
    )
    seed = serializers.IntegerField(default=0, min_value=0, max_value=augment_preview.MAX_SEED)
    epoch = serializers.IntegerField(default=0, min_value=0, max_value=augment_preview.MAX_EPOCH)
    position = serializers.IntegerField(
        default=0, min_value=0, max_value=augment_preview.POSITIONS,
        help_text="place in training, per mille",
    )


class FateSerializer(serializers.Serializer[Any]):
    object = serializers.IntegerField(help_text="place in the original record")
    desc = serializers.CharField()
    kind = serializers.CharField()
    kept = serializers.BooleanField()
    coverage = serializers.FloatField(help_text="share of it that is left, 0 to 1")
    reason = serializers.CharField(allow_blank=True, help_text="why it is gone")
    desc_after = serializers.CharField(allow_blank=True)
    kind_after = serializers.CharField(allow_blank=True)


class AugmentedSerializer(serializers.Serializer[Any]):
    image = serializers.CharField(help_text="where the picture is, for as long as it is kept")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    objects = serializers.ListField(child=serializers.DictField())
    links = serializers.ListField(
        child=serializers.IntegerField(allow_null=True),
        help_text="place of each object in the original record; null for a pasted copy",
    )
    fates = FateSerializer(many=True)
    telemetry = serializers.DictField()
    summary_before = serializers.CharField(allow_blank=True)
    summary_after = serializers.CharField(allow_blank=True)
    step = serializers.IntegerField()
    total_steps = serializers.IntegerField()


class NewMemberSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=["target", "source"])
    dataset = serializers.CharField(max_length=200)
    split = serializers.CharField(default="train", max_length=80)
    ratio = serializers.FloatField(default=1.0, min_value=0, max_value=1000)


class FusionRequestSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(
        trim_whitespace=False, max_length=MAX_TEXT, allow_blank=True,
        help_text="YAML: a mixture, or a config of sft whose data is one",
    )
    epoch = serializers.IntegerField(default=0, min_value=0, max_value=MAX_EPOCH)
    add = NewMemberSerializer(required=False, help_text="a dataset to add to the text first")


class FusionPlanSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="the text, with what was added")
    ok = serializers.BooleanField()
    plan = serializers.DictField(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())
    order = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="place of the dataset of each of the first samples",
    )
    run_text = serializers.CharField(
        allow_blank=True, help_text="a config of sft that trains on the mixture"
    )
    errors = ProblemItemSerializer(many=True)


class _RecordView(ApiView):
    def row(self, name: str, number: int, record: int) -> DatasetRecord:
        return queries.record(queries.dataset_version(self.project, name, number), record)


@requires(get="datasets.view")
class RecordTokensView(_RecordView):
    query_parameters = frozenset({*CHOSEN, "length"})

    @extend_schema(
        responses=TokenPreviewSerializer,
        parameters=[
            OpenApiParameter(
                "model", str, description="builtin:NAME, model:NAME@V or run:UID/OUTPUT"
            ),
            OpenApiParameter("profile", str, description="the prompt profile"),
            OpenApiParameter("domain", str, description="bbu or rru, where the profile needs one"),
            OpenApiParameter("mode", str, enum=["dense", "summary"]),
            OpenApiParameter("grammar", str, enum=["coordjson", "objectjson"]),
            OpenApiParameter("emit_norm", str, enum=["none", "norm100", "norm1000"]),
            OpenApiParameter("field_order", str, enum=["desc_first", "geometry_first"]),
            OpenApiParameter("length", OpenApiTypes.INT, description="longest sample in tokens"),
        ],
    )
    def get(
        self, request: Request, project: str, name: str, number: int, record: int
    ) -> Response:
        """A record as a model sees it: its tokens by turn, and which of them are learned."""
        row = self.row(name, number, record)
        preview = preview_tokens(self.project, row, token_choice(request.query_params.get))
        return Response(preview.as_json())


@requires(post="datasets.view")
class RecordAugmentView(_RecordView):
    @extend_schema(request=AugmentRequestSerializer, responses=AugmentedSerializer)
    def post(
        self, request: Request, project: str, name: str, number: int, record: int
    ) -> Response:
        """A record as augmentation would make it. Nothing is stored but its picture, for a while.
        422 names every problem of the text."""
        body = valid(AugmentRequestSerializer(data=request.data))
        row = self.row(name, number, record)
        try:
            made = preview_augmentation(row, AugmentChoice(**body))
        except ConfigError as error:
            rows = config_errors(error.problems, "text")
            raise ApiProblem(422, "config", error.message, errors=rows) from error
        out = asdict(made)
        place = [project, name, number, row.pk, out.pop("key")]
        return Response(out | {"image": reverse("api:record_augmented_image", args=place)})


@requires(get="datasets.view")
class RecordAugmentedImageView(_RecordView):
    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(
        self, request: Request, project: str, name: str, number: int, record: int, key: str
    ) -> HttpResponseBase:
        """The picture of an augmented record that was made lately."""
        data = augment_preview.picture(self.row(name, number, record), key)
        response = HttpResponse(data, content_type="image/jpeg")
        response.headers["Cache-Control"] = "private, max-age=3600, immutable"
        response.headers["Content-Security-Policy"] = INERT_POLICY
        return response


@requires(post="datasets.view")
class FusionPlanView(ApiView):
    @extend_schema(request=FusionRequestSerializer, responses=FusionPlanSerializer)
    def post(self, request: Request, project: str) -> Response:
        """What each dataset of a mixture gives in an epoch. A text with problems is answered with
        them and no plan."""
        body = valid(FusionRequestSerializer(data=request.data))
        add = NewMember(**body["add"]) if body.get("add") else None
        found = preview_fusion(self.project, body["text"], body["epoch"], add)
        return Response({
            "text": found.text, "ok": found.plan is not None, "plan": found.plan,
            "warnings": found.warnings, "order": found.order, "run_text": found.run_text,
            "errors": config_errors(found.problems, "text"),
        })  # fmt: skip
