"""Gate results over HTTP."""
from __future__ import annotations

import json
from typing import Any

import pytest

from console.accounts.audit import SYSTEM
from console.gates.services import record_result
from console.runs import services

pytestmark = pytest.mark.django_db
REPORT = {"schema": "gate/1", "policy": "demo", "passed": True, "checks": [], "evidence": {}}


def verdict(project: Any, **changes: Any) -> Any:
    request = services.LaunchRequest(text="kind: synth\n")
    return record_result(services.launch(SYSTEM, project, request), {**REPORT, **changes})


def test_verdicts_are_listed_by_policy(api: Any, viewer: Any, project: Any) -> None:
    verdict(project)
    strict = verdict(project, policy="strict", passed=False)
    client = api(viewer)
    listed = json.loads(client.get("/api/v1/projects/alpha/gates/?policy=strict").content)
    assert [(row["id"], row["passed"]) for row in listed["items"]] == [(strict.pk, False)]
    assert client.get(f"/api/v1/projects/alpha/gates/{strict.pk}/").status_code == 200


def test_a_verdict_of_another_project_does_not_exist(
    api: Any, viewer: Any, foreign_project: Any
) -> None:
    theirs = verdict(foreign_project)
    assert api(viewer).get(f"/api/v1/projects/alpha/gates/{theirs.pk}/").status_code == 404


def test_a_report_of_another_kind_is_no_verdict(project: Any) -> None:
    assert verdict(project, schema="evaluation/1") is None
