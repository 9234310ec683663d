"""Reading JSON bodies: bounded, and JSON only (no NaN, no nesting without end)."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser

from console.api.problems import ApiProblem


class JsonParser(JSONParser):
    def parse(
        self,
        stream: BinaryIO,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        data = stream.read(limit + 1)
        if len(data) > limit:
            raise ApiProblem(413, "too_large", f"A body has at most {limit:,} bytes.")
        try:
            value = json.loads(data, parse_constant=_refuse)
            if b"\\u" in data:
                _check_text(value)
            return value
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from error


class UnreadParser(BaseParser):
    """For views that read the stream themselves. The check of a browser's CSRF token asks
    for the parsed body before any view runs; it finds none, and takes the token of the header."""

    media_type = "*/*"

    def parse(
        self,
        stream: BinaryIO,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {}


def _check_text(value: Any) -> None:
    """NUL and halves of surrogate pairs are legal in JSON and in no text column."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("NUL is not allowed in a text")
        value.encode()
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
