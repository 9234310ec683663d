"""Strict reading of JSON that hosts send."""
from __future__ import annotations

import json
from typing import Any, NoReturn

from django.http import HttpRequest

from console.api.problems import ApiProblem


def read_json(request: HttpRequest) -> Any:
    """The body as JSON without NaN; what no database can hold as text is replaced.

    Raises ApiProblem 400.
    """
    body = request.body
    try:
        value = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ApiProblem(400, "malformed", f"The body is not JSON: {error}") from error
    # NUL and halves of surrogate pairs are legal in JSON and in no UTF-8 text column.
    if b"\\u0000" in body or b"\\ud" in body or b"\\uD" in body:
        return _clean(value)
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value
