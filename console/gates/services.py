"""Writes of gates: the verdict of a finished gate run becomes a row."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.gates.models import GateResult
from console.runs.models import Run

SCHEMA = "gate/1"
EVIDENCE = ("evaluation", "verdicts")
"""types of what a gate judges"""


def record_result(run: Run, report: Mapping[str, Any]) -> GateResult | None:
    """Store the verdict that a gate's report holds; None when it is no report of a gate.

    A report without a plain `passed: true` is stored as not passed: a gate fails closed.
    """
    if report.get("schema") != SCHEMA:
        return None
    checks = report.get("checks")
    evidence = report.get("evidence")
    evidence = evidence if isinstance(evidence, dict) else {}
    evaluation = next((i["digest"] for i in run.inputs if i["type"] in EVIDENCE), "")
    values = {
        "project": run.project,
        "policy": str(report.get("policy", ""))[:200],
        "passed": report.get("passed") is True,
        "evaluation_digest": evaluation or _digest(evidence, "evaluation_digest", "evaluation"),
        "model_digest": _digest(evidence, "model_digest", "model"),
        "checks": checks if isinstance(checks, list) else [],
        "evidence": evidence,
    }
    result, _ = GateResult.objects.update_or_create(run=run, defaults=values)
    return result


def _digest(evidence: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = evidence.get(name)
        if isinstance(value, Mapping):
            value = value.get("digest")
        if isinstance(value, str) and len(value) == 64:
            return value
    return ""
