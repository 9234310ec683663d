"""Long answers row by row: CSV and JSON Lines, never held in memory as a whole."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_FLUSH = 64 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""a cell that begins so would be run as a formula by a spreadsheet"""


def rows_response(
    request: HttpRequest, rows: Iterable[Mapping[str, Any]], columns: list[str], format_: str,
    name: str,
) -> StreamingHttpResponse:
    """Rows as a download named `name.format`. `columns` are the CSV's; JSON Lines has every key."""
    lines = csv_lines(rows, columns) if format_ == "csv" else json_lines(rows)
    chunks = _gathered(lines)
    body: Any = _in_thread(chunks) if isinstance(request, ASGIRequest) else chunks
    response = StreamingHttpResponse(body, content_type=FORMATS[format_])
    response.headers["Content-Disposition"] = content_disposition_header(
        True, f"{name}.{format_}"
    ) or "attachment"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def bytes_response(
    request: HttpRequest, chunks: Iterator[bytes], name: str, size: int, etag: str
) -> StreamingHttpResponse:
    """Bytes that never change, as a download of JSON Lines. `size` in bytes."""
    body: Any = _in_thread(chunks) if isinstance(request, ASGIRequest) else chunks
    response = StreamingHttpResponse(body, content_type=FORMATS["jsonl"])
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["Content-Length"] = str(size)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> Iterator[str]:
    """A head line and a line per row, for spreadsheets of any language: UTF-8 with a mark."""
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(column)) for column in columns])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def cell(value: Any) -> str | int | float:
    """A value as a cell. Text that a spreadsheet would run as a formula gets a quote before it."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float | str | list | dict):
        return str(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _gathered(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines in chunks of some size: one trip to a thread each."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _FLUSH:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()


async def _in_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    # thread_sensitive: the request's own thread, which has its database connection.
    while (chunk := await sync_to_async(next)(chunks, None)) is not None:
        yield chunk
