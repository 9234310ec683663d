"""Log lines are JSON and hold no secrets."""
from __future__ import annotations

import json
import logging
import sys

import pytest

from console.security.logs import JsonFormatter, blank_secrets


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.getLogger("test").makeRecord(
        "test", logging.INFO, __file__, 1, message, (), None, extra=extra
    )


def test_a_line_is_one_json_object_with_its_extras() -> None:
    line = json.loads(JsonFormatter().format(record("做了\nit", run="r1")))
    assert (line["message"], line["level"], line["run"]) == ("做了\nit", "info", "r1")
    assert "\n" not in JsonFormatter().format(record("a\nb"))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer ghh_12345678.abcdefgh",
        "token ghh_12345678.abcdefgh was refused",
        "{'password': 'abcdefgh'}",
        "secret=abcdefgh",
    ],
)
def test_secrets_are_blanked(text: str) -> None:
    assert "abcdefgh" not in blank_secrets(text)
    assert "***" in blank_secrets(text)


def test_a_traceback_is_kept_without_its_secrets() -> None:
    try:
        raise ValueError("Bearer abcdefgh")
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    line = json.loads(JsonFormatter().format(made))
    assert "ValueError" in line["traceback"]
    assert "abcdefgh" not in line["traceback"]
