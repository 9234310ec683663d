"""The filter of records as a query string: the same words in the API and in page addresses."""
from __future__ import annotations

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import OpenApiParameter

from console.catalog.browse import RecordFilter, bad_parameter
from console.catalog.queries import parse_range

SINGLE = ("split", "objects", "side", "near", "leaked", "text")
MANY = ("class", "attribute", "geometry", "negative")
NAMES = frozenset({*SINGLE, *MANY})
MOST = 12
"""values of one repeated parameter"""
PARAMETERS = [
    OpenApiParameter("split", str, description="only this split"),
    OpenApiParameter("class", str, many=True, description="has an object of each class"),
    OpenApiParameter(
        "attribute", str, many=True, description="has an object of each `class|key=value`"
    ),
    OpenApiParameter(
        "geometry", str, many=True, description="has an object of each of bbox_2d, poly, line"
    ),
    OpenApiParameter(
        "negative", str, many=True,
        description="has an object that is not as it must be, of each class; * for any class",
    ),
    OpenApiParameter("objects", str, description="how many objects: 3, 3-5, 3- or -5"),
    OpenApiParameter("side", str, description="longest side in pixels: 1024, 512-1024, 2000-"),
    OpenApiParameter("near", str, enum=["1"], description="in a group of near-duplicates"),
    OpenApiParameter("leaked", str, enum=["1"], description="in more than one split"),
    OpenApiParameter("text", str, description="part of the id or summary"),
]


def filter_of(params: QueryDict | MultiValueDict[str, str]) -> RecordFilter:
    """What a query string asks for. Raises ApiProblem 400 for what is no filter."""
    objects = parse_range(params.get("objects") or "", "objects")
    side = parse_range(params.get("side") or "", "side")
    many = {name: tuple(v for v in params.getlist(name) if v) for name in MANY}
    for name, values in many.items():
        if len(values) > MOST:
            raise bad_parameter(name, f"{name} may be given at most {MOST} times.")
    return RecordFilter(
        split=params.get("split") or "",
        classes=many["class"], attributes=many["attribute"], geometries=many["geometry"],
        negatives=many["negative"], min_objects=objects[0], max_objects=objects[1],
        min_side=side[0], max_side=side[1], near=_flag(params, "near"),
        leaked=_flag(params, "leaked"), text=params.get("text") or "",
    )


def filter_query(params: QueryDict) -> str:
    """The filter part of a query string, to carry from one page to the next."""
    kept = QueryDict(mutable=True)
    for name in (*SINGLE, *MANY):
        kept.setlist(name, [value for value in params.getlist(name) if value])
    return kept.urlencode()


def _flag(params: QueryDict | MultiValueDict[str, str], name: str) -> bool:
    value = params.get(name) or ""
    if value not in ("", "1"):
        raise bad_parameter(name, f"{name} is 1 or not there.")
    return value == "1"
