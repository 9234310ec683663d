"""Keyset pages: a cursor names the last row seen, so a page costs the same at any depth and a row
that arrives meanwhile neither repeats nor hides another."""
from __future__ import annotations

import base64
import binascii
import bisect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.problems import ApiProblem

M = TypeVar("M", bound=Model)
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
PAGE_PARAMETERS = frozenset({"cursor", "limit"})


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows in order; `next_cursor` is None on the last page."""

    items: list[M]
    next_cursor: str | None


@dataclass(frozen=True)
class Order:
    """An order that clients may ask for by name. `fields` as in order_by, never null, the last one
    unique. Only fields of the row itself."""

    name: str
    fields: tuple[str, ...]


NEWEST = Order("newest", ("-id",))
OLDEST = Order("oldest", ("id",))
PLACES = Order("places", ("place",))


def keyset_page(
    rows: QuerySet[M], order: Order = NEWEST, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[M]:
    """The rows after the cursor. Raises ApiProblem 400 for a cursor that is not of this order."""
    if cursor:
        rows = rows.filter(_after(order, _decode(order, cursor)))
    found = list(rows.order_by(*order.fields)[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], _encode(order, found[limit - 1]))


def place_page(
    places: Sequence[int], cursor: str, limit: int
) -> tuple[Sequence[int], str | None]:
    """A page of ascending places after the cursor, and the cursor of the next one. The rows behind
    the places are fetched by them. Raises ApiProblem 400 for a cursor that is not of places."""
    start = 0
    if cursor:
        (last,) = _decode(PLACES, cursor)
        if not isinstance(last, int):
            raise _bad_cursor()
        start = bisect.bisect_right(places, last)
    found = places[start : start + limit]
    if start + limit >= len(places):
        return found, None
    return found, _encode_values(PLACES.name, [int(found[-1])])


def page_of_request(request: Request, rows: QuerySet[M], order: Order = NEWEST) -> Page[M]:
    """The page that `cursor` and `limit` of the query string ask for."""
    return keyset_page(rows, order, request.query_params.get("cursor", ""), limit_of(request))


def limit_of(request: Request) -> int:
    """How many rows a page may have. Raises ApiProblem 400 for anything but 1 to MAX_LIMIT."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise ApiProblem(
            400, "bad_parameter", f"limit must be a whole number from 1 to {MAX_LIMIT}.",
            errors=[{"parameter": "limit", "detail": f"1 to {MAX_LIMIT}"}],
        )
    return int(text)


def page_response(page: Page[M], to_json: Callable[[M], Mapping[str, Any]]) -> Response:
    """`{"items": [...], "next_cursor": ...}`."""
    items = [to_json(item) for item in page.items]
    return Response({"items": items, "next_cursor": page.next_cursor})


def paged(item: type[serializers.BaseSerializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The serializer of a page of items, for the OpenAPI document."""
    name = item.__name__.removesuffix("Serializer")
    fields = {
        "items": item(many=True),
        "next_cursor": serializers.CharField(allow_null=True),
    }
    return type(f"{name}PageSerializer", (serializers.Serializer,), fields)


def _after(order: Order, values: Sequence[Any]) -> Q:
    """Rows that come after the values: (a > x) or (a = x and b > y) or ..."""
    condition = Q()
    equal = Q()
    for field, value in zip(order.fields, values, strict=True):
        name = field.removeprefix("-")
        lookup = f"{name}__lt" if field.startswith("-") else f"{name}__gt"
        condition |= equal & Q(**{lookup: value})
        equal &= Q(**{name: value})
    return condition


def _encode(order: Order, row: Model) -> str:
    values: list[Any] = []
    for field in order.fields:
        value = row.serializable_value(field.removeprefix("-"))
        values.append({"t": value.isoformat()} if isinstance(value, datetime) else value)
    return _encode_values(order.name, values)


def _encode_values(name: str, values: Sequence[Any]) -> str:
    text = json.dumps([name, values], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(order: Order, cursor: str) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if name != order.name or len(values) != len(order.fields):
            raise ValueError("a cursor of another order")
        return [_value(value) for value in values]
    except (binascii.Error, ValueError, TypeError, KeyError) as error:
        raise _bad_cursor() from error


def _bad_cursor() -> ApiProblem:
    return ApiProblem(
        400, "bad_cursor", "The cursor is not one that this list gave for this order.",
        errors=[{"parameter": "cursor", "detail": "start again without a cursor"}],
    )


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["t"])
    if not isinstance(value, int | float | str):
        raise ValueError("a cursor holds numbers and texts")
    return value
