"""Endpoints that read and write model output in either grammar; they store nothing."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.roles import SIGNED_IN
from console.api.problems import ApiProblem
from console.api.views import ApiView, valid
from mlcore import coordjson, objectjson
from mlcore.coordjson.errors import AnswerError
from mlcore.coordjson.report import objects_of, report, report_with_spans
from mlcore.coordjson.types import FIELD_ORDERS
from mlcore.errors import DataError
from mlcore.objectjson.prefix import parse_prefixed, read_prefix
from mlcore.objectjson.scale import EMIT_NORMS

LONGEST = 1_000_000
MOST_RECORDS = 20_000
T = TypeVar("T")


class _Scaled(serializers.Serializer[Any]):
    """What the whole numbers of object_N JSON are."""

    emit_norm = serializers.ChoiceField(choices=EMIT_NORMS, default="norm1000")
    width = serializers.IntegerField(min_value=1, max_value=65535, default=None, allow_null=True)
    height = serializers.IntegerField(min_value=1, max_value=65535, default=None, allow_null=True)


class CoordJsonParseSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, allow_blank=True, max_length=LONGEST)
    mode = serializers.ChoiceField(choices=("strict", "salvage"), default="strict")
    field_order = serializers.ChoiceField(choices=FIELD_ORDERS, default="any")
    spans = serializers.BooleanField(default=False)


class CoordJsonRenderSerializer(serializers.Serializer[Any]):
    records = serializers.ListField(child=serializers.DictField(), max_length=MOST_RECORDS)
    field_order = serializers.ChoiceField(choices=FIELD_ORDERS[:2], default="desc_first")


class ObjectJsonParseSerializer(CoordJsonParseSerializer, _Scaled):
    pass


class ObjectJsonRenderSerializer(CoordJsonRenderSerializer, _Scaled):
    pass


class AnswerRecordSerializer(serializers.Serializer[Any]):
    desc = serializers.CharField()
    bbox_2d = serializers.ListField(child=serializers.IntegerField(), required=False)
    poly = serializers.ListField(child=serializers.IntegerField(), required=False)
    line = serializers.ListField(child=serializers.IntegerField(), required=False)
    index = serializers.IntegerField(required=False)
    span = serializers.ListField(child=serializers.IntegerField(), required=False)
    geometry_span = serializers.ListField(child=serializers.IntegerField(), required=False)


class AnswerDropSerializer(serializers.Serializer[Any]):
    rule = serializers.CharField()
    span = serializers.ListField(child=serializers.IntegerField())


class AnswerPrefixSerializer(serializers.Serializer[Any]):
    domain = serializers.CharField()
    task = serializers.CharField()


class AnswerReportSerializer(serializers.Serializer[Any]):
    records = AnswerRecordSerializer(many=True)
    dropped = serializers.DictField(child=serializers.IntegerField())
    truncated = serializers.BooleanField()
    drops = AnswerDropSerializer(many=True, required=False)
    objects_array_open_cut = serializers.IntegerField(required=False, allow_null=True)
    record_end_cuts = serializers.ListField(child=serializers.IntegerField(), required=False)
    prefix = AnswerPrefixSerializer(required=False)


class AnswerTextSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()


@requires(post=SIGNED_IN)
class CoordJsonParseView(ApiView):
    @extend_schema(request=CoordJsonParseSerializer, responses=AnswerReportSerializer)
    def post(self, request: Request) -> Response:
        """Read CoordJSON. Strict refuses with a 422 that has the position and rule of the first
        violation; salvage keeps every right record."""
        body = valid(CoordJsonParseSerializer(data=request.data))
        text, order = body["text"], body["field_order"]
        if body["mode"] == "strict":
            _or_problem("/text", lambda: coordjson.parse_strict(text, order))
        found = coordjson.parse_salvage(text, order)
        return Response(report_with_spans(found) if body["spans"] else report(found))


@requires(post=SIGNED_IN)
class CoordJsonRenderView(ApiView):
    @extend_schema(request=CoordJsonRenderSerializer, responses=AnswerTextSerializer)
    def post(self, request: Request) -> Response:
        """Write the CoordJSON of records; numbers are bins 0..999."""
        body = valid(CoordJsonRenderSerializer(data=request.data))
        text = _or_problem("/records", lambda: coordjson.render(
            [coordjson.CoordObject(*item) for item in objects_of(body["records"])],
            body["field_order"],
        ))
        return Response({"text": text})


@requires(post=SIGNED_IN)
class ObjectJsonParseView(ApiView):
    @extend_schema(request=ObjectJsonParseSerializer, responses=AnswerReportSerializer)
    def post(self, request: Request) -> Response:
        """Read object_N JSON. As for CoordJSON; `emit_norm` none needs width and height. A first
        line with domain and task is reported."""
        body = valid(ObjectJsonParseSerializer(data=request.data))
        text, order, scale = body["text"], body["field_order"], _scale(body)
        if body["mode"] == "strict":
            _or_problem("/text", lambda: parse_prefixed(text, scale, order))
        found = objectjson.parse_salvage(text, scale, order)
        out = report_with_spans(found) if body["spans"] else report(found)
        prefix = read_prefix(text)
        if prefix:
            out["prefix"] = {"domain": prefix.domain, "task": prefix.task}
        return Response(out)


@requires(post=SIGNED_IN)
class ObjectJsonRenderView(ApiView):
    @extend_schema(request=ObjectJsonRenderSerializer, responses=AnswerTextSerializer)
    def post(self, request: Request) -> Response:
        """Write the object_N JSON of records; numbers are those of `emit_norm`, flat."""
        body = valid(ObjectJsonRenderSerializer(data=request.data))
        scale = _scale(body)
        text = _or_problem("/records", lambda: objectjson.render(
            [objectjson.PlainObject(*item) for item in objects_of(body["records"])],
            scale,
            body["field_order"],
        ))
        return Response({"text": text})


def _scale(body: dict[str, Any]) -> objectjson.Scale:
    return _or_problem("/emit_norm", lambda: objectjson.Scale(
        body["emit_norm"], body["width"] or 0, body["height"] or 0
    ))


def _or_problem(pointer: str, act: Callable[[], T]) -> T:
    """What the act returns; its refusal as a 422."""
    try:
        return act()
    except AnswerError as error:
        place = {"pointer": pointer, "detail": error.reason,
                 "position": error.position, "rule": error.rule}
        raise ApiProblem(422, "answer", error.message, errors=[place]) from error
    except DataError as error:
        raise ApiProblem(
            422, "answer", error.message, errors=[{"pointer": pointer, "detail": error.message}]
        ) from error
