"""Downloads row by row: CSV that no spreadsheet runs, JSON Lines, memory that does not grow."""
from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from console.catalog.streams import cell, csv_lines, json_lines, rows_response


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_numbers_stay_numbers_and_lists_read_as_words() -> None:
    assert [cell(v) for v in (-3, 1.5, None, ["a", "b"], {"a": 1}, True)] == [
        -3, 1.5, "", "a, b", '{"a": 1}', "True",
    ]  # fmt: skip


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_no_text_becomes_a_formula_and_none_is_lost(texts: list[str]) -> None:
    columns = [str(n) for n in range(len(texts))]
    text = "".join(csv_lines([dict(zip(columns, texts, strict=True))], columns))
    # newline="": the csv module itself ends rows.
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert rows[0] == columns
    for got, given_ in zip(rows[1], texts, strict=True):
        assert not got.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert got.removeprefix("'") == given_.removeprefix("'")


def test_json_lines_keep_every_key_and_letter() -> None:
    assert [json.loads(line) for line in json_lines([{"a": "标签"}])] == [{"a": "标签"}]


def endless(counter: list[int]) -> Iterator[dict[str, Any]]:
    while True:
        counter.append(1)
        yield {"a": "x" * 1000}


def test_rows_are_read_as_they_are_sent() -> None:
    counter: list[int] = []
    request = RequestFactory().get("/")
    response = rows_response(request, endless(counter), ["a"], "csv", "rejects")
    assert next(iter(response)).startswith("\ufeffa\r\n".encode())
    assert len(counter) < 100
    assert response.headers["Content-Disposition"] == 'attachment; filename="rejects.csv"'


def test_rows_stream_under_asgi_too() -> None:
    counter: list[int] = []
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    request = ASGIRequest(scope, io.BytesIO())
    response = rows_response(request, endless(counter), ["a"], "jsonl", "x")
    assert response.is_async

    async def first() -> bytes:
        async for chunk in response:
            return bytes(chunk)
        return b""

    assert asyncio.run(first()).startswith(b'{"a":"xxx')
    assert len(counter) < 100
