"""The OpenAPI document: the golden file changes only on purpose (UPDATE_GOLDEN=1)."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.validation import validate_schema

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "openapi.json"


@pytest.fixture
def document(api: Any, viewer: Any) -> dict[str, Any]:
    response = api(viewer).get("/api/v1/schema/")
    assert response.status_code == 200
    out: dict[str, Any] = json.loads(response.content)
    return out


def test_the_document_is_the_golden_one(document: dict[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    same = GOLDEN.read_text(encoding="utf-8") == text
    assert same, "the API changed; if on purpose: UPDATE_GOLDEN=1 pytest this file, and commit"


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate_schema(document)


def test_every_operation_has_a_name_and_a_sentence(document: dict[str, Any]) -> None:
    operations = [
        (path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if verb != "parameters"
    ]
    names = [operation["operationId"] for _path, _verb, operation in operations]
    assert len(names) == len(set(names))
    assert [(p, v) for p, v, operation in operations if not operation.get("description")] == []


def test_every_list_pages_by_cursor(document: dict[str, Any]) -> None:
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            names = {p["name"] for p in operation.get("parameters", [])}
            assert "page" not in names, path
            if not path.endswith("/log/"):  # a log is read by byte offset
                assert ("limit" in names) == ("cursor" in names), path
